//! Files: each one arrives, verified, if it can arrive at all.
//!
//! A *transfer* works on one file for everybody who wants it. It has *places* where the file may be had and *lanes*, which are
//! connections that bring parts of it. Its loop waits, takes note of what happened, and sees to it that somebody works on
//! everything that is missing. What an answer is good for (`head`), when a connection is too slow (`pace`) and how many are
//! worth it (`segments`) are pure decisions. Bytes go to the *landing*, a thread that writes, hashes and keeps a journal, and to
//! those who read along.
//!
//! Slow and silent connections are not cut off but *challenged*: a second connection works on the same bytes or on a part of
//! them, and the one that is behind is given up.

mod arriving;
mod content_range;
mod digest;
mod entry;
mod flight;
mod growth;
mod habits;
mod head;
mod landing;
mod lane;
mod notes;
mod pace;
mod place;
mod schedule;
mod seen;
mod segments;
mod state;
mod stream;
mod verdicts;
mod wholeness;
mod window;

#[cfg(test)]
mod tests;

pub(super) use entry::{fetch_file, known_id, stream_file, verified_file};
pub(super) use flight::Transfers;
pub use stream::{Chunks, FileStream};
