//! Room on the disk that is kept for the moment when there is none.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use super::file::fill;
use crate::base::fs::named;

/// A file whose only use is that it can be deleted.
///
/// On a full disk, deleting it lets what must be written be written: the audit log, the evidence, what a remedy needs.
#[derive(Debug)]
pub struct Reserve {
    path: PathBuf,
    size: u64,
}

impl Reserve {
    /// How large it is unless told otherwise: 4 MiB.
    pub const SIZE: u64 = 4 * 1024 * 1024;

    /// A reserve at this place. Nothing is done yet.
    #[must_use]
    pub fn new(path: &Path, size: u64) -> Self {
        Self { path: path.to_owned(), size }
    }

    /// Whether it is there, whole.
    #[must_use]
    pub fn is_there(&self) -> bool {
        fs::metadata(&self.path).is_ok_and(|found| found.len() >= self.size)
    }

    /// Takes the room again.
    ///
    /// # Errors
    /// What the system says, with the path; what was taken of it is given back then.
    pub fn take(&self) -> io::Result<()> {
        if self.is_there() {
            return Ok(());
        }
        let file = OpenOptions::new().write(true).create(true).truncate(true).open(&self.path);
        let taken = file.and_then(|file| fill(&file, self.size));
        taken.map_err(|error| {
            if let Err(left) = self.release() {
                tracing::debug!(error = %left, "a part of the reserve stays");
            }
            named(&self.path, &error)
        })
    }

    /// Gives the room to whoever needs it.
    ///
    /// # Errors
    /// What the system says, with the path.
    pub fn release(&self) -> io::Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(named(&self.path, &error)),
            _ => Ok(()),
        }
    }
}
