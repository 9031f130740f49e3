//! A file as its readers see it while it arrives.

use std::collections::VecDeque;
use std::fs::File;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::Bytes;
use tokio::sync::watch;

use crate::fetch::{FetchError, FetchedFile};

/// Files up to this size are kept in memory for those who read them while they arrive.
const SMALL: u64 = 16 << 20;

/// Of a larger file, the last bytes are kept in memory, so that readers that keep up need not read them from the disk.
const RECENT: u64 = 4 << 20;

/// What is kept of all files together. Beyond it, readers read from the disk.
const TOGETHER: u64 = 64 << 20;

/// How far it is.
#[derive(Debug, Clone, Default)]
pub(super) struct Status {
    /// How often it was begun anew: bytes of different epochs must not be mixed.
    pub(super) epoch: u32,
    /// Its size, once somebody said so.
    pub(super) size: Option<u64>,
    /// Bytes that arrived without a gap, from the first one on.
    pub(super) prefix: u64,
    /// Those of them that are in the file.
    pub(super) landed: u64,
    /// What became of it.
    pub(super) outcome: Option<Result<FetchedFile, FetchError>>,
}

/// Shared by the one that transfers and all that read.
#[derive(Debug)]
pub(super) struct Arriving {
    status: watch::Sender<Status>,
    pieces: Mutex<Pieces>,
    file: OnceLock<Arc<File>>,
    readers: AtomicUsize,
    /// Bytes in the memory of all transfers.
    together: Arc<AtomicU64>,
}

/// Pieces in order, each where it belongs. There may be gaps between them.
#[derive(Debug, Default)]
struct Pieces {
    epoch: u32,
    in_order: VecDeque<(u64, Bytes)>,
    length: u64,
}

impl Drop for Arriving {
    fn drop(&mut self) {
        let length = self.lock().length;
        self.together.fetch_sub(length, Ordering::Relaxed);
    }
}

impl Arriving {
    /// `together` counts the bytes that all transfers have in memory.
    pub(super) fn new(together: Arc<AtomicU64>) -> Self {
        Self {
            status: watch::Sender::new(Status::default()),
            pieces: Mutex::default(),
            file: OnceLock::new(),
            readers: AtomicUsize::new(0),
            together,
        }
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    pub(super) fn tell(&self, change: impl FnOnce(&mut Status)) {
        self.status.send_modify(change);
    }

    pub(super) fn set_file(&self, file: Arc<File>) {
        // It is opened once for a transfer; a second one would be the same.
        drop(self.file.set(file));
    }

    pub(super) fn file(&self) -> Option<Arc<File>> {
        self.file.get().cloned()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Pieces> {
        self.pieces.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody reads along: pieces are kept until they are in the file, and those of small files to the end.
    pub(super) fn reader_came(&self) {
        self.readers.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn reader_left(&self) {
        self.readers.fetch_sub(1, Ordering::Relaxed);
    }

    /// Bytes arrived that join the prefix. Nobody reads: then they need not be kept, the file has them soon.
    pub(super) fn push(&self, offset: u64, bytes: Bytes) {
        if self.readers.load(Ordering::Relaxed) == 0 {
            return;
        }
        let (small, landed) = {
            let status = self.status.borrow();
            (status.size.is_some_and(|size| size <= SMALL), status.landed)
        };
        let length = bytes.len() as u64;
        let together = self.together.fetch_add(length, Ordering::Relaxed) + length;
        let most = match (together <= TOGETHER, small) {
            (false, _) => 0,
            (true, true) => SMALL,
            (true, false) => RECENT,
        };
        let mut pieces = self.lock();
        let before = pieces.length + length;
        pieces.length = before;
        pieces.in_order.push_back((offset, bytes));
        while pieces.length > most
            && let Some((start, front)) = pieces.in_order.front()
            && start + front.len() as u64 <= landed
        {
            pieces.length -= front.len() as u64;
            pieces.in_order.pop_front();
        }
        self.together.fetch_sub(before - pieces.length, Ordering::Relaxed);
    }

    /// Everything is begun anew.
    pub(super) fn restart(&self) {
        let mut pieces = self.lock();
        self.together.fetch_sub(pieces.length, Ordering::Relaxed);
        *pieces = Pieces { epoch: pieces.epoch + 1, ..Pieces::default() };
        let epoch = pieces.epoch;
        drop(pieces);
        self.tell(|status| {
            (status.epoch, status.prefix, status.landed) = (epoch, 0, 0);
        });
    }

    /// Bytes from the beginning of a range on, if they are in memory.
    pub(super) fn in_memory(&self, epoch: u32, range: &Range<u64>) -> Option<Bytes> {
        let pieces = self.lock();
        if pieces.epoch != epoch {
            return None;
        }
        let behind = pieces.in_order.partition_point(|(start, _)| *start <= range.start);
        let (start, bytes) = pieces.in_order.get(behind.checked_sub(1)?)?;
        let skip = usize::try_from(range.start - start).ok().filter(|skip| *skip < bytes.len())?;
        let most = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
        Some(bytes.slice(skip..bytes.len().min(skip.saturating_add(most))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arriving() -> Arriving {
        Arriving::new(Arc::default())
    }

    #[test]
    fn what_is_kept_and_what_is_not() {
        let arriving = arriving();
        arriving.push(0, Bytes::from_static(b"unread"));
        assert_eq!(arriving.in_memory(0, &(0..6)), None, "nobody reads");
        arriving.reader_came();
        arriving.push(6, Bytes::from_static(b"abc"));
        arriving.push(12, Bytes::from_static(b"xyz"));
        for (range, expected) in [
            (6..9, Some("abc")),
            (7..8, Some("b")),
            (8..30, Some("c")),
            (9..12, None),
            (0..6, None),
            (13..14, Some("y")),
            (15..16, None),
        ] {
            assert_eq!(arriving.in_memory(0, &range).as_deref(), expected.map(str::as_bytes), "{range:?}");
        }
        assert_eq!(arriving.in_memory(1, &(6..9)), None, "another attempt");
        arriving.restart();
        assert_eq!(arriving.in_memory(0, &(6..9)), None);
        assert_eq!(arriving.subscribe().borrow().epoch, 1);
    }

    #[test]
    fn of_a_large_file_only_the_last_bytes_that_are_not_on_the_disk_stay() {
        let arriving = arriving();
        arriving.reader_came();
        let block = Bytes::from(vec![0; 1 << 20]);
        for number in 0..20 {
            arriving.push(number << 20, block.clone());
        }
        assert!(arriving.in_memory(0, &(0..1)).is_some(), "it is nowhere else yet");
        arriving.tell(|status| status.landed = 20 << 20);
        arriving.push(20 << 20, block);
        assert!(arriving.in_memory(0, &(0..1)).is_none());
        assert!(arriving.lock().length <= RECENT);
    }

    #[test]
    fn all_files_together_have_a_limit() {
        let together = Arc::<AtomicU64>::default();
        let files: Vec<_> = (0..10).map(|_| Arriving::new(together.clone())).collect();
        let block = Bytes::from(vec![0; 1 << 20]);
        for file in &files {
            file.reader_came();
            file.tell(|status| (status.size, status.landed) = (Some(10 << 20), 10 << 20));
            for number in 0..10 {
                file.push(number << 20, block.clone());
                assert!(together.load(Ordering::Relaxed) <= TOGETHER);
            }
        }
        assert!(together.load(Ordering::Relaxed) > TOGETHER - (10 << 20), "it is used");
        files[0].restart();
        drop(files);
        assert_eq!(together.load(Ordering::Relaxed), 0);
    }
}
