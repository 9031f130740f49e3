//! What is wanted: requirements as PEP 508 writes them, markers, requirements files, projects.
//!
//! Everything here is read and decided, nothing is fetched and nothing is built. Files are read through
//! [`Surroundings`](crate::index::Surroundings), so that all of it can be tested without any.

mod cursor;
mod error;
mod marker;
mod named;
mod names;
mod specifier;

pub use error::InvalidRequirement;
pub use marker::{Choice, Marker, MarkerEnvironment, UndefinedComparison};
pub use named::{Requirement, RequirementSource};
pub use names::{ExtraName, GroupName, InvalidExtraName, InvalidGroupName};
pub use specifier::satisfies;
