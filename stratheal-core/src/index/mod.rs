//! Package indexes: what they are called, what they offer, and which of their members is believed about what.
//!
//! The Simple API as the packaging specifications have it (PEP 503, 592, 629, 658, 691, 700, 708, 714, 740, 792). Nothing here
//! opens a connection: pages are parsed, judged, merged and written; fetching them is the next module's work.

mod credentials;
mod discover;
mod file_name;
mod hashes;
mod merge;
mod name;
mod negotiate;
mod offer;
mod page;
mod percent;
#[cfg_attr(not(feature = "installer"), expect(dead_code, reason = "only the installer is strict about options"))]
pub(crate) mod requirements_syntax;
mod seen;
mod source;
mod surroundings;

pub use credentials::{Basic, Credentials, InvalidNetrc, KeyringCommand, KeyringProvider, Netrc};
pub use discover::{
    DiscoverError, DiscoverOptions, Discovered, IndexSettings, MirrorSettings, NetworkHints, Note, NoteKind,
    ProjectIndex, SourceSettings, default_of_pip, discover,
};
pub use file_name::{DistributionKind, DistributionName, InvalidFileName, WheelTags};
pub use hashes::Hashes;
pub use merge::merge;
pub use name::{InvalidProjectName, ProjectName};
pub use negotiate::NotAcceptable;
pub use offer::{Answer, Location, MemberAnswer, Merged, Offer, RefusedFile, RefusedReason};
pub use page::{
    CoreMetadata, IndexFile, LeftOut, LeftOutReason, ListedProject, MetadataRule, PageContext, PageError, PageFormat,
    PageLimits, PageMeta, ParsedPage, ProjectList, ProjectPage, ProjectStatus, UnsafeName, Yanked, check_file_name,
};
#[cfg(feature = "installer")]
pub(crate) use percent::decoded as percent_decoded;
pub use seen::{ChangedHash, SeenFile, SeenFiles};
pub use source::{Chain, Member, Source, Trust};
pub use surroundings::{Surroundings, ThisProcess};

#[cfg(all(test, feature = "installer"))]
pub(crate) use surroundings::fake;
