//! What a fetcher did so far, in numbers.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

use super::MemberStatus;

/// What a fetcher did so far, and how its members are.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FetcherStatus {
    /// Each member, for pages and for files.
    pub members: Vec<MemberStatus>,
    /// Counts since the fetcher was built.
    pub totals: Totals,
}

/// Counts since a fetcher was built.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Bytes that came over the network: pages and files, repetitions included.
    pub network_bytes: u64,
    /// Bytes of files that were in the store already.
    pub store_bytes: u64,
    /// Bytes that an interrupted transfer had left, and that were not fetched again.
    pub resumed_bytes: u64,
    /// Attempts after a failure.
    pub retries: u64,
    /// Requests that were put to another member because the first one was late.
    pub hedges: u64,
    /// Pages from the cache, without asking anybody.
    pub pages_cached: u64,
    /// Pages that a member said are unchanged.
    pub pages_unchanged: u64,
    /// Pages that were fetched.
    pub pages_fetched: u64,
    /// Pages that were served although they could not be fetched again.
    pub pages_stale: u64,
    /// Files that were fetched.
    pub files_fetched: u64,
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Count {
    NetworkBytes,
    StoreBytes,
    ResumedBytes,
    Retries,
    Hedges,
    PagesCached,
    PagesUnchanged,
    PagesFetched,
    PagesStale,
    FilesFetched,
}

/// The counts while they grow.
#[derive(Debug, Default)]
pub(super) struct Counters {
    counts: [AtomicU64; 10],
}

impl Counters {
    /// Adds to a count.
    pub(super) fn add(&self, count: Count, more: u64) {
        self.counts[count as usize].fetch_add(more, Ordering::Relaxed);
    }

    pub(super) fn totals(&self) -> Totals {
        let value = |count: Count| self.counts[count as usize].load(Ordering::Relaxed);
        Totals {
            network_bytes: value(Count::NetworkBytes),
            store_bytes: value(Count::StoreBytes),
            resumed_bytes: value(Count::ResumedBytes),
            retries: value(Count::Retries),
            hedges: value(Count::Hedges),
            pages_cached: value(Count::PagesCached),
            pages_unchanged: value(Count::PagesUnchanged),
            pages_fetched: value(Count::PagesFetched),
            pages_stale: value(Count::PagesStale),
            files_fetched: value(Count::FilesFetched),
        }
    }
}
