//! The next environment, built beside the current one.
//!
//! What it will consist of is decided first and purely ([`compose`]); then it is made of hard links to the current one, links out of
//! the store, and the few files that are written.

mod build;
mod compose;
mod contents;
mod lay_out;
mod walk;

pub(in crate::installer) use build::{BuildError, Building, build, remove_stage, remove_tree, symlink, write};
pub(in crate::installer) use compose::{Composition, Conflict, Content, Overlap, Placed, compose};
pub use contents::Addition;
pub(in crate::installer) use contents::{Contents, contents_of};
pub(in crate::installer) use lay_out::lay_out;
pub(in crate::installer) use walk::{Attributes, Entry, Kind, changed_between, walk};
