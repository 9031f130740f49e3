//! The one word for why something could not be had: what a script or a person has to do about it.

use serde::{Deserialize, Serialize};

use super::FetchError;

/// Why something could not be had, in so far as it decides what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Cause {
    /// Whoever could know says that there is no such project or file: ask for another one.
    NotFound,
    /// Offline, and not in the cache: get it once with a network.
    Offline,
    /// The network, or those at its other end: try again later.
    Network,
    /// Credentials were refused: check them.
    Denied,
    /// What arrived is not what was promised, or has changed: look who is right before anything is installed.
    Content,
    /// The disk is full, or the cache cannot be used: make room.
    Disk,
    /// The settings are impossible: change them.
    Settings,
}

impl FetchError {
    /// The word for this error.
    ///
    /// ```
    /// use stratheal_core::fetch::{Cause, FetchError};
    /// let error = FetchError::Offline { wanted: "six".to_owned() };
    /// assert_eq!(error.cause(), Cause::Offline);
    /// ```
    #[must_use]
    pub const fn cause(&self) -> Cause {
        match self {
            Self::NoSuchProject { .. } | Self::NoSuchFile { .. } => Cause::NotFound,
            Self::Offline { .. } => Cause::Offline,
            Self::Unavailable { .. } | Self::Restarted { .. } | Self::Deadline { .. } => Cause::Network,
            Self::Denied { .. } => Cause::Denied,
            Self::HashMismatch { .. } | Self::DigestMismatch(_) | Self::Changed(_) => Cause::Content,
            Self::DiskFull { .. } | Self::Store(_) => Cause::Disk,
            Self::Settings(_) => Cause::Settings,
        }
    }
}
