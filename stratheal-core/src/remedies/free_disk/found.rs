//! What was found below the folder of a rule.

use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;

/// A file or folder that may go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// Its path below the folder of the rule.
    pub(super) path: PathBuf,
    /// Which one it is; another one may get its name later.
    pub(super) device: u64,
    pub(super) inode: u64,
    /// When its content was last changed.
    pub(super) modified: Timestamp,
    /// When anything about it was last changed, so that what was just unpacked, with an old time, does not count as old.
    pub(super) changed: Timestamp,
    /// How long it is.
    pub(super) size: u64,
    /// The space it takes.
    pub(super) bytes: u64,
    pub(super) is_folder: bool,
}

impl Found {
    /// Whether nothing about it changed for so long. What changes in the future is not old.
    pub(super) fn is_older(&self, than: Duration, now: Timestamp) -> bool {
        let latest = self.modified.max(self.changed);
        Duration::try_from(now.duration_since(latest)).is_ok_and(|age| age >= than)
    }
}

/// What a walk came across.
#[derive(Debug, Default)]
pub(super) struct Walked {
    pub(super) found: Vec<Found>,
    /// Folders of bytecode in which something else is too.
    pub(super) seen: u64,
    /// Whether time and bounds sufficed for everything.
    pub(super) is_whole: bool,
    /// Files with other names elsewhere, which free nothing and are left.
    pub(super) linked: u64,
    /// Mount points and links, which are not gone into.
    pub(super) not_entered: u64,
    /// Folders and files that could not be looked at.
    pub(super) unreadable: u64,
}

/// How far a walk goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) entries: u64,
    pub(super) found: usize,
    pub(super) depth: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { entries: 2_000_000, found: 200_000, depth: 64 }
    }
}
