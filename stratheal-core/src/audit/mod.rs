//! The audit log: who did what to what, why, by which plan, and what came of it; append-only, and any change to it can be found.
//!
//! A log is a folder of segments, `000001.log` and so on, of one JSON record a line. Each record carries the SHA-256 of the one before
//! it and its own, over that and its exact bytes, so that an edit, a gap or another order is found by [`verify`]. Whoever can write
//! the files can also write all of them anew, or cut off the end: that is found only against a [`Head`] that was written down
//! elsewhere, as in every notification.
//!
//! Old segments are deleted by size; a checkpoint record says which and how they ended, so that what is left still verifies.

mod backlog;
mod error;
mod export;
mod head;
mod line;
mod lines;
mod log;
mod open;
mod problem;
mod prune;
mod read;
mod record;
mod segment;
mod verify;
mod writer;

#[cfg(test)]
mod tests;

pub use error::AuditError;
pub use export::export;
pub use head::{Head, InvalidHead, RecordHash};
pub use line::Entry;
pub use log::{AuditLog, Durability, Options};
pub use problem::{Problem, What};
pub use read::{Entries, Filter, MAX_LAST, last, read};
pub use record::{Actor, ActorKind, Record};
pub use verify::{Anchored, Verification, verify};
