//! What an installer's errors exit with.

use stratheal_core::base::class::{ErrorClass, chain};
use stratheal_core::fetch::Cause;
use stratheal_core::installer::{BuildFailure, InstallError, ResolveError, WheelError};

use crate::failure::Failure;

/// The failure that fits an error.
#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` gives")]
pub(crate) fn of(error: InstallError) -> Failure {
    let cause = match &error {
        InstallError::Fetch(fetch) => Some(fetch.cause()),
        InstallError::Resolve(error) => of_resolving(error),
        InstallError::Build { source, .. } => match &**source {
            BuildFailure::Fetch(fetch) => Some(fetch.cause()),
            BuildFailure::Engine(error) => of_resolving(error),
            BuildFailure::Store(error) if error.is_disk_full() => Some(Cause::Disk),
            _ => None,
        },
        InstallError::Select(_) => Some(Cause::NotFound),
        InstallError::DiskFull { .. } => Some(Cause::Disk),
        InstallError::Store(error) if error.is_disk_full() => Some(Cause::Disk),
        InstallError::WrongRecord { .. } => Some(Cause::Content),
        InstallError::Wheel(wheel) => of_wheel(wheel),
        InstallError::Store(_) if error.class() == ErrorClass::Corrupt => Some(Cause::Content),
        _ => None,
    };
    let text = chain(&error);
    match cause {
        Some(cause) => Failure::Caused { cause, text },
        None => Failure::Usage(text),
    }
}

fn of_resolving(error: &ResolveError) -> Option<Cause> {
    match error {
        ResolveError::Fetch(fetch) => Some(fetch.cause()),
        ResolveError::Unavailable { cause, .. } => Some(*cause),
        ResolveError::NoSuchPin { others: 1.., .. } => Some(Cause::Content),
        ResolveError::Wheel(wheel) => of_wheel(wheel),
        ResolveError::NoSolution { .. } | ResolveError::NoSuchPin { .. } => Some(Cause::NotFound),
        _ => None,
    }
}

fn of_wheel(error: &WheelError) -> Option<Cause> {
    match error {
        // As where an index has none that fits.
        WheelError::OtherPlatform { .. } => Some(Cause::NotFound),
        _ => (error.class() == ErrorClass::Corrupt).then_some(Cause::Content),
    }
}
