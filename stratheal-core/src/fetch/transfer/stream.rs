//! A file for those who read it while it arrives.

use std::fmt;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use futures::Stream;
use tokio::sync::watch;

use super::arriving::{Arriving, Status};
use super::flight::Flight;
use crate::fetch::{FetchError, FileOrigin};
use crate::objects::{ContentId, read_at};

/// The end of a file is withheld until all of it was checked, so that nobody takes a wrong file for a whole one.
const WITHHELD: u64 = 64 * 1024;

/// Bytes that are handed out at once.
const CHUNK: u64 = 256 * 1024;

/// The pieces of a file, in order, ending with an error when what arrived is not what was promised.
pub type Chunks = Pin<Box<dyn Stream<Item = Result<Bytes, FetchError>> + Send>>;

/// A file, piece by piece, in order.
///
/// Up to 64 KiB at its end come only after length and hash were found to be right. When they are not, the stream ends with an error
/// instead: what was read so far must be thrown away.
pub struct FileStream {
    /// Its size in bytes, if anybody said.
    pub size: Option<u64>,
    /// Its SHA-256, if the index says it or the store has it.
    pub id: Option<ContentId>,
    /// Where it comes from: the store, or members that are not known before the end.
    pub origin: FileOrigin,
    /// The pieces.
    pub chunks: Chunks,
}

impl fmt::Debug for FileStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { size, id, origin, .. } = self;
        f.debug_struct("FileStream").field("size", size).field("id", id).field("origin", origin).finish_non_exhaustive()
    }
}

/// Reads along with a transfer.
pub(super) struct Reader {
    file: String,
    /// Keeps the transfer going.
    pub(super) flight: Arc<Flight>,
    status: watch::Receiver<Status>,
    epoch: u32,
    at: u64,
    ended: bool,
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.flight.arriving.reader_left();
    }
}

impl Reader {
    pub(super) fn new(file: String, flight: Arc<Flight>) -> Self {
        flight.arriving.reader_came();
        let status = flight.arriving.subscribe();
        Self { file, flight, status, epoch: 0, at: 0, ended: false }
    }

    pub(super) const fn status(&mut self) -> &mut watch::Receiver<Status> {
        &mut self.status
    }

    /// The pieces from here on.
    pub(super) fn into_stream(self) -> impl Stream<Item = Result<Bytes, FetchError>> + Send {
        futures::stream::unfold(self, |mut reader| async move {
            if reader.ended {
                return None;
            }
            let next = reader.next().await;
            reader.ended = !matches!(next, Some(Ok(_)));
            next.map(|next| (next, reader))
        })
    }

    async fn next(&mut self) -> Option<Result<Bytes, FetchError>> {
        loop {
            let status = self.status.borrow_and_update().clone();
            match self.readable(&status) {
                Ok(None) => return None,
                Ok(Some(range)) if !range.is_empty() => match self.read(&status, &range).await {
                    Ok(Some(bytes)) => {
                        self.at += bytes.len() as u64;
                        return Some(Ok(bytes));
                    }
                    // On its way to the disk, or taken back meanwhile.
                    Ok(None) => {}
                    Err(error) => return Some(Err(error)),
                },
                Ok(Some(_)) => {}
                Err(error) => return Some(Err(error)),
            }
            if self.status.changed().await.is_err() {
                return Some(Err(FetchError::Store("the transfer was stopped".to_owned())));
            }
        }
    }

    /// What may be read now: `None` at the end, and an empty range when nothing may.
    fn readable(&mut self, status: &Status) -> Result<Option<Range<u64>>, FetchError> {
        if let Some(Err(error)) = &status.outcome {
            return Err(error.clone());
        }
        if status.epoch != self.epoch {
            if self.at > 0 {
                return Err(FetchError::Restarted { wanted: self.file.clone() });
            }
            self.epoch = status.epoch;
        }
        let end = match (&status.outcome, status.size) {
            (Some(Ok(fetched)), _) if self.at >= fetched.size => return Ok(None),
            (Some(Ok(fetched)), _) => fetched.size,
            (_, Some(size)) => status.prefix.min(size.saturating_sub(WITHHELD)),
            (_, None) => status.prefix.saturating_sub(WITHHELD),
        };
        Ok(Some(self.at..end.min(self.at + CHUNK).max(self.at)))
    }

    async fn read(&self, status: &Status, range: &Range<u64>) -> Result<Option<Bytes>, FetchError> {
        let arriving: &Arc<Arriving> = &self.flight.arriving;
        if let Some(bytes) = arriving.in_memory(self.epoch, range) {
            return Ok(Some(bytes));
        }
        let (landed, file) = match &status.outcome {
            // Another process may have had it, so that there is no part file here.
            Some(Ok(fetched)) => (
                fetched.size,
                match arriving.file() {
                    Some(file) => file,
                    None => Arc::new(
                        std::fs::File::open(&fetched.path).map_err(|error| FetchError::Store(error.to_string()))?,
                    ),
                },
            ),
            _ => match arriving.file() {
                Some(file) => (status.landed, file),
                None => return Ok(None),
            },
        };
        let (start, end) = (range.start, range.end.min(landed));
        if start >= end {
            return Ok(None);
        }
        let read = tokio::task::spawn_blocking(move || read_at(&file, start, (end - start) as usize)).await;
        let bytes = read
            .map_err(|error| FetchError::Store(error.to_string()))?
            .map_err(|error| FetchError::Store(error.to_string()))?;
        // A new attempt empties the file, and what was read may be of either.
        let same = self.status.borrow().epoch == self.epoch;
        Ok((same && bytes.len() as u64 == end - start).then(|| bytes.into()))
    }
}
