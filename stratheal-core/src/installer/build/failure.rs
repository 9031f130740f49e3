//! Why something could not be built.

use std::io;
use std::path::PathBuf;

use crate::base::class::{ErrorClass, of_io};
use crate::fetch::FetchError;
use crate::installer::resolve::ResolveError;
use crate::objects::StoreError;

/// Why something could not be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildFailure {
    /// The engine could not.
    #[error(transparent)]
    Engine(#[from] ResolveError),
    /// What it is made of could not be had.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// A repository could not be had.
    #[error("cannot check out {commit} of {url}: {reason}")]
    Checkout {
        /// The repository, without passwords.
        url: String,
        /// The commit.
        commit: String,
        /// What git said.
        reason: String,
    },
    /// There is no project where one should be.
    #[error("there is no project in {}: it has neither a pyproject.toml nor a setup.py", path.display())]
    NoProject {
        /// The folder.
        path: PathBuf,
    },
    /// What was built is something else.
    #[error("{found} came out of it")]
    Other {
        /// What it is.
        found: String,
    },
    /// The store could not keep it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The system refused.
    #[error("cannot {action}")]
    Storage {
        /// What was tried.
        action: &'static str,
        /// What the system said, with the path.
        #[source]
        source: io::Error,
    },
}

impl BuildFailure {
    pub(super) fn storage(action: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Storage { action, source }
    }

    /// What kind of trouble it is.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Engine(error) => error.class(),
            Self::Fetch(error) => error.class(),
            Self::Store(error) => error.class(),
            Self::Checkout { .. } | Self::NoProject { .. } | Self::Other { .. } => ErrorClass::Permanent,
            Self::Storage { source, .. } => of_io(source),
        }
    }
}
