//! Remedies for virtual environments: damaged files put back, everything made anew, or the way back to what was good.
//!
//! Each keeps a snapshot of what was there, so that what did not help is taken back byte by byte.

mod rebuild;
mod repair;
mod rollback;
mod workshop;

pub use rebuild::RebuildEnvironment;
pub use repair::RepairEnvironment;
pub use rollback::RollbackEnvironment;
pub use workshop::{OpenWorkshop, Workshop};
