//! The fetcher: any page or file an index offers, verified, whenever it can be had at all.

mod builder;
mod cause;
mod error;
mod event;
mod failure;
mod fetcher;
mod insist;
mod member;
mod metadata;
mod pages;
mod pause;
mod places;
mod probe;
mod projects;
mod request;
mod retry_after;
mod shared;
mod small;
mod summary;
mod totals;
mod transfer;
mod transport;

#[cfg(test)]
mod test_index;
#[cfg(test)]
mod tests;

pub use builder::Builder;
pub use cause::Cause;
pub use error::{Attempt, ChangedFile, FetchError, MemberFailure, WrongDigest};
pub use event::{Event, FileOrigin};
pub use fetcher::Fetcher;
pub use member::MemberStatus;
pub use pages::{Exported, export_cache, export_cache_to, import_cache};
pub use probe::{Probe, ProbeAnswer};
pub use request::{FetchedFile, FileRequest, Freshness, Page};
pub use summary::{Bytes, Files, MemberSummary, Missed, Pages, Summary};
pub use totals::{FetcherStatus, Totals};
pub use transfer::{Chunks, FileStream};
#[cfg(feature = "notify")]
pub(crate) use transport::Transport;
pub use transport::{Credentials, InvalidTransport, Login, Proxies, TransportSettings, TrustedCertificates};
