//! What happened, kept: runs, changes of state, and runs added up over hours and days.
//!
//! [`MemoryHistory`] keeps the latest in memory. What is added up ([`rollup`]) and what is deleted when ([`retention`]) is decided purely.

pub mod memory;
pub mod retention;
pub mod rollup;

pub use memory::MemoryHistory;
pub use retention::{InvalidRetention, Retention};
