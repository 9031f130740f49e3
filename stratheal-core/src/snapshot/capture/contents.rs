//! Reading files: hashed, and kept where nobody else has the same. Several at the same time.

use std::fs::File;
use std::io::{self, Read, Seek};
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

/// What was read of a file.
#[derive(Debug)]
pub(super) struct Readout {
    /// Its number in the list that was asked for.
    pub(super) index: usize,
    /// Its content, and how it looked before its first byte was read. `None` when it changed while it was read, or is gone.
    pub(super) content: Option<(ContentId, Stat)>,
}

/// Where contents go that nobody has yet.
pub(super) struct Keeping<'a> {
    pub(super) vault: &'a Store,
    /// Whether somebody has it already.
    pub(super) has: &'a (dyn Fn(&ContentId) -> bool + Sync),
    pub(super) writer: &'a Mutex<Option<SegmentWriter>>,
    pub(super) stop: &'a AtomicBool,
}

/// Reads files, given with their sizes, the large ones first so that no thread is left alone with one at the end.
pub(super) fn read_all<'p>(
    keeping: &Keeping<'_>,
    mut wanted: Vec<(usize, u64)>,
    path_of: &(dyn Fn(usize) -> std::path::PathBuf + Sync + 'p),
) -> Result<Vec<Readout>, StoreError> {
    wanted.sort_unstable_by_key(|(index, size)| (std::cmp::Reverse(*size), *index));
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS).min(wanted.len());
    let next = AtomicUsize::new(0);
    let (all, failed) = (Mutex::new(Vec::with_capacity(wanted.len())), Mutex::new(None));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let (mut own, mut bytes) = (Vec::new(), Vec::new());
                while let Some((index, _)) = wanted.get(next.fetch_add(1, Ordering::Relaxed)).copied() {
                    if keeping.stop.load(Ordering::Relaxed) {
                        break;
                    }
                    match keeping.read(&path_of(index), &mut bytes) {
                        Ok(content) => own.push(Readout { index, content }),
                        Err(error) => {
                            next.store(wanted.len(), Ordering::Relaxed);
                            failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                        }
                    }
                }
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
    fn read(&self, path: &Path, bytes: &mut Vec<u8>) -> Result<Option<(ContentId, Stat)>, StoreError> {
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
            if !(self.has)(&id) {
                let packed = Packed::new(id, bytes);
                self.with_writer(|writer| writer.add(&packed))?;
            }
            id
        } else {
            let id = hash_reader(&mut file).map_err(unreadable)?;
            if !(self.has)(&id) && !self.keep_large(&mut file, id).map_err(|error| renamed(error, path))? {
                return Ok(None);
            }
            id
        };
        // What was written to while it was read is not what it was before, and perhaps not what it is now.
        let after = file.metadata().map_err(unreadable)?;
        Ok(is_same_content(&Stat::of(&after), &stat).then_some((id, stat)))
    }

    /// Whether it still was what was promised.
    fn keep_large(&self, file: &mut File, id: ContentId) -> Result<bool, StoreError> {
        file.rewind().map_err(|source| StoreError::Storage { action: "read", source })?;
        self.with_writer(|writer| writer.add_from(file, id)).map(|added| added.is_ok())
    }

    fn with_writer<T>(&self, work: impl FnOnce(&mut SegmentWriter) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *writer {
            Some(writer) => work(writer),
            none => work(none.insert(self.vault.segment()?)),
        }
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
