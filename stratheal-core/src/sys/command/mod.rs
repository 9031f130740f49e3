//! Running other programs: bounded in time and output, and gone with everything they started.
//!
//! A [`Command`] is a program with arguments, never a shell line. It runs in a process group of its own. When its time is over, or
//! when nobody waits for it any more, its whole process tree is killed: everything below it by parent, everything in its group, and
//! what left both, which is recognised by a mark in its environment.

mod capture;
mod feed;
mod label;
mod mark;
mod reaper;
mod running;
mod spec;
mod tree;

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;

pub use capture::Captured;
pub use label::end_labelled;
pub use mark::VARIABLE as MARK_VARIABLE;
#[cfg(target_os = "linux")]
#[cfg_attr(not(feature = "service"), expect(unused_imports, reason = "services alone look for marks elsewhere"))]
pub(crate) use mark::marks;
pub use reaper::settle;
pub use running::{Ending, Finished, Running};
#[cfg(all(unix, feature = "service"))]
pub(crate) use spec::find_program;
pub use spec::{Command, CommandError, DEFAULT_ENVIRONMENT, RunAs};
