//! Processes: what they are, how they are, and finding them.

mod find;
mod info;
mod pid_file;
mod stat;

pub use find::{ProcessSelector, find, fits};
pub use info::{DescriptorUse, Process, descriptors, list, read};
#[cfg(target_os = "linux")]
pub(crate) use info::{if_alive, pids};
pub use pid_file::{InvalidPidFile, parse as parse_pid_file, read as read_pid_file};
pub use stat::{ProcessId, ProcessStat, ProcessState, parse as parse_stat, read as read_stat};
