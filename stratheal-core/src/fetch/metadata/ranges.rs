//! The metadata out of a few ranges of the wheel: its end, which holds the directory and most often the metadata too, and what is
//! missing after that.
//!
//! A help, not a duty: whatever goes wrong, the whole wheel can be had instead.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::sparse::Sparse;
use super::wheel::metadata_of;
use crate::fetch::FileRequest;
use crate::fetch::failure::{Failure, FailureKind};
use crate::fetch::places::Places;
use crate::fetch::shared::Shared;
use crate::fetch::small::Small;
use crate::fetch::totals::Count;
use crate::fetch::transport::{Answer, Ask};

/// The end that is asked for first. The directory of a wheel takes 60 to 100 bytes a file, and its metadata stands before it.
const END: u64 = 64 << 10;
/// What is asked for at a place that is missing.
const MORE: u64 = 64 << 10;
/// The most that is had in ranges, altogether and at how many places.
const MOST: u64 = 24 << 20;
const MOST_RANGES: usize = 8;
/// Below this, the whole wheel is one request and is needed anyway.
const LEAST: u64 = 128 << 10;
const IDLE: Duration = Duration::from_secs(15);

/// Fetches the metadata by ranges. `None` when that is not possible, or not worth it.
pub(super) async fn fetch(shared: &Arc<Shared>, request: &FileRequest) -> Option<Bytes> {
    if request.file.size.is_some_and(|size| size <= LEAST) {
        return None;
    }
    let places = Places::checked(shared, request, false);
    let fetcher = Ranges { shared, request, places: &places };
    let (size, end) = fetcher.get(Ask { suffix: Some(END), ..Ask::default() }).await?;
    if request.file.size.is_some_and(|promised| promised != size) {
        return None;
    }
    let mut had = end.len() as u64;
    let mut sparse = Sparse::new(size, end);
    for _ in 0..MOST_RANGES {
        let attempt = sparse.clone();
        let read = tokio::task::spawn_blocking(move || read(attempt)).await.ok()?;
        match read {
            Ok(found) => return Some(found),
            Err(Unread::Useless(reason)) => {
                tracing::debug!(file = request.file.name, reason, "no metadata by ranges");
                return None;
            }
            Err(Unread::Missing(from)) => {
                // What lies before the known end is most often wanted up to it.
                let until = sparse.gap_end(from).min(from + MORE.max(had));
                had += until - from;
                if had > MOST {
                    return None;
                }
                let ask = Ask { range: Some((from, Some(until - 1))), ..Ask::default() };
                let (same, part) = fetcher.get(ask).await?;
                if same != size || part.is_empty() {
                    return None;
                }
                sparse.add(from, part);
            }
        }
    }
    None
}

/// Why there is no metadata in what is there.
#[derive(Debug)]
enum Unread {
    Missing(u64),
    Useless(String),
}

/// Reads the metadata out of the parts of a wheel. Unpacks.
fn read(sparse: Sparse) -> Result<Bytes, Unread> {
    let parts = sparse.clone();
    metadata_of(sparse).map_err(|reason| parts.missing().map_or(Unread::Useless(reason), Unread::Missing))
}

struct Ranges<'a> {
    shared: &'a Arc<Shared>,
    request: &'a FileRequest,
    places: &'a Places,
}

impl Ranges<'_> {
    /// A range, with the size of the whole file.
    async fn get(&self, ask: Ask) -> Option<(u64, Bytes)> {
        let wanted = format!("the metadata of {}", self.request.file.name);
        let range = ask.range;
        let read = |answer: Answer| async move {
            // Anything but exactly what was asked for is refused before its body, which may be a whole gigabyte, is read.
            let refused = || Failure::new(FailureKind::Refused, "does not send ranges as it should");
            let sent = answer.header("content-range").and_then(parse_content_range).ok_or_else(refused)?;
            let is_right = match range {
                Some((first, last)) => sent.0 == first && last.is_none_or(|last| sent.1 <= last),
                None => sent.1 + 1 == sent.2 && sent.1 - sent.0 < END,
            };
            if answer.status != 206 || !is_right {
                return Err(refused());
            }
            let body = answer.collect(MOST as usize, IDLE, &|_| ()).await?;
            self.shared.counters.add(Count::NetworkBytes, body.len() as u64);
            if body.len() as u64 != sent.1 - sent.0 + 1 {
                return Err(refused());
            }
            Ok((sent.2, body))
        };
        let places = self.places.now().await;
        let small = Small { wanted: &wanted, places, more: Some(self.places), ask, bytes: END };
        small.get(self.shared, read).await.unwrap_or_else(|error| {
            tracing::debug!(%error, "no metadata by ranges");
            None
        })
    }
}

/// First byte, last byte and size of `bytes 0-9/100` (RFC 9110, 14.4).
fn parse_content_range(text: &str) -> Option<(u64, u64, u64)> {
    let (range, size) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let number = |text: &str| text.trim().parse::<u64>().ok();
    let (first, last, size) = (number(first)?, number(last)?, number(size)?);
    (first <= last && last < size).then_some((first, last, size))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,30}", near in "bytes [0-9*]{0,4}-?[0-9]{0,4}/?[0-9*]{0,22}", bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            for text in [text, near] {
                prop_assert!(parse_content_range(&text).is_none_or(|(first, last, size)| first <= last && last < size));
            }
            let _ = read(Sparse::new(bytes.len() as u64 * 2, bytes.into()));
        }
    }

    #[test]
    fn content_ranges() {
        for (text, expected) in [
            ("bytes 0-9/100", Some((0, 9, 100))),
            ("bytes 0-9/*", None),
            ("bytes */100", None),
            ("bytes 9-0/100", None),
            ("bytes 0-100/100", None),
            ("items 0-9/100", None),
        ] {
            assert_eq!(parse_content_range(text), expected, "{text}");
        }
    }
}
