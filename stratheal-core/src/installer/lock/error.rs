//! Why a lock cannot be read, and why nothing can be chosen from it.

use std::io;
use std::path::PathBuf;

use pep440_rs::{Version, VersionSpecifiers};

use crate::base::class::{self, ErrorClass};
use crate::index::ProjectName;
use crate::installer::requirement::{ExtraName, GroupName, UndefinedComparison};

/// A lock cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// The system does not give it.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is larger than the limit.
    #[error("the lock is larger than {most} bytes")]
    TooLarge {
        /// The limit.
        most: usize,
    },
    /// It lists more than the limit.
    #[error("the lock lists more than {most} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The limit.
        most: usize,
    },
    /// It is no TOML.
    #[error("the lock is no TOML in line {line}: {problem}")]
    NotToml {
        /// The line, from 1.
        line: usize,
        /// What is wrong there.
        problem: String,
    },
    /// It is in a version of the format that this program does not know.
    #[error("the lock has version {0} of the format, and this program knows version 1: a newer release may know it")]
    NewerMajor(Version),
    /// It is not what the specification describes.
    #[error("{at}: {problem}")]
    Damaged {
        /// The package and the key.
        at: String,
        /// What is wrong there.
        problem: String,
    },
}

impl LockError {
    /// The class of this error.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Unreadable { source, .. } => class::of_io(source),
            Self::NotToml { .. } | Self::Damaged { .. } => ErrorClass::Corrupt,
            Self::TooLarge { .. } | Self::TooMany { .. } | Self::NewerMajor(_) => ErrorClass::Permanent,
        }
    }
}

/// Nothing can be chosen from a lock.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SelectError {
    /// The interpreter says a version that is none.
    #[error("the interpreter says that its version is `{0}`, and that is no version")]
    Interpreter(String),
    /// The lock is for other interpreters.
    #[error("the lock is for Python {wanted}, and this is {python}")]
    RequiresPython {
        /// The version of the interpreter.
        python: Version,
        /// What the lock says.
        wanted: VersionSpecifiers,
    },
    /// The lock is for other platforms.
    #[error("the lock is for other environments: {environments}")]
    OtherEnvironment {
        /// The markers of those.
        environments: String,
    },
    /// The lock has no such extra.
    #[error("the lock has no extra `{extra}`: {}", listed(known))]
    NoSuchExtra {
        /// The extra.
        extra: ExtraName,
        /// Those it has.
        known: Vec<String>,
    },
    /// The lock has no such dependency group.
    #[error("the lock has no dependency group `{group}`: {}", listed(known))]
    NoSuchGroup {
        /// The group.
        group: GroupName,
        /// Those it has.
        known: Vec<String>,
    },
    /// A marker has no answer.
    #[error("{place}: the marker has no answer")]
    Marker {
        /// The package, or the list of environments.
        place: String,
        /// Why.
        source: UndefinedComparison,
    },
    /// A package is for other interpreters.
    #[error("package `{package}` is for Python {wanted}, and this is {python}")]
    PackageRequiresPython {
        /// The package.
        package: ProjectName,
        /// The version of the interpreter.
        python: Version,
        /// What the lock says.
        wanted: VersionSpecifiers,
    },
    /// Two entries for one package would be installed.
    #[error("the lock asks for two entries of package `{package}` at once: {first} and {second}")]
    Ambiguous {
        /// The package.
        package: ProjectName,
        /// The version of one.
        first: String,
        /// The version of the other.
        second: String,
    },
    /// No file of a package fits.
    #[error("package `{package}` has no file for this platform: {}", wheels_for(wheels))]
    NoFile {
        /// The package.
        package: ProjectName,
        /// The tags of the wheels that there are, some of them.
        wheels: Vec<String>,
    },
}

impl SelectError {
    /// The class of this error.
    #[must_use]
    pub const fn class(&self) -> ErrorClass {
        match self {
            Self::NoSuchExtra { .. } | Self::NoSuchGroup { .. } => ErrorClass::Usage,
            Self::Ambiguous { .. } | Self::Marker { .. } => ErrorClass::Corrupt,
            Self::Interpreter(_)
            | Self::RequiresPython { .. }
            | Self::OtherEnvironment { .. }
            | Self::PackageRequiresPython { .. }
            | Self::NoFile { .. } => ErrorClass::Permanent,
        }
    }
}

fn listed(known: &[String]) -> String {
    if known.is_empty() { "it has none".to_owned() } else { format!("it has {}", known.join(", ")) }
}

fn wheels_for(wheels: &[String]) -> String {
    if wheels.is_empty() {
        "it has no wheel and no source distribution".to_owned()
    } else {
        format!("there is no source distribution, and its wheels are for {}", wheels.join(", "))
    }
}
