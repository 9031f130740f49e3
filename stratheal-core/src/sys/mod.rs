//! Readers of this host: `/proc`, control groups, pressure, mounts, processes, and running commands.
//!
//! Everything is read below a [`SysRoot`], so that tests can point at a folder of recorded files. Parsers are pure and apart from
//! the reading. Where there is no `/proc`, as on macOS and Windows, `sysinfo` answers what it can.

pub mod cgroup;
pub mod command;
pub mod cpu;
#[cfg(unix)]
pub mod descriptors;
#[cfg(unix)]
pub mod disk_usage;
mod elsewhere;
pub mod error;
mod fields;
pub mod filesystem;
pub mod limits;
pub mod listening;
pub mod load;
pub mod memory;
pub mod mounts;
pub mod oom;
pub mod open_files;
pub mod pressure;
pub mod process;
pub mod root;
pub mod uptime;

pub use error::{Malformed, SysError};
pub use root::SysRoot;
