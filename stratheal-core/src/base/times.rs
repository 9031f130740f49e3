//! When something was changed last, to the nanosecond.

use std::fs::Metadata;
use std::io;
use std::path::Path;

const SECOND: i64 = 1_000_000_000;

/// When it was changed last, in nanoseconds since 1970.
#[cfg(unix)]
#[must_use]
pub(crate) fn modified_ns(found: &Metadata) -> i64 {
    use std::os::unix::fs::MetadataExt;
    found.mtime().saturating_mul(SECOND).saturating_add(found.mtime_nsec())
}

#[cfg(not(unix))]
#[must_use]
pub(crate) fn modified_ns(found: &Metadata) -> i64 {
    let modified = found.modified().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    modified.map_or(0, |since| i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

/// Says when something was changed last. A link is not followed.
#[cfg(unix)]
pub(crate) fn set_modified(path: &Path, modified_ns: i64) -> io::Result<()> {
    use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, UTIME_OMIT, utimensat};
    let omit = Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT };
    let time = Timespec { tv_sec: modified_ns.div_euclid(SECOND), tv_nsec: modified_ns.rem_euclid(SECOND) };
    let times = Timestamps { last_access: omit, last_modification: time };
    Ok(utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW)?)
}

#[cfg(not(unix))]
pub(crate) fn set_modified(_path: &Path, _modified_ns: i64) -> io::Result<()> {
    Ok(())
}
