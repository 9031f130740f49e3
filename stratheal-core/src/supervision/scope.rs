//! For how much a monitor is begun.

use std::path::Path;

use crate::healing::{Acts, Store, StoreError};

/// For how much a monitor is begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// To watch and to heal until it is told to end: what shall run is started.
    Up,
    /// For one command: what runs is taken over, nothing is started by itself, and this much is healed.
    Once(Acts),
    /// To say what would be done. Nothing is written down, told or done.
    Look,
}

impl Scope {
    /// What is known of what is being healed. Whoever only looks leaves no traces.
    pub(super) fn store(&self, state: &Path) -> Result<Store, StoreError> {
        match self {
            Self::Look if !Store::is_in(state) => Ok(Store::in_memory()),
            Self::Look => Ok(Store::open(state)?.to_look_at()),
            Self::Up | Self::Once(_) => Store::open(state),
        }
    }

    pub(super) fn acts(&self) -> Acts {
        match self {
            Self::Up => Acts::Always,
            Self::Once(acts) => acts.clone(),
            Self::Look => Acts::WhenAsked,
        }
    }
}
