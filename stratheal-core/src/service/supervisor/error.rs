//! Why something about services could not be done.

use std::io;

use crate::base::class::{self, ErrorClass};
use crate::model::ServiceId;
use crate::service::spec::SpecError;

/// Why something about services could not be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// There is no such service.
    #[error("there is no service `{id}`{}", suggestion.as_ref().map(|near| format!("; did you mean `{near}`?")).unwrap_or_default())]
    NoSuchService {
        /// What was asked for.
        id: String,
        /// The nearest that is there.
        suggestion: Option<String>,
    },
    /// They cannot be as they were described.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// It could not be started.
    #[error("the service `{id}` could not be started: {why}")]
    NotStarted {
        /// Which.
        id: ServiceId,
        /// Why.
        why: String,
    },
    /// It could not be stopped.
    #[error("the service `{id}` could not be stopped: {why}")]
    NotStopped {
        /// Which.
        id: ServiceId,
        /// Why.
        why: String,
    },
    /// A person has stopped it, and it stays so until a person starts it.
    #[error("a person stopped the service `{id}`, and it stays so")]
    StoppedByPerson {
        /// Which.
        id: ServiceId,
    },
    /// Somebody wanted something else meanwhile.
    #[error("somebody else asked for something else of the service `{id}` meanwhile")]
    Overtaken {
        /// Which.
        id: ServiceId,
    },
    /// Something in the services' folder could not be read or written.
    #[error("cannot {what}")]
    Storage {
        /// What was to be done.
        what: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// There is no keeper, and none can be started.
    #[error("no keeper can be reached: {0}")]
    NoKeeper(String),
    /// The supervisor has stopped.
    #[error("the supervisor of services has stopped")]
    Stopped,
}

impl ServiceError {
    /// What kind of trouble it is.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::NoSuchService { .. } => ErrorClass::Usage,
            Self::Spec(error) => error.class(),
            Self::NotStarted { .. } | Self::NotStopped { .. } | Self::NoKeeper(_) => ErrorClass::Permanent,
            Self::StoppedByPerson { .. } | Self::Overtaken { .. } | Self::Stopped => ErrorClass::Cancelled,
            Self::Storage { source, .. } => class::of_io(source),
        }
    }
}
