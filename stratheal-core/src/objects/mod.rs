//! The content-addressed store: everything that was ever fetched or built, under the SHA-256 of its bytes.
//!
//! Wheels are its packs: RECORD lists the SHA-256 of each file of a wheel, so that one verified wheel vouches for all of them.
//!
//! Everything here blocks the thread it runs on: asynchronous code calls it through `spawn_blocking`. Any number of processes may
//! use a store at the same time, and each of them may be killed at any moment.

pub mod archive;
mod boot;
mod error;
mod hash;
mod hold;
mod id;
mod kind;
mod lookup;
mod pack;
mod partial;
mod partial_journal;
mod partial_position;
mod partial_ranges;
mod put;
mod quarantine;
mod scratch;
mod sidecar;
mod stamp;
mod store;
mod walk;

pub use error::StoreError;
pub use hold::Hold;
pub use id::{ContentId, InvalidContentId};
pub use kind::Kind;
pub use pack::Pack;
pub use partial::{PartFile, PartKey};
pub use partial_journal::{Sent, Validators};
pub use partial_ranges::Ranges;
pub use put::PackWriter;
pub use quarantine::Quarantined;
pub use scratch::Scratch;
pub use store::Store;
