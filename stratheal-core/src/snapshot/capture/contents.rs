//! Reading files: hashed, and kept where nobody else has the same. Several at the same time.

use std::collections::HashSet;
use std::io::{self, Read};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::base::fs::named;
use crate::installer::verify::{Stat, open_file};
use crate::objects::{ContentId, Packed, SegmentWriter, Store, StoreError, hash_reader};

/// Up to here a file is read as a whole, in bytes. Larger ones go through piece by piece.
const SMALL: u64 = 1 << 20;

/// The most threads that read; more would need more memory.
const MOST_THREADS: usize = 4;

/// A thread is worth its segment for so many bytes.
const WORTH_A_THREAD: u64 = 4 << 20;

/// What was read of a file.
#[derive(Debug)]
pub(super) struct Readout {
    /// Its number in the list that was asked for.
    pub(super) index: usize,
    /// Its content, and how it looked before its first byte was read. `None` when it changed while it was read, or is gone.
    pub(super) content: Option<(ContentId, Stat)>,
}

/// Segments that are being written. Each thread writes into one of its own, so that none waits for another that is packing.
pub(super) struct Writers<'a> {
    vault: &'a Store,
    /// What is in any of them, or is about to be.
    taken: Mutex<HashSet<ContentId>>,
    /// Those that no thread has.
    waiting: Mutex<Vec<SegmentWriter>>,
}

impl<'a> Writers<'a> {
    pub(super) fn new(vault: &'a Store) -> Self {
        Self { vault, taken: Mutex::default(), waiting: Mutex::default() }
    }

    /// Whether whoever asks is the first to have this.
    fn take(&self, id: &ContentId) -> bool {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).insert(*id)
    }

    fn give_back(&self, writer: Option<SegmentWriter>) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).extend(writer);
    }

    /// The writer of a thread, which gets one when it needs it first.
    fn one<'w>(&self, own: &'w mut Option<SegmentWriter>) -> Result<&'w mut SegmentWriter, StoreError> {
        match own {
            Some(writer) => Ok(writer),
            none => {
                let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).pop();
                Ok(none.insert(waiting.map_or_else(|| self.vault.segment(), Ok)?))
            }
        }
    }

    /// Puts them all into the store, on the disk if that is wanted. Answers their bytes.
    pub(super) fn finish(self, durable: bool) -> Result<u64, StoreError> {
        let writers = self.waiting.into_inner().unwrap_or_else(PoisonError::into_inner);
        writers.into_iter().try_fold(0, |sum, writer| Ok(sum + writer.finish(durable)?))
    }
}

/// Where contents go that nobody has yet.
pub(super) struct Keeping<'a> {
    /// Whether anything is kept; else it is only hashed.
    pub(super) keeps: bool,
    /// Whether somebody has it already.
    pub(super) has: &'a (dyn Fn(&ContentId) -> bool + Sync),
    pub(super) writers: &'a Writers<'a>,
    pub(super) stop: &'a AtomicBool,
}

/// Reads files, given with their sizes, the large ones first so that no thread is left alone with one at the end.
pub(super) fn read_all<'p>(
    keeping: &Keeping<'_>,
    mut wanted: Vec<(usize, u64)>,
    path_of: &(dyn Fn(usize) -> std::path::PathBuf + Sync + 'p),
) -> Result<Vec<Readout>, StoreError> {
    wanted.sort_unstable_by_key(|(index, size)| (std::cmp::Reverse(*size), *index));
    let bytes: u64 = wanted.iter().map(|(_, size)| size).sum();
    let worth = usize::try_from(bytes / WORTH_A_THREAD).unwrap_or(MOST_THREADS).max(1);
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS).min(worth);
    let next = AtomicUsize::new(0);
    let (all, failed) = (Mutex::new(Vec::with_capacity(wanted.len())), Mutex::new(None));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let (mut own, mut bytes, mut writer) = (Vec::new(), Vec::new(), None);
                while let Some((index, _)) = wanted.get(next.fetch_add(1, Ordering::Relaxed)).copied() {
                    if keeping.stop.load(Ordering::Relaxed) {
                        break;
                    }
                    match keeping.read(&path_of(index), &mut bytes, &mut writer) {
                        Ok(content) => own.push(Readout { index, content }),
                        Err(error) => {
                            next.store(wanted.len(), Ordering::Relaxed);
                            failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                        }
                    }
                }
                keeping.writers.give_back(writer);
                all.lock().unwrap_or_else(PoisonError::into_inner).append(&mut own);
            });
        }
    });
    match failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(error) => Err(error),
        None => Ok(all.into_inner().unwrap_or_else(PoisonError::into_inner)),
    }
}

impl Keeping<'_> {
    /// Reads a file, and keeps its content where nobody has it. `None` when it changed meanwhile.
    fn read(
        &self,
        path: &Path,
        bytes: &mut Vec<u8>,
        writer: &mut Option<SegmentWriter>,
    ) -> Result<Option<(ContentId, Stat)>, StoreError> {
        let is_new = |id: &ContentId| self.keeps && !(self.has)(id) && self.writers.take(id);
        let unreadable = |error: io::Error| StoreError::at("read a file of the environment", path)(error);
        let mut file = match open_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file.map_err(unreadable)?,
        };
        let metadata = file.metadata().map_err(unreadable)?;
        if !metadata.is_file() {
            return Ok(None);
        }
        let stat = Stat::of(&metadata);
        let id = if stat.size <= SMALL {
            bytes.clear();
            (&mut file).take(SMALL + 1).read_to_end(bytes).map_err(unreadable)?;
            let id = ContentId::of(bytes);
            if is_new(&id) {
                self.writers.one(writer)?.add(&Packed::new(id, bytes))?;
            }
            id
        } else if !self.keeps {
            hash_reader(&mut file).map_err(unreadable)?
        } else {
            // Packed while it is hashed: what is not known is new, nearly always.
            let added = self.writers.one(writer)?.add_from(&mut file, is_new);
            added.map_err(|error| renamed(error, path))?
        };
        // What was written to while it was read is not what it was before, and perhaps not what it is now.
        let after = file.metadata().map_err(unreadable)?;
        Ok(is_same_content(&Stat::of(&after), &stat).then_some((id, stat)))
    }
}

/// Whether a file still has the content that it had. A second name changes the time of its last change of any kind, and nothing else.
pub(super) fn is_same_content(after: &Stat, before: &Stat) -> bool {
    let is_linked = after.links != before.links;
    after.is_as(before) || (is_linked && Stat { ctime_ns: before.ctime_ns, ..*after }.is_as(before))
}

fn renamed(error: StoreError, path: &Path) -> StoreError {
    match error {
        StoreError::Storage { action, source } => StoreError::Storage { action, source: named(path, &source) },
        other => other,
    }
}
