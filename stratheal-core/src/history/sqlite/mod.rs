//! The history in an SQLite file.
//!
//! # How it works
//! Entries go into a bounded `inbox`; the one `writer` thread takes them out, at most 500 at a time, and writes them in one
//! transaction, at the latest half a second after they came. So a crash of the program loses less than two seconds, and the file
//! stays whole, whatever happens: it is in write-ahead-log mode, where what is half written is never seen. (A crash of the
//! *machine* may lose the last few transactions, because `synchronous = NORMAL` does not wait for the disk at each; the file stays
//! whole all the same. See <https://sqlite.org/wal.html> and <https://sqlite.org/pragma.html#pragma_synchronous>.)
//!
//! The `reader` opens a read-only connection of its own for each question, on a thread that may block, and never waits for the
//! writer. Trouble (`trouble`) is told in words, and writing is tried again until it works.

mod file;
mod history;
mod inbox;
mod read;
mod reader;
mod row;
mod schema;
mod store;
mod trouble;
mod turn;
mod writer;

#[cfg(test)]
mod tests;

pub use history::SqliteHistory;
pub use reader::HistoryReader;
