//! What the system says about a file, down to the time of its last change of any kind.

use std::fs::Metadata;

/// What tells an edited file from an untouched one, also when the edit hides its modification time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Stat {
    pub(crate) device: u64,
    pub(crate) inode: u64,
    pub(crate) size: u64,
    pub(crate) mtime_ns: i64,
    /// Zero where the system has none: then nothing about the file is remembered.
    pub(crate) ctime_ns: i64,
    /// How many names it has.
    pub(crate) links: u64,
    /// What its mode allows; everything where there are none.
    pub(crate) mode: u32,
}

impl Stat {
    #[cfg(unix)]
    pub(crate) fn of(found: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        let nanoseconds = |seconds: i64, rest: i64| seconds.saturating_mul(1_000_000_000).saturating_add(rest);
        Self {
            device: found.dev(),
            inode: found.ino(),
            size: found.len(),
            mtime_ns: nanoseconds(found.mtime(), found.mtime_nsec()),
            ctime_ns: nanoseconds(found.ctime(), found.ctime_nsec()),
            links: found.nlink(),
            mode: found.mode(),
        }
    }

    #[cfg(not(unix))]
    pub(crate) fn of(found: &Metadata) -> Self {
        Self { device: 0, inode: 0, size: found.len(), mtime_ns: 0, ctime_ns: 0, links: 1, mode: 0o777 }
    }

    /// Whether the content is the same as when the other was taken. The number of names may differ, and the mode.
    pub(crate) fn is_as(&self, other: &Self) -> bool {
        Self { links: 0, mode: 0, ..*self } == Self { links: 0, mode: 0, ..*other }
    }
}
