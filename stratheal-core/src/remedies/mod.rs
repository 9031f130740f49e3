//! What can be done about a failing check.
//!
//! Each remedy plans without touching anything, does one step at a time, and looks from outside whether a step was done. None of them
//! says whether it helped: that is decided by running the failing check again.

#[cfg(feature = "snapshot")]
pub mod environment;
pub mod free_disk;
#[cfg(all(feature = "service", unix))]
mod restart_service;
mod run_command;
mod sequence;

#[cfg(all(feature = "service", unix))]
pub use restart_service::RestartService;
pub use run_command::{CommandToRun, RunAs, RunCommand};
pub use sequence::{InvalidSequence, Sequence};
