//! Which exception of Python an error becomes.

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use stratheal_core::base::class::chain;
use stratheal_core::config::ConfigError;
use stratheal_core::engine::EngineError;

/// An error on its way to Python: the name of a class in `stratheal._errors`, and what it says.
#[derive(Debug)]
pub(crate) struct Raised {
    class: &'static str,
    message: String,
}

impl Raised {
    pub(crate) fn new(class: &'static str, message: impl Into<String>) -> Self {
        Self { class, message: message.into() }
    }

    /// As an exception.
    pub(crate) fn into_exception(self, py: Python<'_>) -> PyErr {
        let made =
            py.import("stratheal._errors").and_then(|errors| errors.getattr(self.class)?.call1((&self.message,)));
        match made {
            Ok(exception) => PyErr::from_value(exception),
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
