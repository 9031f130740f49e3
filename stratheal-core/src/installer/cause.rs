//! Why an installation failed, as one word that a script can act on.

use super::build::BuildFailure;
use super::error::InstallError;
use super::resolve::ResolveError;
use super::wheel::WheelError;
use crate::base::class::ErrorClass;
use crate::fetch::Cause;

impl InstallError {
    /// The word for this error; `None` where no script could do anything but stop.
    ///
    /// ```
    /// use stratheal_core::fetch::{Cause, FetchError};
    /// use stratheal_core::installer::InstallError;
    /// let error = InstallError::Fetch(FetchError::Offline { wanted: "six".to_owned() });
    /// assert_eq!(error.cause(), Some(Cause::Offline));
    /// ```
    #[must_use]
    pub fn cause(&self) -> Option<Cause> {
        match self {
            Self::Fetch(fetch) => Some(fetch.cause()),
            Self::Resolve(error) => of_resolving(error),
            Self::Build { source, .. } => match &**source {
                BuildFailure::Fetch(fetch) => Some(fetch.cause()),
                BuildFailure::Engine(error) => of_resolving(error),
                BuildFailure::Store(error) if error.is_disk_full() => Some(Cause::Disk),
                _ => None,
            },
            Self::Select(_) => Some(Cause::NotFound),
            Self::DiskFull { .. } => Some(Cause::Disk),
            Self::Store(error) if error.is_disk_full() => Some(Cause::Disk),
            Self::WrongRecord { .. } => Some(Cause::Content),
            Self::Wheel(wheel) => of_wheel(wheel),
            Self::Store(_) if self.class() == ErrorClass::Corrupt => Some(Cause::Content),
            _ => None,
        }
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
