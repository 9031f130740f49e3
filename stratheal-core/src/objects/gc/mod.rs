//! Garbage collection: what may go is decided by a pure function, and goes in small steps.

mod collect;
mod plan;

pub use collect::{Collected, GcReport};
pub use plan::{GcPolicy, Reason};
