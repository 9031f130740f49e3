//! What can go wrong with the file, in words, and when to try again.

use std::io;
use std::path::Path;
use std::time::Duration;

use rusqlite::ErrorCode;

use crate::contract::HistoryError;

/// `SQLITE_IOERR_SHMSIZE`: the index of the write-ahead log could not grow, which a full disk does.
const SHARED_MEMORY_SIZE: i32 = 4874;

/// Why nothing can be written at the moment.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    #[error("disk full: make some space, recording then goes on by itself")]
    DiskFull,
    #[error("read-only: make it writable, recording then goes on by itself")]
    ReadOnly,
    #[error("no permission: give this user write access, recording then goes on by itself")]
    Denied,
    #[error("its folder is gone: bring it back, recording then goes on by itself")]
    Gone,
    #[error("another process holds it: stop that process, recording then goes on by itself")]
    Busy,
    #[error("the write-ahead log cannot be emptied, because another process reads for a long time: stop that process")]
    LongReader,
    #[error("disk error: {0}")]
    Disk(String),
    #[error("damaged: {0}")]
    Damaged(String),
    #[error("{0}")]
    Refused(Box<HistoryError>),
    /// The size limit is reached: something must be deleted first.
    #[error("the size limit is reached")]
    Overfull,
    /// It will fail again however often it is tried.
    #[error("{0}")]
    Fault(String),
}

impl Trouble {
    /// Whether it may pass without anybody doing something about the path, so that it is no reason to refuse to start.
    pub(super) const fn may_pass(&self) -> bool {
        matches!(self, Self::DiskFull | Self::Busy | Self::Disk(_) | Self::LongReader)
    }

    /// As an error of the contract.
    pub(super) fn into_error(self, action: &'static str, path: &Path) -> HistoryError {
        let path = path.display().to_string();
        match self {
            Self::Refused(error) => *error,
            Self::Damaged(problem) => HistoryError::Corrupt { path, problem },
            other => HistoryError::Storage { action, path, source: Box::new(other) },
        }
    }
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        let Some(code) = error.sqlite_error() else { return Self::Fault(error.to_string()) };
        match code.code {
            ErrorCode::DiskFull => Self::DiskFull,
            ErrorCode::SystemIoFailure if code.extended_code == SHARED_MEMORY_SIZE => Self::DiskFull,
            ErrorCode::SystemIoFailure => Self::Disk(format!("{error} (SQLite code {})", code.extended_code)),
            ErrorCode::ReadOnly => Self::ReadOnly,
            ErrorCode::PermissionDenied => Self::Denied,
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed => Self::Busy,
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Self::Damaged(error.to_string()),
            ErrorCode::CannotOpen | ErrorCode::OutOfMemory | ErrorCode::NoLargeFileSupport => {
                Self::Disk(error.to_string())
            }
            _ => Self::Fault(error.to_string()),
        }
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull,
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly,
            io::ErrorKind::PermissionDenied => Self::Denied,
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Self::Gone,
            _ => Self::Disk(error.to_string()),
        }
    }
}

/// How long to wait after so many failures in a row: 1 s, doubling to 60 s.
pub(super) fn delay(failures: u32) -> Duration {
    const LONGEST: Duration = Duration::from_mins(1);
    Duration::from_secs(1_u64 << failures.saturating_sub(1).min(6)).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_longer_and_longer_up_to_a_minute() {
        let seconds: Vec<_> = [0, 1, 2, 3, 4, 5, 6, 7, 8, u32::MAX].map(|n| delay(n).as_secs()).to_vec();
        assert_eq!(seconds, [1, 1, 2, 4, 8, 16, 32, 60, 60, 60]);
    }

    #[test]
    fn says_what_it_is() {
        let of = |code: i32| {
            let said = Some("disk I/O error".to_owned());
            Trouble::from(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), said))
        };
        assert!(of(13).to_string().starts_with("disk full: "));
        assert!(of(SHARED_MEMORY_SIZE).to_string().starts_with("disk full: "));
        assert!(of(8).to_string().starts_with("read-only: "));
        assert_eq!(of(778).to_string(), "disk error: disk I/O error (SQLite code 778)");
        assert!(matches!(of(11), Trouble::Damaged(_)));
        assert!(matches!(of(26), Trouble::Damaged(_)));
        assert!(matches!(of(5), Trouble::Busy));
        assert!(matches!(of(19), Trouble::Fault(_)));
        let io = |kind: io::ErrorKind| Trouble::from(io::Error::from(kind));
        assert!(matches!(io(io::ErrorKind::StorageFull), Trouble::DiskFull));
        assert!(matches!(io(io::ErrorKind::NotFound), Trouble::Gone));
        assert!(matches!(io(io::ErrorKind::ReadOnlyFilesystem), Trouble::ReadOnly));
    }
}
