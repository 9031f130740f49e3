//! Why an environment could not be brought to what was wanted.

use std::io;
use std::path::PathBuf;

use super::build::{BuildFailure, Buildable};
use super::lock::SelectError;
use super::python::InterpreterError;
use super::requirement::RequirementError;
use super::resolve::ResolveError;
use super::stage::{BuildError, Conflict};
use super::wheel::WheelError;
use crate::base::class::{ErrorClass, of_io};
use crate::fetch::FetchError;
use crate::index::ProjectName;
use crate::objects::{RecordProblem, StoreError};

/// Why an environment could not be brought to what was wanted. It is as it was before, whole.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InstallError {
    /// The interpreter cannot be asked.
    #[error(transparent)]
    Interpreter(#[from] InterpreterError),
    /// The environment cannot be used as it is.
    #[error("the environment {} cannot be used: {reason}", root.display())]
    Environment {
        /// The environment.
        root: PathBuf,
        /// Why, and what to do about it.
        reason: String,
    },
    /// The system's package manager owns the interpreter (PEP 668).
    #[error(
        "{} belongs to the system's package manager: install into a virtual environment (`--python .venv`){}",
        program.display(), if advice.is_empty() { String::new() } else { format!("; it says: {advice}") }
    )]
    Managed {
        /// The interpreter.
        program: PathBuf,
        /// What the system's marker says, its first line.
        advice: String,
    },
    /// A lock says something about a project that cannot be used.
    #[error("{name} cannot be installed from this lock: {reason}")]
    Locked {
        /// The project.
        name: ProjectName,
        /// Why.
        reason: String,
    },
    /// Something is required that nobody named.
    #[error("{by} requires {requirement}, which is neither installed nor named with a hash: name it as well")]
    Open {
        /// Who requires it.
        by: ProjectName,
        /// What.
        requirement: String,
    },
    /// Nothing can be chosen from a lock.
    #[error(transparent)]
    Select(#[from] SelectError),
    /// What is wanted makes no sense.
    #[error(transparent)]
    Requirement(#[from] RequirementError),
    /// Nobody knows what an installed project was made of.
    #[error("{name} cannot be made again as it is: {reason}")]
    Origin {
        /// The project.
        name: ProjectName,
        /// Why, and what to do about it.
        reason: String,
    },
    /// There is no lock.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// Something could not be built.
    #[error("cannot build {what}")]
    Build {
        /// Of what: the project, and its version where it is known.
        what: String,
        /// Why not.
        #[source]
        source: Box<BuildFailure>,
    },
    /// A wheel is refused.
    #[error(transparent)]
    Wheel(#[from] WheelError),
    /// A wheel is not what its own list of files says, and that is not put up with.
    #[error("{wheel} is refused: {problem}; without `--strict` it is installed, with a RECORD that is right")]
    WrongRecord {
        /// The file name of the wheel.
        wheel: String,
        /// What is wrong.
        problem: RecordProblem,
    },
    /// What is to be installed does not fit what is there.
    #[error("nothing was changed in {}", root.display())]
    Conflict {
        /// The environment.
        root: PathBuf,
        /// What does not fit.
        #[source]
        source: FileConflict,
    },
    /// Somebody else went on changing the environment.
    #[error("{} is being changed by something else ({}): try again when that is done", root.display(), paths.join(", "))]
    Disturbed {
        /// The environment.
        root: PathBuf,
        /// Some of what was changed.
        paths: Vec<String>,
    },
    /// The store could not do its part.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file could not be had.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// Nothing can be written to where the environment is.
    #[error("{} cannot be changed by this user: {reason}", folder.display())]
    Forbidden {
        /// The folder: the environment's, or where it would be made.
        folder: PathBuf,
        /// Why, and what to do about it.
        reason: String,
        /// What the system said, with the path.
        #[source]
        source: io::Error,
    },
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

/// Why files cannot stand beside each other.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct FileConflict(Conflict);

impl From<Conflict> for FileConflict {
    fn from(conflict: Conflict) -> Self {
        Self(conflict)
    }
}

impl InstallError {
    pub(in crate::installer) fn building(buildable: &Buildable) -> impl FnOnce(BuildFailure) -> Self + use<> {
        let what = buildable.shown();
        move |source| match source {
            BuildFailure::Storage { action, source } => Self::storage(action, source),
            source => Self::Build { what, source: Box::new(source) },
        }
    }

    pub(crate) fn storage(action: &'static str, source: io::Error) -> Self {
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
            Self::Interpreter(error) => error.class(),
            Self::Requirement(error) => error.class(),
            Self::Select(error) => error.class(),
            Self::Resolve(error) => error.class(),
            Self::Build { source, .. } => source.class(),
            Self::Open { .. }
            | Self::Locked { .. }
            | Self::Origin { .. }
            | Self::Environment { .. }
            | Self::Conflict { .. }
            | Self::DiskFull { .. } => ErrorClass::Permanent,
            Self::Managed { .. } | Self::Forbidden { .. } => ErrorClass::Denied,
            Self::Wheel(error) => error.class(),
            Self::Store(error) => error.class(),
            Self::WrongRecord { .. } => ErrorClass::Corrupt,
            Self::Disturbed { .. } => ErrorClass::Transient,
            Self::Fetch(error) => error.class(),
            Self::Storage { source, .. } => of_io(source),
            Self::Panicked(_) => ErrorClass::Bug,
            Self::Stopped => ErrorClass::Cancelled,
        }
    }
}

impl From<BuildError> for InstallError {
    fn from(error: BuildError) -> Self {
        match error {
            BuildError::Store(error) => Self::Store(error),
            BuildError::Storage(source) => Self::storage("build the next environment", source),
            BuildError::Stopped => Self::Stopped,
        }
    }
}
