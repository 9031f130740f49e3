//! Hashing files, several at the same time.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};

use super::stat::Stat;
use crate::objects::ContentId;

/// Large enough that the system calls cost nothing beside the hashing, small enough for the processor's cache.
const PIECE: usize = 256 << 10;

/// The most threads that hash.
const MOST_THREADS: usize = 16;

/// A file that was hashed.
#[derive(Debug)]
pub(super) struct Hashed {
    /// Its number.
    pub(super) index: u32,
    pub(super) size: u64,
    /// Its content, and how it looked before the first byte was read.
    pub(super) content: io::Result<(ContentId, Stat)>,
}

/// Hashes files, given with their sizes, the large ones first so that no thread is left alone with one at the end.
pub(super) fn hash_all(
    root: &Path,
    mut wanted: Vec<(u32, u64)>,
    path_of: &(dyn Fn(u32) -> std::sync::Arc<str> + Sync),
    stop: &AtomicBool,
) -> Vec<Hashed> {
    wanted.sort_unstable_by_key(|(index, size)| (std::cmp::Reverse(*size), *index));
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS).min(wanted.len());
    let next = AtomicUsize::new(0);
    let all = Mutex::new(Vec::with_capacity(wanted.len()));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut piece = vec![0; PIECE];
                let mut own = Vec::new();
                while let Some((index, size)) = wanted.get(next.fetch_add(1, Ordering::Relaxed)).copied() {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let content = hash_with(&root.join(&*path_of(index)), &mut piece, stop);
                    own.push(Hashed { index, size, content });
                }
                all.lock().unwrap_or_else(PoisonError::into_inner).append(&mut own);
            });
        }
    });
    all.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// Hashes one file. Links are not followed.
pub(in crate::installer) fn hash(path: &Path) -> io::Result<ContentId> {
    hash_with(path, &mut vec![0; PIECE], &AtomicBool::new(false)).map(|(id, _)| id)
}

fn hash_with(path: &Path, piece: &mut [u8], stop: &AtomicBool) -> io::Result<(ContentId, Stat)> {
    let mut file = open(path)?;
    let found = file.metadata()?;
    if !found.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let mut hasher = Sha256::new();
    loop {
        match file.read(piece) {
            Ok(0) => return Ok((ContentId::new(hasher.finalize().into()), Stat::of(&found))),
            Ok(count) => hasher.update(&piece[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        if stop.load(Ordering::Relaxed) {
            return Err(io::Error::from(io::ErrorKind::Interrupted));
        }
    }
}

/// Opens a file, and not what a link of its name leads to; a pipe that took its place is not waited for.
#[cfg(unix)]
pub(crate) fn open(path: &Path) -> io::Result<File> {
    use rustix::fs::OFlags;
    use std::os::unix::fs::OpenOptionsExt;
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
    OpenOptions::new().read(true).custom_flags(flags.cast_signed()).open(path)
}

#[cfg(not(unix))]
pub(crate) fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).open(path)
}
