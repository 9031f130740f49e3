//! For tests of checks written elsewhere: a clock that is set by hand, contexts, and the conformance suite. For tests of everything
//! that fetches: an index server that misbehaves.
//!
//! Behind the feature `testing`; nothing in the product uses it.

pub mod clock;
pub mod conformance;
pub mod context;
#[cfg(feature = "fetch")]
pub mod faulty_index;
pub mod remedy_context;
mod skipped;
pub mod tools;

pub use clock::ManualClock;
pub use conformance::{Violation, check_conforms};
pub use context::context;
pub use remedy_context::remedy_context;
pub use skipped::skipped;
