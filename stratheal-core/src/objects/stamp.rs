//! What the system says about a file, as far as it tells an edited file from an untouched one.

use std::fs::{File, FileTimes, Metadata};
use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Size and time of a file. The change time (ctime) is left out on purpose: each link to a file changes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stamp {
    pub(super) size: u64,
    pub(super) mtime_ns: i64,
}

impl Stamp {
    pub(super) fn of(metadata: &Metadata) -> Self {
        // A file system without modification times gives the same answer each time, and the size has to do.
        let mtime_ns = metadata.modified().map_or(0, nanoseconds);
        Self { size: metadata.len(), mtime_ns }
    }

    /// The modification time.
    pub(super) fn time(self) -> Timestamp {
        Timestamp::from_nanosecond(self.mtime_ns.into()).unwrap_or(Timestamp::MIN)
    }
}

/// Who owns a file and what may be done with it. Zero where the system has no such thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Owner {
    pub(super) uid: u32,
    pub(super) gid: u32,
}

#[cfg(unix)]
impl Owner {
    pub(super) fn of(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        Self { uid: metadata.uid(), gid: metadata.gid() }
    }
}

#[cfg(not(unix))]
impl Owner {
    pub(super) fn of(_: &Metadata) -> Self {
        Self { uid: 0, gid: 0 }
    }
}

/// The permission bits of a file. Zero where the system has none.
#[cfg(unix)]
pub(super) fn mode(metadata: &Metadata) -> u32 {
    std::os::unix::fs::MetadataExt::mode(metadata) & 0o7777
}

#[cfg(not(unix))]
pub(super) fn mode(_: &Metadata) -> u32 {
    0
}

/// Sets the permission bits, where the system has some.
pub(super) fn set_mode(file: &File, mode: u32) -> io::Result<()> {
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(mode))?;
    #[cfg(not(unix))]
    let _ = (file, mode);
    Ok(())
}

/// Sets the modification time.
pub(super) fn set_mtime(file: &File, mtime_ns: i64) -> io::Result<()> {
    let since = Duration::from_nanos(mtime_ns.unsigned_abs());
    let time = if mtime_ns < 0 { UNIX_EPOCH.checked_sub(since) } else { UNIX_EPOCH.checked_add(since) };
    file.set_times(FileTimes::new().set_modified(time.unwrap_or(UNIX_EPOCH)))
}

/// How far in the past the times lie that the store gives: a write within the same tick of the file system's clock must give
/// another time, or it would not be seen.
const BACK: i64 = 2_000_000_000;

/// The modification time for a file that is stored now.
pub(super) fn mtime_for(now: Timestamp) -> i64 {
    i64::try_from(now.as_nanosecond()).unwrap_or(i64::MAX).saturating_sub(BACK)
}

fn nanoseconds(time: SystemTime) -> i64 {
    let since = |duration: Duration| i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => since(after),
        Err(before) => -since(before.duration()),
    }
}
