//! What the benchmarks are made of. `cargo bench -p stratheal-benches` runs them; `docs/benchmarks.md` reads their results.
//!
//! A figure is only worth something next to another one that was taken in the same way, so every benchmark measures a peer in
//! the same run, prints both, and says loudly what it could not measure.

pub mod child;
pub mod engine;
pub mod failure;
pub mod fetch;
pub mod healing;
pub mod health;
pub mod install;
pub mod launcher;
pub mod monotonic;
pub mod proc;
pub mod program;
pub mod quantile;
pub mod snapshot;
pub mod table;
pub mod tool;
