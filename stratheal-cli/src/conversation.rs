//! Talking to a monitor: the one that runs, or, where none does, one of this command's own.

use std::path::{Path, PathBuf};

use stratheal_core::control::{Client, Request, Response};

use crate::args::{Common, Packages};
use crate::failure::Failure;
use crate::monitor::{Scope, Session};
use crate::{output, place};

/// A conversation with a monitor.
#[derive(Debug)]
pub(crate) enum Conversation {
    /// With the one that runs.
    Running { client: Client, state: PathBuf },
    /// With one of this command's own.
    Own(Box<Session>),
}

impl Conversation {
    /// Begins one with the monitor that runs, or else with one that is begun for this much.
    pub(crate) async fn begin(common: &Common, packages: &Packages, scope: &Scope) -> Result<Self, Failure> {
        match place::connect(common).await {
            Ok((client, state)) => Ok(Self::Running { client, state }),
            Err(Failure::NotRunning { .. }) => {
                let session = Session::begin(common, packages, scope).await?;
                Ok(Self::Own(Box::new(session)))
            }
            Err(failure) => Err(failure),
        }
    }

    /// Whether the monitor ends with this command.
    pub(crate) const fn is_own(&self) -> bool {
        matches!(self, Self::Own(_))
    }

    /// The state folder of the monitor.
    pub(crate) fn state(&self) -> &Path {
        match self {
            Self::Running { state, .. } => state,
            Self::Own(session) => &session.state,
        }
    }

    /// Has checks say how things are, where nobody has done that all the time.
    pub(crate) async fn look(&self, quiet: bool) -> Result<(), Failure> {
        let Self::Own(session) = self else { return Ok(()) };
        if !quiet {
            output::complain("no monitor is running: the checks are run from here");
        }
        session.look().await
    }

    pub(crate) async fn ask(&mut self, request: &Request) -> Result<Response, Failure> {
        match self {
            Self::Running { client, .. } => Ok(client.ask(request).await?),
            Self::Own(session) => session.ask(request).await,
        }
    }

    /// Services that nobody has started, as far as this command would have to say so.
    pub(crate) fn not_started(&self) -> Vec<String> {
        match self {
            // It says so itself, in an incident.
            Self::Running { .. } => Vec::new(),
            Self::Own(session) => session.not_started(),
        }
    }

    pub(crate) async fn end(self) {
        if let Self::Own(session) = self {
            session.end().await;
        }
    }
}
