//! A change of an environment, from what is wanted to be different to the environment that is.

mod apply;
mod bytecode;
mod dropped;
mod stage_folder;
mod switching;
#[cfg(test)]
mod tests;

pub use apply::{Applied, How, Moment};
pub(in crate::installer) use apply::{Applying, apply};
pub(in crate::installer) use stage_folder::StageFolder;

use super::installed::Distribution;
use super::stage::Addition;

/// What is to be different. Wheels replace what is installed of the same project only if that is among the removals.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// Wheels to install.
    pub additions: Vec<Addition>,
    /// Installed projects to remove.
    pub removals: Vec<Distribution>,
}
