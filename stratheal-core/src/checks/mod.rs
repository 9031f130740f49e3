//! What is measured: each check is a [`Measure`] without thresholds, judged by [`Conditions`] that a person wrote.
//!
//! A check has two halves. The first measures and knows only what is plainly broken; the second compares what was measured
//! with `warn_if` and `crit_if`. Keeping them apart means that every check has the same language for thresholds, the same
//! hysteresis, and the same words when a threshold is crossed.

pub mod condition;
pub mod judge;
pub mod judged;

pub use condition::{Condition, InvalidCondition};
pub use judge::{Active, Conditions, judge};
pub use judged::{Judged, Measure, Measurement};
