//! What happened, kept: runs, changes of state, and runs added up over hours and days.
//!
//! [`MemoryHistory`] keeps the latest in memory. With the feature `sqlite`, `SqliteHistory` keeps it on disk, within the limits of a
//! [`Retention`]. What is added up ([`rollup`]) and what is deleted when ([`retention`]) is decided purely.

pub mod memory;
pub mod retention;
pub mod rollup;
#[cfg(feature = "sqlite")]
pub mod sqlite;

pub use memory::MemoryHistory;
pub use retention::{InvalidRetention, Retention};
#[cfg(feature = "sqlite")]
pub use sqlite::{HistoryReader, SqliteHistory};
