//! A small write-ahead journal in a file whose room is taken beforehand, so that a full disk does not stop the one who frees it.
//!
//! # How it works
//! The file has two halves. One holds a *state* and, behind it, the *records* of what changed since; what is written last counts.
//! When that half is full, the state as it is by then goes into the other one, which counts from then on. Each piece carries a
//! checksum that includes the generation of its half, so remains of older generations are never taken for news, and a piece that was
//! cut off by a crash ends the row of records.
//!
//! The journal knows bytes only. What they mean, and how large they may get, is for its user.

mod file;
mod frame;
mod reserve;

pub use file::{Journal, JournalError, Recovered};
pub use reserve::Reserve;
