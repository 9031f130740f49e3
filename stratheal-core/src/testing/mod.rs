//! For tests of checks written elsewhere: a clock that is set by hand, contexts, and the conformance suite.
//!
//! Behind the feature `testing`; nothing in the product uses it.

pub mod clock;
pub mod conformance;
pub mod context;
mod skipped;

pub use clock::ManualClock;
pub use conformance::{Violation, check_conforms};
pub use context::context;
pub use skipped::skipped;
