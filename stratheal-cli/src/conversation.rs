//! Talking to a monitor: the one that runs, or, where none does, one of this command's own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use stratheal_core::control::{Client, Request, Response};
use stratheal_core::model::CheckId;
use stratheal_core::state::StateError;
use stratheal_core::supervision::Scope;
use tokio::time::{Instant, sleep};

use crate::args::{Common, Packages};
use crate::failure::Failure;
use crate::monitor::Session;
use crate::{output, place};

/// How long a monitor that is starting may take until it answers, and how often it is tried.
const STARTING: Duration = Duration::from_secs(10);
const AGAIN: Duration = Duration::from_millis(200);

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
        let patience = Instant::now() + STARTING;
        loop {
            match place::connect(common).await {
                Ok((client, state)) => return Ok(Self::Running { client, state }),
                Err(Failure::NotRunning { .. }) => {}
                Err(failure) => return Err(failure),
            }
            match Session::begin(common, packages, scope).await {
                Ok(session) => return Ok(Self::Own(Box::new(session))),
                // One that is just starting answers in a moment; so does one that just ends.
                Err(Failure::State(StateError::InUse { .. })) if Instant::now() < patience => sleep(AGAIN).await,
                Err(failure) => return Err(failure),
            }
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

    /// Has checks say how things are, where nobody has done that all the time: all of them, or one and what it depends on.
    pub(crate) async fn look(&self, quiet: bool, check: Option<&CheckId>) -> Result<(), Failure> {
        let Self::Own(session) = self else { return Ok(()) };
        if !quiet {
            output::complain("no monitor is running: the checks are run from here");
        }
        session.look(check).await
    }

    /// Has a monitor of this command's own begin to heal.
    pub(crate) async fn begin_to_heal(&self) -> Result<(), Failure> {
        match self {
            Self::Running { .. } => Ok(()),
            Self::Own(session) => session.begin_to_heal().await,
        }
    }

    pub(crate) async fn ask(&mut self, request: &Request) -> Result<Response, Failure> {
        match self {
            Self::Running { client, .. } => Ok(client.ask(request).await?),
            Self::Own(session) => session.ask(request).await,
        }
    }

    /// Services that nobody has started, as far as this command would have to say so.
    pub(crate) fn not_started(&self, check: Option<&CheckId>) -> Vec<String> {
        match self {
            // It says so itself, in an incident.
            Self::Running { .. } => Vec::new(),
            Self::Own(session) => session.not_started(check),
        }
    }

    pub(crate) async fn end(self) {
        if let Self::Own(session) = self {
            session.end().await;
        }
    }
}
