//! What an installer's errors exit with.

use stratheal_core::base::class::{ErrorClass, chain};
use stratheal_core::fetch::Cause;
use stratheal_core::installer::{InstallError, ResolveError};

use crate::failure::Failure;

/// The failure that fits an error.
#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` gives")]
pub(super) fn of(error: InstallError) -> Failure {
    let cause = match &error {
        InstallError::Fetch(fetch) | InstallError::Resolve(ResolveError::Fetch(fetch)) => Some(fetch.cause()),
        InstallError::Resolve(ResolveError::Unavailable { cause, .. }) => Some(*cause),
        InstallError::Resolve(ResolveError::NoSuchPin { others: 1.., .. }) => Some(Cause::Content),
        InstallError::Resolve(ResolveError::NoSolution { .. } | ResolveError::NoSuchPin { .. })
        | InstallError::Select(_) => Some(Cause::NotFound),
        InstallError::DiskFull { .. } => Some(Cause::Disk),
        InstallError::Store(error) if error.is_disk_full() => Some(Cause::Disk),
        InstallError::Wheel(_) | InstallError::Store(_) if error.class() == ErrorClass::Corrupt => Some(Cause::Content),
        _ => None,
    };
    let text = chain(&error);
    match cause {
        Some(cause) => Failure::Caused { cause, text },
        None => Failure::Usage(text),
    }
}
