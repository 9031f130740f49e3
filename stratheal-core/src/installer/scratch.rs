//! Folders for what engines read and write.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::base::fs::named;

/// A folder that is deleted when it is dropped.
#[derive(Debug)]
pub(in crate::installer) struct Scratch(PathBuf);

impl Scratch {
    /// Makes one in a folder, which is made as well.
    pub(in crate::installer) fn make(parent: &Path) -> io::Result<Self> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = parent.join(format!("{}-{number}", std::process::id()));
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        // What is wanted may hold the secrets of URLs.
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&folder).map_err(|error| named(&folder, &error))?;
        Ok(Self(folder))
    }

    pub(in crate::installer) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!(path = %self.0.display(), %error, "what an engine wrote cannot be deleted");
        }
    }
}
