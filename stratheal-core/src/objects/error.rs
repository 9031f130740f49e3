//! Why the store could not do something.

use std::io;
use std::path::Path;

use super::archive::ArchiveError;
use super::id::ContentId;
use crate::base::class::{ErrorClass, of_io};
use crate::base::fs::named;

/// Why the store could not do something. What is missing or damaged is not an error: it is answered as absent, and had again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The disk, the quota or the largest size of a file is reached.
    #[error("no space left for the store {folder}: free some, or put the store on another disk")]
    DiskFull {
        /// The folder of the store.
        folder: String,
        /// What the system said, with the path.
        #[source]
        source: io::Error,
    },
    /// There is no room where a file of the store is linked to.
    #[error("no space left for files out of the store: free some")]
    DestinationFull {
        /// What the system said, with the path.
        #[source]
        source: io::Error,
    },
    /// This user may not write there, or nobody can.
    #[error("cannot {action} in the store: give this user write access to it, or choose another folder")]
    ReadOnly {
        /// What was tried.
        action: &'static str,
        /// What the system said, with the path.
        #[source]
        source: io::Error,
    },
    /// A later version of this program made it.
    #[error(
        "the store {folder} has format {found}, and this version knows {known}: use a newer stratheal, or another folder"
    )]
    NewerFormat {
        /// The folder of the store.
        folder: String,
        /// Its format.
        found: u32,
        /// The newest format this version reads.
        known: u32,
    },
    /// The folder holds something else.
    #[error("{folder} is no store: {reason}; move it away, or choose another folder")]
    NotAStore {
        /// The folder.
        folder: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The bytes that were given are not those that were promised.
    #[error("`{name}` has the wrong content: expected sha256 {expected}, got {got}")]
    Mismatch {
        /// The file.
        name: String,
        /// What was promised.
        expected: ContentId,
        /// What was given.
        got: ContentId,
    },
    /// It was there, and was deleted or replaced meanwhile.
    #[error("{what} was removed from the store meanwhile: get it again")]
    Gone {
        /// What is gone.
        what: String,
    },
    /// Roots that cannot be read: nothing may be deleted, because what they keep is not known.
    #[error("the roots `{name}` cannot be read, so that nothing is deleted: {reason}")]
    DamagedRoots {
        /// The file in `roots/`.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A name is not a single harmless path component.
    #[error("`{name}` cannot be used as a name: {reason}")]
    InvalidName {
        /// The name, cut.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// An archive was refused.
    #[error("the archive `{name}` is refused")]
    Archive {
        /// The file name of the archive.
        name: String,
        /// Why.
        #[source]
        source: ArchiveError,
    },
    /// The system refused.
    #[error("cannot {action} in the store")]
    Storage {
        /// What was tried.
        action: &'static str,
        /// What the system said, with the path.
        #[source]
        source: io::Error,
    },
}

impl StoreError {
    /// What kind of trouble it is.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::DiskFull { .. }
            | Self::DestinationFull { .. }
            | Self::NewerFormat { .. }
            | Self::NotAStore { .. } => ErrorClass::Permanent,
            Self::ReadOnly { .. } => ErrorClass::Denied,
            Self::Mismatch { .. } | Self::DamagedRoots { .. } => ErrorClass::Corrupt,
            Self::Gone { .. } => ErrorClass::Transient,
            Self::InvalidName { .. } => ErrorClass::Usage,
            Self::Archive { source, .. } => source.class(),
            Self::Storage { source, .. } => of_io(source),
        }
    }

    /// Whether there is no room: nothing else helps than making some.
    #[must_use]
    pub const fn is_disk_full(&self) -> bool {
        matches!(self, Self::DiskFull { .. } | Self::DestinationFull { .. })
    }

    /// Whether the system said that nothing can be written there, by this user or by anybody.
    pub(super) fn is_read_only(error: &io::Error) -> bool {
        matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
    }

    /// Names the path in what the system said while `action` was tried.
    pub(crate) fn at(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |error| {
            let source = named(path, &error);
            match error.kind() {
                // A limit on the size of files is found at the same places, and ends in the same way.
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                    // The store is what a person knows, not a folder inside it.
                    let store = path.ancestors().find(|above| above.join("version").exists()).unwrap_or(path);
                    Self::DiskFull { folder: store.display().to_string(), source }
                }
                _ if Self::is_read_only(&error) => Self::ReadOnly { action, source },
                _ => Self::Storage { action, source },
            }
        }
    }

    /// What was said about a file outside the store: a disk that is full there is another one.
    pub(super) fn outside(self) -> Self {
        match self {
            Self::DiskFull { source, .. } => Self::DestinationFull { source },
            other => other,
        }
    }
}
