//! For how much a monitor is begun.

use stratheal_core::healing::Acts;

/// For how much a monitor is begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Scope {
    /// To watch and to heal until it is told to end: what shall run is started.
    Up,
    /// For one command: what runs is taken over, nothing is started by itself, and this much is healed.
    Once(Acts),
    /// To say what would be done. Nothing is written down, told or done.
    Look,
}

impl Scope {
    pub(super) fn acts(&self) -> Acts {
        match self {
            Self::Up => Acts::Always,
            Self::Once(acts) => acts.clone(),
            Self::Look => Acts::WhenAsked,
        }
    }
}
