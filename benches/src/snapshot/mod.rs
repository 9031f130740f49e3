//! Snapshots beside copies, archives and backup programs.

mod peer;
pub mod report;
mod scene;
mod switch;
