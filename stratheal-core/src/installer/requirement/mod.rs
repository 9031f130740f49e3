//! What is wanted: requirements as PEP 508 writes them, markers, requirements files, projects.
//!
//! Everything here is read and decided, nothing is fetched and nothing is built. Files are read through
//! [`Surroundings`](crate::index::Surroundings), so that all of it can be tested without any.

mod cursor;
mod error;
mod file;
mod marker;
mod named;
mod names;
mod project;
mod specifier;

pub use error::{InvalidRequirement, RequirementError};
pub use file::{
    Origin, Pin, ProjectSet, Reference, RequirementsOptions, Wanted, WantedHashes, WantedNote, WantedRequirement,
    WantedSources, What,
};
pub(in crate::installer) use file::{file_path, lexical};
pub use marker::{Choice, Marker, MarkerEnvironment, UndefinedComparison};
pub use named::{Requirement, RequirementSource};
pub use names::{ExtraName, GroupName, InvalidExtraName, InvalidGroupName};
pub use project::{Project, ProjectChoice, ProjectDependencies};
pub use specifier::satisfies;

#[cfg(test)]
pub(in crate::installer) use marker::linux;
