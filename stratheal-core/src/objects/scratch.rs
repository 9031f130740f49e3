//! Places for what is not finished yet, on the same file system as the store, so that finishing is one rename.
//!
//! Each process has a folder of its own below `scratch/`, with a lock file that it keeps locked. A folder whose lock is free
//! belonged to a process that died, and goes with the next garbage collection.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};

use jiff::{SignedDuration, Timestamp};

use super::stamp::Stamp;
use super::walk::{bytes_below, entries};
use super::{Store, StoreError};

/// How old a folder without a lock must be before it counts as left over: its maker may be about to lock it.
const UNLOCKED: SignedDuration = SignedDuration::from_hours(1);

/// Tells the folders of one process apart.
static FOLDERS: AtomicU64 = AtomicU64::new(0);

/// The folder of this process.
#[derive(Debug)]
pub(super) struct ScratchFolder {
    path: PathBuf,
    next: AtomicU64,
    _lock: File,
}

impl ScratchFolder {
    fn create(scratch: &Path, now: Timestamp) -> io::Result<Self> {
        fs::create_dir_all(scratch)?;
        loop {
            let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
            // The time keeps it apart from one of an earlier process with the same id, also in another pid namespace.
            let path = scratch.join(format!("{}-{}-{number}", std::process::id(), now.as_nanosecond()));
            match fs::create_dir(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                created => created?,
            }
            let lock_path = path.join("lock");
            let lock = OpenOptions::new().write(true).create(true).truncate(false).open(&lock_path)?;
            // A collector may have had the lock first, and deleted the folder.
            if lock.try_lock().is_ok() && lock_path.exists() {
                return Ok(Self { path, next: AtomicU64::new(0), _lock: lock });
            }
        }
    }
}

impl Drop for ScratchFolder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::debug!(path = %self.path.display(), %error, "left for the next garbage collection");
        }
    }
}

/// A path on the file system of the store where nothing is. What is there when this is dropped is deleted.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    // Kept until the last path in it is gone.
    _folder: Arc<ScratchFolder>,
}

impl Scratch {
    /// The path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        match remove(&self.path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => tracing::debug!(%error, "left for the next garbage collection"),
        }
    }
}

/// Deletes a file or a whole folder.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    if fs::symlink_metadata(path)?.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
}

impl Store {
    /// A path for what is not finished yet; nothing is there.
    ///
    /// # Errors
    /// [`StoreError`] when the folder for it cannot be made.
    pub fn scratch(&self) -> Result<Scratch, StoreError> {
        let scratch = self.folder().join("scratch");
        let mut folder = self.shared.scratch.lock().unwrap_or_else(PoisonError::into_inner);
        // Somebody may have tidied up by hand.
        let current = match folder.take() {
            Some(current) if current.path.is_dir() => current,
            _ => {
                let made = ScratchFolder::create(&scratch, self.now());
                Arc::new(made.map_err(StoreError::at("make a scratch folder", &scratch))?)
            }
        };
        *folder = Some(current.clone());
        drop(folder);
        let number = current.next.fetch_add(1, Ordering::Relaxed);
        Ok(Scratch { path: current.path.join(number.to_string()), _folder: current })
    }

    /// Puts a small text in place as one step.
    pub(super) fn write_whole(&self, path: &Path, text: &str) -> Result<(), StoreError> {
        let scratch = self.scratch()?;
        fs::write(scratch.path(), text).map_err(StoreError::at("write", scratch.path()))?;
        self.put_in_place(scratch.path(), path)
    }

    /// Renames, making the folder of the destination where it is missing.
    pub(super) fn put_in_place(&self, from: &Path, to: &Path) -> Result<(), StoreError> {
        let moved = match fs::rename(from, to) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let folder = to.parent().unwrap_or(self.folder());
                fs::create_dir_all(folder).map_err(StoreError::at("make a folder", folder))?;
                fs::rename(from, to)
            }
            moved => moved,
        };
        moved.map_err(StoreError::at("rename", to))
    }

    /// Deletes the scratch folders of processes that are gone. Answers how many, and their bytes.
    pub(super) fn sweep_scratch(&self, now: Timestamp) -> Result<(usize, u64), StoreError> {
        let scratch = self.folder().join("scratch");
        let mut swept = (0, 0);
        for path in entries(&scratch)? {
            // Its process may finish and tidy up at this moment.
            let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
            // The lock is kept while deleting, so that two collectors do not meet.
            let dead = if let Ok(lock) = OpenOptions::new().write(true).open(path.join("lock")) {
                lock.try_lock().is_ok().then_some(Some(lock))
            } else {
                (now.duration_since(Stamp::of(&metadata).time()) > UNLOCKED).then_some(None)
            };
            let Some(_lock) = dead else { continue };
            let bytes = bytes_below(&path);
            match remove(&path) {
                Ok(()) => swept = (swept.0 + 1, swept.1 + bytes),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => tracing::warn!(path = %path.display(), %error, "cannot delete a left-over"),
            }
        }
        Ok(swept)
    }
}
