//! The health engine: when checks run, what their results mean, and who may read it.
//!
//! # How it works
//! One scheduler task owns all state, on a thread of its own. Checks run on *lanes*, threads with a small runtime each, so that
//! a check that blocks can only ever block its lane; the scheduler sees that within 50 ms, moves the other checks of that lane
//! elsewhere and starts a replacement. Results go back to the scheduler, which decides purely ([`gate`], [`graph`],
//! [`schedule`], [`permits`], [`admission`]) and publishes one swappable cell per check. Readers look at cells: they never run
//! a check, and never wait.
//!
//! The engine knows the traits of [`contract`](crate::contract) only, never a concrete check, store or notifier.

pub mod admission;
pub mod builder;
pub mod cell;
mod commands;
pub mod explain;
pub mod gate;
pub mod graph;
pub mod handle;
mod lane;
pub mod once;
mod outbox;
pub mod permits;
mod pulse;
mod runner;
pub mod schedule;
mod scheduler;
pub mod self_check;
mod settle;
mod slot;
pub mod vitals;
mod watch;

pub use builder::{Engine, EngineBuilder, EngineError, Registration};
pub use handle::{Applied, EngineHandle, Shutdown};
