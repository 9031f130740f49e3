//! Which exception of Python an error becomes.

use std::error::Error;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use stratheal_core::base::class::{ErrorClass, chain};
use stratheal_core::config::ConfigError;
use stratheal_core::engine::EngineError;
use stratheal_core::fetch::Cause;
use stratheal_core::installer::{InstallError, ResolveError};
use stratheal_core::service::ServiceError;
use stratheal_core::snapshot::SnapshotError;
use stratheal_core::workspace::WorkspaceError;

/// An error on its way to Python: the name of a class in `stratheal._errors`, and what it says.
#[derive(Debug)]
pub(crate) struct Raised {
    class: &'static str,
    message: String,
    /// In seconds.
    retry_after: Option<f64>,
}

impl Raised {
    pub(crate) fn new(class: &'static str, message: impl Into<String>) -> Self {
        Self { class, message: message.into(), retry_after: None }
    }

    /// Of an error with all its sources.
    pub(crate) fn of_chain(class: &'static str, error: &(dyn Error + 'static)) -> Self {
        Self::new(class, chain(error))
    }

    /// Of the word for why packages could not be had.
    pub(crate) const fn class_of(cause: Cause) -> &'static str {
        match cause {
            Cause::NotFound | Cause::Offline => "NoSuchPackageError",
            Cause::Denied => "AccessDeniedError",
            Cause::Content => "IntegrityError",
            Cause::Disk => "DiskFullError",
            Cause::Settings => "ConfigurationError",
            // Network, and what a later version adds: trying again is the one thing that cannot hurt.
            _ => "UnreachableError",
        }
    }

    fn of_cause(cause: Option<Cause>, class: ErrorClass, error: &(dyn Error + 'static)) -> Self {
        let class = match (cause, class) {
            (Some(cause), _) => Self::class_of(cause),
            (None, ErrorClass::Denied) => "AccessDeniedError",
            (None, ErrorClass::Usage) => "ConfigurationError",
            (None, _) => "InstallError",
        };
        Self::of_chain(class, error)
    }

    /// As an exception.
    pub(crate) fn into_exception(self, py: Python<'_>) -> PyErr {
        let made =
            py.import("stratheal._errors").and_then(|errors| errors.getattr(self.class)?.call1((&self.message,)));
        match made {
            Ok(exception) => {
                if let Some(seconds) = self.retry_after {
                    // Without it the exception says as much.
                    let _ = exception.setattr("retry_after", seconds);
                }
                PyErr::from_value(exception)
            }
            Err(_) => PyRuntimeError::new_err(self.message),
        }
    }
}

/// The monitor does not run.
pub(crate) fn not_running() -> Raised {
    Raised::new("NotRunningError", "the monitor does not run in this process: start it first")
}

impl From<EngineError> for Raised {
    fn from(error: EngineError) -> Self {
        let class = match &error {
            EngineError::NoSuchCheck { .. } => "NoSuchCheckError",
            EngineError::Duplicate(_) => "DuplicateError",
            EngineError::Stopped => "NotRunningError",
            EngineError::Thread(_) => "StrathealError",
            _ => "ConfigurationError",
        };
        Self::new(class, chain(&error))
    }
}

impl From<ServiceError> for Raised {
    fn from(error: ServiceError) -> Self {
        let class = match &error {
            ServiceError::NoSuchService { .. } => "NoSuchServiceError",
            _ => "ServiceError",
        };
        Self::of_chain(class, &error)
    }
}

impl From<InstallError> for Raised {
    fn from(error: InstallError) -> Self {
        let cause = error.cause().or(matches!(error, InstallError::Requirement(_)).then_some(Cause::Settings));
        let retry_after = match &error {
            InstallError::Fetch(error) | InstallError::Resolve(ResolveError::Fetch(error)) => error.retry_after(),
            _ => None,
        };
        Self {
            retry_after: retry_after.map(|after| after.as_secs_f64()),
            ..Self::of_cause(cause, error.class(), &error)
        }
    }
}

impl From<SnapshotError> for Raised {
    fn from(error: SnapshotError) -> Self {
        Self::of_cause(error.cause(), error.class(), &error)
    }
}

impl From<WorkspaceError> for Raised {
    fn from(error: WorkspaceError) -> Self {
        match &error {
            WorkspaceError::Fetcher(fetch) => Self::of_chain(Self::class_of(fetch.cause()), &error),
            WorkspaceError::System { .. } => Self::of_chain("InstallError", &error),
            _ => Self::of_chain("ConfigurationError", &error),
        }
    }
}

impl From<ConfigError> for Raised {
    fn from(error: ConfigError) -> Self {
        match &error {
            ConfigError::Missing => Self::new("ConfigurationNotFoundError", chain(&error)),
            ConfigError::Read(source) if source.kind() == std::io::ErrorKind::NotFound => {
                Self::new("ConfigurationNotFoundError", chain(&error))
            }
            _ => Self::new("ConfigurationError", chain(&error)),
        }
    }
}

/// What is wrong with the options of one check, without the place in a file that there is not.
pub(crate) fn of_options(error: &ConfigError) -> Raised {
    let message = match error {
        ConfigError::Invalid { problems, .. } => {
            let told = problems.iter().map(|problem| format!("{}: {}", problem.key, problem.message));
            told.collect::<Vec<_>>().join("\n")
        }
        other => chain(other),
    };
    Raised::new("ConfigurationError", message)
}
