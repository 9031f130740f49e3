//! The content-addressed store: everything that was ever fetched or built, under the SHA-256 of its bytes.
//!
//! Wheels are its packs: RECORD lists the SHA-256 of each file of a wheel, so that one verified wheel vouches for all of them.

mod id;

pub use id::{ContentId, InvalidContentId};
