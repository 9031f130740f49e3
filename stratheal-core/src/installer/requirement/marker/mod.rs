//! Environment markers: where a requirement applies (PEP 508, PEP 685, and the forms of lock files from PEP 751).
//!
//! The answers are those of `packaging.markers`.

mod environment;
mod evaluate;
mod expression;
mod read;

pub use environment::MarkerEnvironment;
pub use evaluate::{Choice, UndefinedComparison};
pub use expression::Marker;

#[cfg(test)]
pub(in crate::installer) use environment::linux;
