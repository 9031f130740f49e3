//! The keeper: one small process that owns all children.
//!
//! It is started by an engine, but belongs to a session of its own and outlives it: it holds the children's pipes, writes their logs,
//! takes their exit statuses, and is their sub-reaper, so that nothing they start gets lost. An engine that comes back finds in the list
//! of runs whatever happened in between. There is exactly one for a folder, which a lock says; it serves one engine at a time, and a
//! newer one replaces an older one. It ends when it is asked to, and stops everything on SIGTERM.
//!
//! It is the same program as the engine, started with the word `keeper`, so a program that embeds this crate calls [`main_if_asked`]
//! first thing in its `main`:
//!
//! ```no_run
//! use std::process::ExitCode;
//! use stratheal_core::service::keeper;
//!
//! fn main() -> ExitCode {
//!     if let Some(code) = keeper::main_if_asked() {
//!         return code;
//!     }
//!     // The program itself.
//!     ExitCode::SUCCESS
//! }
//! ```

mod inside;
mod launch;
mod leftovers;
mod look;
mod notify;
mod place;
mod program;
mod run;
mod serve;
mod socket;
mod strangers;
mod table;

pub use place::KeeperPlace;
pub use program::{KeeperProgram, Role, main_if_asked};
pub use serve::{KeeperError, run};
