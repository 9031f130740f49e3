//! The content-addressed store: everything that was ever fetched or built, under the SHA-256 of its bytes.
//!
//! Wheels are its packs: RECORD lists the SHA-256 of each file of a wheel, so that one verified wheel vouches for all of them.

mod id;
mod partial;
mod partial_journal;
mod partial_position;
mod partial_ranges;

pub use id::{ContentId, InvalidContentId};
pub use partial::{PartFile, PartKey};
pub use partial_journal::{Sent, Validators};
pub use partial_ranges::Ranges;
