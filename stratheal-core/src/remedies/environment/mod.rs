//! Remedies for virtual environments: damaged files put back, everything made anew, or the way back to what was good.
//!
//! All three first keep what is there, so that what did not help is taken back byte by byte (`remedy`). They differ in how they look and
//! in what they do.

mod rebuild;
mod remedy;
mod repair;
mod rollback;
mod workshop;

pub use remedy::EnvironmentRemedy;
pub use workshop::{OpenWorkshop, Workshop};
