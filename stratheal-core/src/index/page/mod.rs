//! Pages of the Simple API: what they say, how they are read (JSON and HTML), and how they are written again.
//!
//! A page is read whole or not at all, so that a cut transfer never passes for a shorter page. A single entry that cannot be
//! used is left out and counted, so that one odd file does not hide the others.

mod error;
mod format;
mod html;
mod json;
mod left_out;
mod limits;
mod loose;
mod project;
mod root;
mod safe_name;
mod tokens;
mod write;

pub use error::PageError;
pub use format::PageFormat;
pub use left_out::{LeftOut, LeftOutReason};
pub use limits::{PageContext, PageLimits, ParsedPage};
pub use project::{CoreMetadata, IndexFile, PageMeta, ProjectPage, ProjectStatus, Yanked};
pub use root::{ListedProject, ProjectList};
pub use safe_name::{UnsafeName, check_file_name};
pub use write::MetadataRule;
