//! Why something about the host could not be told.

use std::io;
use std::path::PathBuf;

use crate::base::class::{self, ErrorClass};
use crate::contract::CheckError;

/// A text is not what a kernel file should hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(String);

impl Malformed {
    /// Says what is wrong, with at most 64 characters of the text it is about.
    #[must_use]
    pub fn new(problem: &str, text: &str) -> Self {
        Self(format!("{problem}: `{}`", text.chars().take(64).collect::<String>()))
    }

    /// Says that something is missing.
    #[must_use]
    pub fn missing(what: &str) -> Self {
        Self(format!("{what} is missing"))
    }
}

/// Why something about the host could not be told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SysError {
    /// A file could not be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A file holds something else than it should.
    #[error("cannot understand {}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: Malformed,
    },
    /// This system has no such thing.
    #[error("{what} cannot be measured here: {why}")]
    Unsupported {
        /// What was to be measured.
        what: &'static str,
        /// What is missing.
        why: &'static str,
    },
}

impl SysError {
    /// What kind of trouble it is.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Read { source, .. } => class::of_io(source),
            Self::Malformed { .. } => ErrorClass::Corrupt,
            Self::Unsupported { .. } => ErrorClass::Permanent,
        }
    }

    /// Whether the file is not there at all.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Read { source, .. }
            if matches!(source.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory))
    }
}

impl From<SysError> for CheckError {
    fn from(error: SysError) -> Self {
        match error {
            SysError::Read { path, source } => Self::read(path.display().to_string(), source),
            SysError::Malformed { path, source } => Self::malformed(path.display().to_string(), source.to_string()),
            SysError::Unsupported { what, why } => Self::Unsupported { what: what.to_owned(), why: why.to_owned() },
        }
    }
}

/// Turns "there is no such file" into `None` and keeps every other error.
pub(crate) fn if_there<T>(answer: Result<T, SysError>) -> Result<Option<T>, SysError> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.is_missing() => Ok(None),
        Err(error) => Err(error),
    }
}
