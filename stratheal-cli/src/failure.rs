//! Why a command could not do its work, and what it exits with.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use stratheal_core::base::class::chain;
use stratheal_core::config::ConfigError;
use stratheal_core::contract::HistoryError;
use stratheal_core::control::ControlError;
use stratheal_core::engine::EngineError;
use stratheal_core::fetch::{Cause, FetchError};
use stratheal_core::model::Status;
use stratheal_core::state::StateError;
use stratheal_core::supervision::SupervisionError;
use stratheal_core::workspace::WorkspaceError;

use crate::ci::{Build, Level};
use crate::exit;

/// The exit code of a status.
pub(crate) fn code(status: Status) -> ExitCode {
    ExitCode::from(status.exit_code())
}

/// What a command says when it could not do its work. The exit code is that of Unknown, unless a script can do something about it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error("no monitor is running with the state folder {}: start one with `stratheal up`", state.display())]
    NotRunning { state: PathBuf },
    #[error(transparent)]
    Control(#[from] ControlError),
    #[error(transparent)]
    History(#[from] HistoryError),
    #[error(transparent)]
    State(#[from] StateError),
    #[error("cannot listen on {address}: choose another with --listen or `listen` under [endpoints]")]
    Listen { address: SocketAddr, source: io::Error },
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error(transparent)]
    Workspace(WorkspaceError),
    #[error(transparent)]
    Supervision(#[from] SupervisionError),
    #[error("cannot run `{program}`")]
    Command { program: String, source: io::Error },
    #[error("{text}")]
    Caused { cause: Cause, text: String },
    #[error("stopped: nothing was changed")]
    Interrupted,
    #[error("stopped too late: {what}")]
    InterruptedLate { what: &'static str },
    #[error("{0}")]
    Usage(String),
    #[error("cannot {action}")]
    Io { action: &'static str, source: io::Error },
}

impl From<WorkspaceError> for Failure {
    fn from(error: WorkspaceError) -> Self {
        match error {
            WorkspaceError::Fetcher(error) => Self::Fetch(error),
            other => Self::Workspace(other),
        }
    }
}

impl Failure {
    pub(crate) const fn io(action: &'static str, source: io::Error) -> Self {
        Self::Io { action, source }
    }

    /// What could not be done, and the word for why, if there is one.
    pub(crate) fn caused(cause: Option<Cause>, text: String) -> Self {
        match cause {
            Some(cause) => Self::Caused { cause, text },
            None => Self::Usage(text),
        }
    }

    /// Says it on standard error.
    pub(crate) fn report(&self) -> ExitCode {
        match self {
            // One mistake a line, each with its file in front, as editors and build servers read them.
            Self::Config(ConfigError::Invalid { .. }) => crate::output::say_plainly(&self.to_string()),
            _ => crate::output::complain(&chain(self)),
        }
        if matches!(self, Self::Fetch(_) | Self::Caused { .. })
            && let Some(annotation) = Build::here().annotation(Level::Error, &chain(self))
        {
            crate::output::say_plainly(&annotation);
        }
        self.code()
    }

    fn code(&self) -> ExitCode {
        match self {
            Self::Fetch(error) => ExitCode::from(exit::of_cause(error.cause())),
            Self::Caused { cause, .. } => ExitCode::from(exit::of_cause(*cause)),
            Self::Command { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                ExitCode::from(exit::NO_COMMAND)
            }
            Self::Command { .. } => ExitCode::from(exit::NOT_EXECUTABLE),
            Self::Interrupted | Self::InterruptedLate { .. } => ExitCode::from(exit::INTERRUPTED),
            _ => code(Status::Unknown),
        }
    }
}
