//! The next environment, built beside the current one.
//!
//! What it will consist of is decided first and purely ([`compose`]); then it is made of hard links to the current one, links out of
//! the store, and the few files that are written.

mod build;
mod compose;
mod contents;
mod lay_out;
mod walk;

#[cfg(feature = "snapshot")]
pub(crate) use build::second_name;
pub(crate) use build::{BuildError, symlink};
pub(in crate::installer) use build::{Building, build, remove_stage, remove_tree, write};
pub(crate) use compose::Composition;
pub(in crate::installer) use compose::{Conflict, Content, Overlap, Placed, compose};
pub use contents::Addition;
pub(in crate::installer) use contents::{Contents, contents_of};
pub(in crate::installer) use lay_out::lay_out;
#[cfg(feature = "snapshot")]
pub(crate) use walk::FileStamp;
pub(crate) use walk::{Attributes, Entry, Kind};
pub(in crate::installer) use walk::{changed_between, walk, walk_to};
