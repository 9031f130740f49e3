//! The content-addressed store: everything that was ever fetched or built, under the SHA-256 of its bytes.
//!
//! Wheels are its packs: RECORD lists the SHA-256 of each file of a wheel, so that one verified wheel vouches for all of them.
//!
//! Everything here blocks the thread it runs on: asynchronous code calls it through `spawn_blocking`. Any number of processes may
//! use a store at the same time, and each of them may be killed at any moment.

pub mod archive;
pub(crate) mod boot;
pub mod bundle;
mod error;
mod gc;
mod hash;
mod hold;
mod id;
mod kind;
mod link;
mod lookup;
mod pack;
mod partial;
mod partial_journal;
mod partial_position;
mod partial_ranges;
mod put;
mod quarantine;
mod record;
mod roots;
mod scratch;
mod segment;
mod sidecar;
mod stamp;
mod store;
mod tree;
mod usage;
mod verify;
mod walk;

pub use error::StoreError;
pub use gc::{Collected, GcPolicy, GcReport, Reason};
#[cfg(feature = "snapshot")]
pub(crate) use hash::{hash_path, hash_reader};
pub use hold::Hold;
pub use id::{ContentId, InvalidContentId};
pub use kind::Kind;
pub use link::{LinkMode, Linked};
pub use pack::Pack;
pub use partial::{PartFile, PartKey};
pub use partial_journal::{Sent, Validators};
#[cfg(feature = "fetch")]
pub(crate) use partial_position::read_at;
pub use partial_ranges::Ranges;
pub use put::PackWriter;
pub use quarantine::Quarantined;
pub use record::{InvalidRecord, RecordHash, RecordRow, parse_record};
pub use scratch::Scratch;
pub use segment::{Packed, SegmentReport, SegmentWriter, Segments};
pub use store::Store;
#[cfg(feature = "installer")]
pub(crate) use tree::metadata_folder;
pub use tree::{LinkReport, Linker, RecordProblem, Tree, TreeFile};
pub use usage::{Counted, Usage};
pub use verify::{Damage, VerifyProgress, VerifyReport};
