//! Package indexes: what they are called, what they offer, and which of their members is believed about what.
//!
//! The Simple API as the packaging specifications have it (PEP 503, 592, 629, 658, 691, 700, 708, 714, 740, 792). Nothing here
//! opens a connection: pages are parsed, judged, merged and written; fetching them is the next module's work.

mod hashes;
mod name;
mod page;
mod source;

pub use hashes::Hashes;
pub use name::{InvalidProjectName, ProjectName};
pub use page::{CoreMetadata, IndexFile, PageMeta, ProjectPage, ProjectStatus, Yanked};
pub use source::{Chain, Member, Source, Trust};
