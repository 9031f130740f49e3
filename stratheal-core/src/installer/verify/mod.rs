//! Whether an environment is what its installers made of it.
//!
//! Every file is compared with the RECORD of its project, projects with each other, and all of it with the interpreter. Nothing is changed. An
//! environment whose interpreter is gone can be looked at as well: its files say where they belong.

mod alien;
mod configuration;
mod conflicts;
mod content;
mod examine;
mod expected;
mod finding;
mod imports;
mod judge;
mod linked;
mod mode;
mod moved;
mod programs;
mod project;
mod pth;
mod remedy;
mod sentence;
mod shared;
mod sight;
mod standing;
mod stat;
mod stat_cache;
mod subject;
mod vanished;
mod verified;

pub(in crate::installer) use configuration::complaints;
pub(in crate::installer) use content::hash;
#[cfg(feature = "snapshot")]
pub(crate) use content::open as open_file;
pub(in crate::installer) use examine::Examined;
pub(in crate::installer) use expected::Expected;
pub use finding::{Finding, Problem, Severity, Shared};
pub(in crate::installer) use judge::mender;
pub use mode::Right;
pub(in crate::installer) use programs::PROGRAM;
pub(in crate::installer) use project::Project;
pub use remedy::Remedy;
pub(crate) use shared::packages_of;
pub(in crate::installer) use standing::Standing;
#[cfg(feature = "snapshot")]
pub(crate) use stat::Stat;
#[cfg(feature = "snapshot")]
pub(crate) use stat_cache::StatCache;
pub use subject::Subject;
pub(in crate::installer) use vanished::{Vanished, vanished};
pub use verified::{Verified, VerifyOptions};
