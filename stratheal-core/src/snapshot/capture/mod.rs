//! Making a snapshot: look at everything, hash what is not known, keep what nobody else has.

mod contents;
mod known;
mod look;
mod one;
mod parallel;
mod project_files;
mod record;
mod run;

pub(super) use look::{Looked, Sight, attributes, look_at};
pub(super) use one::capture_one;
pub(super) use project_files::project_files;
pub(super) use record::record;
pub(super) use run::{Captured, Capturing};
