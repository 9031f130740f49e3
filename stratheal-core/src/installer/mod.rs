//! The installer engine: the environment that was asked for, whole, or the old one untouched.
//!
//! What is wanted ([`requirement`]) becomes a lock of files with hashes ([`lock`]); the files become the next environment, which is
//! built beside the current one, checked, and switched in as one step.

mod change;
mod error;
mod installed;
pub mod lock;
mod python;
pub mod requirement;
mod stage;
mod switch;
mod wheel;

pub use change::{Applied, Change, How, Moment};
pub use error::{FileConflict, InstallError};
pub use installed::{Distribution, Installed, NotADistribution};
pub use python::{Compatibility, Interpreter, InterpreterError, KnownInterpreters, Libc, PyvenvCfg, Scheme};
pub use stage::{Addition, WheelError};
pub use switch::{Holder, Recovered};
pub use wheel::{CoreFields, EntryPoint, InvalidEntryPoints, InvalidMetadata, parse_entry_points, parse_metadata};
