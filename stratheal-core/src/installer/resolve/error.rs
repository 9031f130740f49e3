//! Why there is no lock.

use std::io;

use pep440_rs::Version;

use crate::base::class::{ErrorClass, of_io};
use crate::fetch::{Cause, FetchError};
use crate::gateway::GatewayError;
use crate::index::ProjectName;
use crate::installer::lock::LockError;
use crate::installer::wheel::WheelError;
use crate::sys::command::CommandError;

/// Why what is wanted could not be resolved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// There is neither uv nor pip.
    #[error("there is nothing here that can choose versions ({0}): install uv, or give a lock with hashes")]
    NoEngine(String),
    /// The requirements contradict each other, or ask for what does not exist.
    #[error("{engine} finds no solution:\n{explanation}")]
    NoSolution {
        /// Which engine.
        engine: &'static str,
        /// What it says about it.
        explanation: String,
    },
    /// Something that it needed could not be had.
    #[error("{reason}")]
    Unavailable {
        /// Why not.
        cause: Cause,
        /// The same, for people.
        reason: String,
    },
    /// The engine failed otherwise.
    #[error(transparent)]
    Engine(#[from] EngineFailure),
    /// The gateway that engines use could not be started.
    #[error("cannot start the gateway for {engine}")]
    Gateway {
        /// Which engine.
        engine: &'static str,
        /// Why not.
        #[source]
        source: GatewayError,
    },
    /// The engine's lock cannot be read.
    #[error("the lock that {engine} wrote makes no sense")]
    Lock {
        /// Which engine.
        engine: &'static str,
        /// Why not.
        #[source]
        source: LockError,
    },
    /// The engine chose a file that no index offers.
    #[error("{engine} chose {file}, which no index of the chain offers")]
    Stranger {
        /// Which engine.
        engine: &'static str,
        /// The file.
        file: String,
    },
    /// Requirements name hashes, and no file of the index has one of them.
    #[error(
        "{origin}: no file of {name} {version} has one of the hashes that are named{}",
        if *others == 0 { ": there is no such version".to_owned() } else { format!(", and {others} have others") }
    )]
    NoSuchPin {
        /// The project.
        name: ProjectName,
        /// The version.
        version: Version,
        /// Where it is written.
        origin: String,
        /// How many files of this version have other hashes.
        others: usize,
    },
    /// A wheel that is named by its place is refused.
    #[error(transparent)]
    Wheel(#[from] WheelError),
    /// A page could not be had.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The system refused.
    #[error("cannot {action}")]
    Storage {
        /// What was tried.
        action: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// How an engine failed. Another engine may do better only where this one is absent, too old, or broken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineFailure {
    /// It could not be started.
    #[error("cannot run {engine}")]
    NotStarted {
        /// Which engine.
        engine: &'static str,
        /// Why not.
        #[source]
        source: CommandError,
    },
    /// It does not know what is asked of it.
    #[error("{engine} is too old: {said}")]
    TooOld {
        /// Which engine.
        engine: &'static str,
        /// What it said.
        said: String,
    },
    /// It ended by a signal, or in a way of its own.
    #[error("{engine} {how}: {said}")]
    Broken {
        /// Which engine.
        engine: &'static str,
        /// How it ended.
        how: String,
        /// The end of what it said.
        said: String,
    },
    /// It said no, for a reason that another engine would find as well.
    #[error("{engine} failed:\n{said}")]
    Refused {
        /// Which engine.
        engine: &'static str,
        /// What it said.
        said: String,
    },
}

impl EngineFailure {
    /// Whether another engine is worth a try.
    #[must_use]
    pub const fn is_its_own(&self) -> bool {
        !matches!(self, Self::Refused { .. })
    }
}

impl ResolveError {
    /// What kind of trouble it is.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::NoSuchPin { others: 1.., .. } => ErrorClass::Corrupt,
            Self::Engine(EngineFailure::NotStarted { source, .. }) => source.class(),
            Self::Engine(_)
            | Self::NoSuchPin { .. }
            | Self::NoEngine(_)
            | Self::NoSolution { .. }
            | Self::Stranger { .. }
            | Self::Gateway { .. } => ErrorClass::Permanent,
            Self::Unavailable { cause, .. } => match cause {
                Cause::NotFound | Cause::Disk => ErrorClass::Permanent,
                Cause::Content => ErrorClass::Corrupt,
                Cause::Denied => ErrorClass::Denied,
                _ => ErrorClass::Transient,
            },
            Self::Lock { source, .. } => source.class(),
            Self::Wheel(error) => error.class(),
            Self::Fetch(error) => error.class(),
            Self::Storage { source, .. } => of_io(source),
        }
    }
}
