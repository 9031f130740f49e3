//! A change of an environment, from what is wanted to be different to the environment that is.

mod apply;
mod bytecode;
mod dropped;
mod forbidden;
mod overwritten;
mod stage_folder;
mod switching;
#[cfg(test)]
mod tests;

pub use apply::{Applied, How, Moment};
pub(in crate::installer) use apply::{Applying, apply};
#[cfg(feature = "snapshot")]
pub(crate) use stage_folder::OWN;
pub(crate) use stage_folder::StageFolder;
#[cfg(feature = "snapshot")]
pub(crate) use switching::{Switched, Switching};

use super::installed::Distribution;
use super::stage::Addition;
use crate::objects::LinkMode;

/// How environments are changed.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::installer) struct Ways {
    /// How files come out of the store.
    pub(in crate::installer) link_mode: LinkMode,
    /// Whether files are replaced one by one although the whole could be.
    pub(in crate::installer) in_place: bool,
    /// Whether what is new is compiled before it is there.
    pub(in crate::installer) compile: bool,
    /// Whether a wheel whose RECORD is wrong is refused.
    pub(in crate::installer) strict: bool,
}

/// What is to be different. Wheels replace what is installed of the same project only if that is among the removals.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// Wheels to install.
    pub additions: Vec<Addition>,
    /// Installed projects to remove.
    pub removals: Vec<Distribution>,
}
