//! Which files are open, so that they can be left.

use std::collections::HashSet;

use tokio::time::Instant;

use crate::sys::{SysError, SysRoot, descriptors};

/// The files that processes have open.
#[derive(Debug, Default)]
pub(super) struct OpenFiles {
    files: HashSet<(u64, u64)>,
    /// Whether processes may have files open that could not be seen.
    pub(super) is_partial: bool,
}

impl OpenFiles {
    /// Looks at all processes.
    pub(super) fn now(until: Instant) -> Result<Self, SysError> {
        let mut files = HashSet::new();
        let seen = descriptors::each(&SysRoot::default(), until, |descriptor| {
            if let Some(file) = descriptor.file.filter(|file| file.is_plain) {
                files.insert((file.device, file.inode));
            }
        })?;
        Ok(Self { files, is_partial: seen.denied > 0 || !seen.is_whole })
    }

    pub(super) fn has(&self, device: u64, inode: u64) -> bool {
        self.files.contains(&(device, inode))
    }
}
