//! What errors of snapshots exit with.

use stratheal_core::base::class::{ErrorClass, chain};
use stratheal_core::fetch::Cause;
use stratheal_core::snapshot::SnapshotError;

use crate::failure::Failure;

/// The failure that fits an error.
pub(super) fn of(error: SnapshotError) -> Failure {
    let cause = match error {
        SnapshotError::Install(error) => return crate::commands::install::failure_of(error),
        SnapshotError::DiskFull { .. } => Some(Cause::Disk),
        SnapshotError::Store(ref error) if error.is_disk_full() => Some(Cause::Disk),
        SnapshotError::Unknown { .. } | SnapshotError::NotInside { .. } => Some(Cause::NotFound),
        ref error if error.class() == ErrorClass::Corrupt => Some(Cause::Content),
        _ => None,
    };
    let text = chain(&error);
    match cause {
        Some(cause) => Failure::Caused { cause, text },
        None => Failure::Usage(text),
    }
}
