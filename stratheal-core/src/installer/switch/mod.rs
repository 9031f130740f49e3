//! From the old environment to the new one in one step, and what happens when a machine or a process stops in the middle.

mod entries;
mod exchange;
mod folders;
mod journal;
mod lock;
mod register;

pub(in crate::installer) use entries::Entries;
pub(crate) use exchange::{Identity, exchange, is_impossible, is_within_reach, place};
pub(crate) use folders::Folders;
#[cfg(feature = "snapshot")]
pub(crate) use folders::Look;
pub use journal::Recovered;
pub(crate) use journal::{Journal, Step, old_of};
pub(crate) use lock::EnvironmentLock;
pub use lock::Holder;
pub(crate) use register::Register;
