//! What is measured: each check is a [`Measure`] without thresholds, judged by [`Conditions`] that a person wrote.
//!
//! A check has two halves. The first measures and knows only what is plainly broken; the second compares what was measured
//! with `warn_if` and `crit_if`. Keeping them apart means that every check has the same language for thresholds, the same
//! hysteresis, and the same words when a threshold is crossed.

pub mod condition;
pub mod judge;
pub mod judged;
mod option;

#[cfg(feature = "http")]
mod finding;
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "http")]
pub mod tcp;

#[cfg(feature = "system")]
pub mod command;
#[cfg(feature = "system")]
pub mod cpu;
#[cfg(feature = "system")]
pub mod disk;
#[cfg(feature = "system")]
pub mod file;
#[cfg(feature = "system")]
pub mod load;
#[cfg(feature = "system")]
pub mod memory;
#[cfg(feature = "system")]
pub mod oom;
#[cfg(feature = "system")]
pub mod open_files;
#[cfg(feature = "system")]
mod patience;
#[cfg(feature = "system")]
mod plugin;
#[cfg(feature = "system")]
pub mod pressure;
#[cfg(feature = "system")]
pub mod process;
#[cfg(feature = "system")]
mod stored;

pub use condition::{Condition, InvalidCondition};
pub use judge::{Active, Conditions, judge};
pub use judged::{Judged, Measure, Measurement};
pub use option::InvalidOption;
