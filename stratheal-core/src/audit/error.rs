//! Why something could not be written to the log, or read from it.

use std::io;

use super::line::VERSION;
use crate::base::class::{self, ErrorClass};

/// Why something could not be written to the log, or read from it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// Another process writes this log.
    #[error("another process writes the audit log in {folder}")]
    InUse {
        /// The folder.
        folder: String,
    },
    /// A file or folder could not be used.
    #[error("cannot {action} the audit log")]
    Storage {
        /// What was tried.
        action: &'static str,
        /// What the system said, with the path.
        #[source]
        source: io::Error,
    },
    /// A record could not be written. It is kept in memory, if there is room, and written before the next one.
    #[error(
        "cannot write the audit log; {waiting} records wait in memory and {dropped} are lost: free some space on its disk"
    )]
    NotWritten {
        /// Whether this record is among those that wait.
        kept: bool,
        /// How many wait in memory.
        waiting: usize,
        /// How many were dropped because too many wait.
        dropped: u64,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A later version of this program wrote the log.
    #[error(
        "{file} has version {found} of the format and this program knows {VERSION}: use the newer program that wrote it"
    )]
    TooNew {
        /// The file.
        file: String,
        /// Its version.
        found: u64,
    },
    /// An action must be a word.
    #[error(
        "`{action}` is no action of a record: use lowercase letters, digits and `-`, and no word of the log itself"
    )]
    Action {
        /// What was given.
        action: String,
    },
    /// A line is no record.
    #[error("line {line} of {file} is no record: `audit verify` says more")]
    Line {
        /// The file.
        file: String,
        /// Its line, from 1.
        line: u64,
    },
}

impl AuditError {
    pub(super) fn storage(action: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Storage { action, source }
    }

    /// What kind of trouble it is.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::InUse { .. } => ErrorClass::Transient,
            Self::Storage { source, .. } | Self::NotWritten { source, .. } => class::of_io(source),
            Self::TooNew { .. } => ErrorClass::Permanent,
            Self::Action { .. } => ErrorClass::Usage,
            Self::Line { .. } => ErrorClass::Corrupt,
        }
    }
}
