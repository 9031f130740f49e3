//! Why a workspace cannot be used.

use std::io;
use std::path::PathBuf;

use crate::base::class::{ErrorClass, of_io};
use crate::fetch::FetchError;
use crate::index::DiscoverError;
use crate::installer::lock::LockError;
use crate::installer::requirement::RequirementError;

/// Why packages cannot be dealt with here.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorkspaceError {
    /// No place for a cache is known.
    #[error("there is no folder for the cache: set HOME or XDG_CACHE_HOME, or name one")]
    NoCache,
    /// There is no index, or it is none that can be used.
    #[error(transparent)]
    Index(#[from] DiscoverError),
    /// The fetcher cannot be made: its cache cannot be used, or a setting makes no sense.
    #[error(transparent)]
    Fetcher(#[from] FetchError),
    /// Nobody has said what is wanted.
    #[error("nothing is wanted: name requirements, files of them, or `requirements` under [project]")]
    NothingWanted,
    /// A lock, and something beside it.
    #[error("a lock says everything by itself: name it alone")]
    LockAndMore,
    /// Extras without anything that has them.
    #[error("extras are chosen from a lock or a pyproject.toml: write others behind a requirement (`flask[async]`)")]
    ExtraOfNothing,
    /// The name of an extra or of a group is none.
    #[error("`{name}` is no name")]
    Name {
        /// What was given.
        name: String,
        /// What is wrong with it.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// What is wanted cannot be told.
    #[error(transparent)]
    Requirement(#[from] RequirementError),
    /// A lock cannot be read.
    #[error("{}", path.display())]
    Lock {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: LockError,
    },
    /// The system refused.
    #[error("cannot {action}")]
    System {
        /// What was tried.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

impl WorkspaceError {
    /// What kind of trouble it is.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Fetcher(error) => error.class(),
            Self::System { source, .. } => of_io(source),
            _ => ErrorClass::Permanent,
        }
    }
}
