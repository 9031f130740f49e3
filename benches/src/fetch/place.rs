//! A folder for everything a benchmark writes, removed in the end.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::failure::Failure;

/// A temporary folder. It is removed when this is dropped.
#[derive(Debug)]
pub struct Place {
    folder: PathBuf,
    next: AtomicU64,
}

impl Place {
    /// Makes one, in the folder for temporary files that the system names.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn new() -> Result<Self, Failure> {
        let folder = std::env::temp_dir().join(format!("stratheal-bench-{}", std::process::id()));
        std::fs::create_dir_all(&folder)
            .map_err(|error| Failure::io(format!("cannot make {}", folder.display()), &error))?;
        Ok(Self { folder, next: AtomicU64::new(0) })
    }

    /// A new folder in it. It is deleted with the others, after everything was measured: some file systems are slow at making files
    /// for minutes after many were deleted.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn fresh(&self) -> Result<PathBuf, Failure> {
        let folder = self.folder.join(self.next.fetch_add(1, Ordering::Relaxed).to_string());
        std::fs::create_dir(&folder)
            .map_err(|error| Failure::io(format!("cannot make {}", folder.display()), &error))?;
        Ok(folder)
    }

    /// The folder itself.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Whatever stays is in the folder for temporary files.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
