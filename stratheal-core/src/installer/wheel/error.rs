//! Why a wheel cannot be installed.

use pep440_rs::Version;

use crate::base::class::ErrorClass;
use crate::objects::StoreError;

/// Why a wheel cannot be installed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WheelError {
    /// The store could not read it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It is not what it should be.
    #[error("the wheel {name} is refused: {reason}")]
    Refused {
        /// Its file name.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// It is for another Python, or another platform.
    #[error(
        "the wheel {name} is refused: it is for {tags}, and this interpreter takes {} and others: get one that fits",
        accepts.join(", ")
    )]
    OtherPlatform {
        /// Its file name.
        name: String,
        /// Its tags.
        tags: String,
        /// Some of those that the interpreter accepts.
        accepts: Vec<String>,
    },
}

impl WheelError {
    /// Its name and its METADATA, or a lock, say different versions.
    pub(in crate::installer) fn other_version(name: String, named: &Version, wanted: &Version) -> Self {
        Self::Refused { name, reason: format!("its name says version {named}, and it is {wanted}") }
    }

    /// What kind of trouble it is.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Store(error) => error.class(),
            Self::Refused { .. } => ErrorClass::Corrupt,
            Self::OtherPlatform { .. } => ErrorClass::Permanent,
        }
    }
}
