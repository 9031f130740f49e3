//! The fetcher: any page or file an index offers, verified, whenever it can be had at all.

mod builder;
mod error;
mod event;
mod failure;
mod fetcher;
mod insist;
mod member;
mod metadata;
mod pages;
mod projects;
mod request;
mod retry_after;
mod shared;
mod small;
mod totals;
mod transfer;
mod transport;

#[cfg(test)]
mod test_index;
#[cfg(test)]
mod tests;

pub use builder::Builder;
pub use error::{Attempt, ChangedFile, FetchError, MemberFailure};
pub use event::{Event, FileOrigin};
pub use fetcher::Fetcher;
pub use member::MemberStatus;
pub use request::{FetchedFile, FileRequest, Freshness, Page};
pub use totals::{FetcherStatus, Totals};
pub use transfer::FileStream;
pub use transport::{Credentials, InvalidTransport, Login, Proxies, TransportSettings, TrustedCertificates};
