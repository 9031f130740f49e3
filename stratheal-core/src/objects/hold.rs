//! Who uses the store keeps others from deleting in it.
//!
//! One lock file for the whole store: users share it, and whoever deletes tries to have it alone, for one small batch at a time. A
//! lock ends with its process, however that ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::PathBuf;
use std::time::Duration;

use tokio::time::Instant;

use super::{Store, StoreError};

/// Keeps what is in the store from being deleted, by this process and by others, until it is dropped.
///
/// One step alone (a lookup, a put, linking a tree) needs none. Hold it over several: between finding a pack and using it.
#[derive(Debug)]
pub struct Hold {
    _file: Option<File>,
}

impl Store {
    /// Keeps others from deleting until the answer is dropped. Waits while a batch is being deleted, which is a matter of
    /// milliseconds.
    ///
    /// # Errors
    /// [`StoreError`] when the lock cannot be had.
    pub fn hold(&self) -> Result<Hold, StoreError> {
        let path = self.lock_path();
        let file = match open(&path) {
            Ok(file) => file,
            // Nobody can delete either.
            Err(error) if StoreError::is_read_only(&error) => return Ok(Hold { _file: None }),
            Err(error) => return Err(StoreError::at("lock", &path)(error)),
        };
        file.lock_shared().map_err(StoreError::at("lock", &path))?;
        Ok(Hold { _file: Some(file) })
    }

    /// Has the store alone, or gives up after `patience`.
    pub(super) fn alone(&self, patience: Duration) -> Result<Option<Hold>, StoreError> {
        let path = self.lock_path();
        let file = open(&path).map_err(StoreError::at("lock", &path))?;
        let end = Instant::now() + patience;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Some(Hold { _file: Some(file) })),
                Err(TryLockError::WouldBlock) if Instant::now() < end => {
                    std::thread::park_timeout(Duration::from_millis(3));
                }
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(StoreError::at("lock", &path)(error)),
            }
        }
    }

    fn lock_path(&self) -> PathBuf {
        self.folder().join("lock")
    }
}

fn open(path: &std::path::Path) -> std::io::Result<File> {
    OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path)
}
