//! Why something about snapshots could not be done.

use std::io;
use std::path::{Path, PathBuf};

use crate::base::class::{ErrorClass, of_io};
use crate::base::fs::named;
use crate::fetch::Cause;
use crate::installer::InstallError;
use crate::objects::StoreError;

/// Why something about snapshots could not be done. Snapshots and environment are as they were before.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// There is no such snapshot.
    #[error("there is no snapshot {wanted}: `stratheal snapshot list` shows those that are there")]
    Unknown {
        /// What was asked for.
        wanted: String,
    },
    /// What was asked for is in none.
    #[error("snapshot {number} has no {what}")]
    NotInside {
        /// The snapshot.
        number: u64,
        /// What was asked for.
        what: String,
    },
    /// A snapshot cannot be used any more.
    #[error("snapshot {number} is damaged: {reason}")]
    Damaged {
        /// The snapshot.
        number: u64,
        /// What is wrong with it, and what to do about it.
        reason: String,
    },
    /// A later version of this program made it.
    #[error("{what} has format {found}, and this version knows {known}: use a newer stratheal")]
    NewerFormat {
        /// What.
        what: String,
        /// Its format.
        found: u32,
        /// The newest format that this version reads.
        known: u32,
    },
    /// A snapshot has to stay.
    #[error("snapshot {number} stays: {reason}")]
    Kept {
        /// The snapshot.
        number: u64,
        /// Why.
        reason: &'static str,
    },
    /// A label cannot be used.
    #[error("`{label}` cannot be a label: {reason}")]
    Label {
        /// The label, cut.
        label: String,
        /// Why not.
        reason: &'static str,
    },
    /// The environment cannot be captured, or be brought back.
    #[error("the environment {} cannot be used: {reason}", root.display())]
    Environment {
        /// The environment.
        root: PathBuf,
        /// Why, and what to do about it.
        reason: String,
    },
    /// Somebody else goes on changing it.
    #[error(
        "{} is being changed by something else ({}): try again when that is done", root.display(), paths.join(", ")
    )]
    Disturbed {
        /// The environment.
        root: PathBuf,
        /// Some of what was changed.
        paths: Vec<String>,
    },
    /// A file is no export of a snapshot, or cannot be taken in.
    #[error("{} cannot be imported: {reason}", path.display())]
    NotAnExport {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and what to do about it.
        reason: String,
    },
    /// The installer's part could not be done.
    #[error(transparent)]
    Install(#[from] InstallError),
    /// The store could not do its part.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The disk is full.
    #[error("there is no room to {action}: free some, and try again")]
    DiskFull {
        /// What was tried.
        action: &'static str,
        /// What the system said, with the path.
        #[source]
        source: io::Error,
    },
    /// The system refused.
    #[error("cannot {action}")]
    Storage {
        /// What was tried.
        action: &'static str,
        /// What the system said, with the path.
        #[source]
        source: io::Error,
    },
    /// A fault of this program.
    #[error("a part of the work ended in a panic, which is a fault of this program: {0}")]
    Panicked(String),
    /// Somebody asked for it to stop.
    #[error("stopped before anything was changed")]
    Stopped,
}

impl SnapshotError {
    /// Names the path in what the system said while `action` was tried.
    pub(in crate::snapshot) fn at(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::storage(action, named(path, &error))
    }

    pub(in crate::snapshot) fn storage(action: &'static str, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                Self::DiskFull { action, source }
            }
            _ => Self::Storage { action, source },
        }
    }

    /// What kind of trouble it is.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Damaged { .. } | Self::NotAnExport { .. } => ErrorClass::Corrupt,
            Self::Label { .. } => ErrorClass::Usage,
            Self::Unknown { .. }
            | Self::NotInside { .. }
            | Self::NewerFormat { .. }
            | Self::Kept { .. }
            | Self::Environment { .. }
            | Self::DiskFull { .. } => ErrorClass::Permanent,
            Self::Disturbed { .. } => ErrorClass::Transient,
            Self::Install(error) => error.class(),
            Self::Store(error) => error.class(),
            Self::Storage { source, .. } => of_io(source),
            Self::Panicked(_) => ErrorClass::Bug,
            Self::Stopped => ErrorClass::Cancelled,
        }
    }

    /// What to do about it, as for an installation; `None` where no script could do anything but stop.
    #[must_use]
    pub fn cause(&self) -> Option<Cause> {
        match self {
            Self::Install(error) => error.cause(),
            Self::DiskFull { .. } => Some(Cause::Disk),
            Self::Store(error) if error.is_disk_full() => Some(Cause::Disk),
            Self::Unknown { .. } | Self::NotInside { .. } => Some(Cause::NotFound),
            _ => (self.class() == ErrorClass::Corrupt).then_some(Cause::Content),
        }
    }
}
