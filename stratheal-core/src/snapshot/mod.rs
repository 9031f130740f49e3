//! Snapshots of environments, and the way back to them.
//!
//! A snapshot is a manifest over content: wheels, which the store has anyway, and segments for everything else. Going back builds what
//! was beside what is, looks at it, and switches as one step; what was replaced becomes the newest snapshot, so that it can be undone.

mod back;
mod capture;
mod catalog;
mod compare;
mod contents;
mod create;
mod diff;
mod error;
mod event;
mod export;
mod extended;
mod guard;
mod import;
mod model;
mod owners;
mod retention;
mod rollback;
mod selector;
mod snapshots;
#[cfg(test)]
mod tests;
mod tree;
mod upkeep;
mod verify;

pub use catalog::Unreadable;
pub use create::{CreateOptions, Created};
pub use diff::{Difference, Differs, FileChange, ProjectChange};
pub use error::SnapshotError;
pub use event::{Moment, SnapshotEvent};
pub use export::Exported;
pub use extended::Extended;
pub use guard::Automatic;
pub use import::Imported;
pub use model::{Author, Evidence, Passed, Project, ProjectFile, ProjectFiles, Python, Reason, Record, Snapshot};
pub use retention::{Retention, Stays};
pub use rollback::{RollbackOptions, RollbackPlan, RolledBack};
pub use selector::Selector;
pub use snapshots::Snapshots;
pub use tree::{Attributes, Content, Entry, Node, Tree, Wheel, WheelFile};
pub use upkeep::Collection;
pub use verify::SnapshotVerified;
