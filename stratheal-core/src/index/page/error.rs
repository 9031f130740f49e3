//! Why a page cannot be believed.

use crate::base::class::ErrorClass;

/// A page that cannot be used at all. It is never "there is no such project".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PageError {
    /// The body is empty.
    #[error("the page is empty")]
    Empty,
    /// The body ends too early.
    #[error("the page is cut off: {0}")]
    Truncated(String),
    /// The body is larger than the limit.
    #[error("the page is larger than {0} bytes")]
    TooLarge(usize),
    /// It lists more than the limit.
    #[error("the page lists more than {0} entries")]
    TooMany(usize),
    /// It is not what the specification describes.
    #[error("the page is damaged: {0}")]
    Damaged(String),
    /// It is something else, such as the page of a login or of a captive portal.
    #[error("this is no index page: {0}")]
    NotAnIndex(String),
    /// It uses a version of the API that this program does not know (PEP 629).
    #[error(
        "the index speaks version {0} of the Simple API, and this program knows version 1: a newer release may know it"
    )]
    NewerMajor(String),
    /// It is about another project.
    #[error("the page is about `{got}`, not about `{asked}`")]
    OtherProject {
        /// What was asked for.
        asked: String,
        /// What the page says.
        got: String,
    },
}

impl PageError {
    /// The class of this error.
    #[must_use]
    pub const fn class(&self) -> ErrorClass {
        match self {
            // Another member, or the same one a little later, may send it whole.
            Self::Empty | Self::Truncated(_) | Self::Damaged(_) | Self::NotAnIndex(_) => ErrorClass::Corrupt,
            Self::TooLarge(_) | Self::TooMany(_) | Self::NewerMajor(_) | Self::OtherProject { .. } => {
                ErrorClass::Permanent
            }
        }
    }
}
