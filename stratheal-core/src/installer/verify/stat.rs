//! What the system says about a file, down to the time of its last change of any kind.

use std::fs::Metadata;

/// What tells an edited file from an untouched one, also when the edit hides its modification time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Stat {
    pub(super) device: u64,
    pub(super) inode: u64,
    pub(super) size: u64,
    pub(super) mtime_ns: i64,
    /// Zero where the system has none: then nothing about the file is remembered.
    pub(super) ctime_ns: i64,
    /// How many names it has.
    pub(super) links: u64,
    /// What its mode allows; everything where there are none.
    pub(super) mode: u32,
}

impl Stat {
    #[cfg(unix)]
    pub(super) fn of(found: &Metadata) -> Self {
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
    pub(super) fn of(found: &Metadata) -> Self {
        Self { device: 0, inode: 0, size: found.len(), mtime_ns: 0, ctime_ns: 0, links: 1, mode: 0o777 }
    }

    /// Whether the content is the same as when the other was taken. The number of names may differ, and the mode.
    pub(super) fn is_as(&self, other: &Self) -> bool {
        Self { links: 0, mode: 0, ..*self } == Self { links: 0, mode: 0, ..*other }
    }
}
