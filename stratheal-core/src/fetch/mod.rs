//! The fetcher: any page or file an index offers, verified, whenever it can be had at all.

mod cause;
mod error;
mod event;
mod fetcher;
mod request;
mod summary;

pub use cause::Cause;
pub use error::{Attempt, ChangedFile, FetchError, MemberFailure};
pub use event::{Event, FileOrigin};
pub use fetcher::{Builder, Fetcher};
pub use request::{FetchedFile, FileRequest, Freshness, Page};
pub use summary::{Bytes, Failure, Files, MemberSummary, Pages, Summary};
