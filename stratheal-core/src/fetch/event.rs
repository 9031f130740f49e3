//! What a fetcher tells while it works.

use std::time::Duration;

use serde::Serialize;

use super::Cause;

/// Where a file came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileOrigin {
    /// It was in the store.
    Store,
    /// From these members, by host, most bytes first.
    Members(Vec<String>),
}

/// Something happened. URLs in it are safe to show.
///
/// Events are for people and for counting; none of them is needed to use a result.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Event {
    /// A page was had.
    Page {
        /// The project.
        project: String,
        /// Which source.
        source: String,
        /// `cache`, `fetched`, `unchanged` or `stale`.
        how: &'static str,
        /// How long it took.
        took: Duration,
    },
    /// The metadata of a wheel was had.
    Metadata {
        /// The project.
        project: String,
        /// The name of the wheel.
        file: String,
    },
    /// A file begins to arrive.
    FileStarted {
        /// Its name.
        file: String,
        /// Its size in bytes, when known.
        size: Option<u64>,
        /// Bytes that were there from an earlier, interrupted transfer.
        resumed_at: u64,
    },
    /// More of a file is there.
    FileProgress {
        /// Its name.
        file: String,
        /// Bytes on disk so far.
        received: u64,
    },
    /// A file is there, verified.
    FileDone {
        /// Its name.
        file: String,
        /// Its size in bytes.
        size: u64,
        /// Where it came from.
        origin: FileOrigin,
        /// Bytes that crossed the network for it, repetitions included.
        transferred: u64,
        /// How long it took.
        took: Duration,
    },
    /// A member failed, and is tried again or passed over.
    Trouble {
        /// Which member, as a safe URL.
        member: String,
        /// What was wanted from it: a project or a file name.
        wanted: String,
        /// What it did.
        problem: String,
        /// What happens next.
        next: String,
    },
    /// A member is left alone for a while, or is back.
    Member {
        /// Which member, as a safe URL.
        member: String,
        /// Whether it is used.
        usable: bool,
        /// Why.
        reason: String,
    },
    /// A file is refused.
    Refused {
        /// Its name.
        file: String,
        /// Why, with both hashes and where each was seen.
        reason: String,
    },
    /// A page or a file could not be had in the end.
    Failed {
        /// A project or a file name.
        wanted: String,
        /// The one word for it.
        cause: Cause,
        /// The whole reason.
        reason: String,
    },
}
