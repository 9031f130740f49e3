//! A server that somebody looks after.

use super::leftovers::Leftovers;
use super::service::Service;
use super::supervisor::Supervisor;
use crate::child::Child;
use crate::failure::Failure;

/// A supervisor at work. Everything it started ends when this is dropped.
#[derive(Debug)]
pub(super) struct Watched {
    // The supervisor goes first, so that it starts nothing again.
    child: Child,
    pub(super) service: Service,
    /// The process that answers.
    pub(super) process: i32,
    _leftovers: Leftovers,
}

impl Watched {
    /// Starts a supervisor, and waits until its server answers.
    pub(super) async fn start(supervisor: Supervisor, service: Service) -> Result<Self, Failure> {
        let argv = supervisor.prepare(&service)?;
        let leftovers = Leftovers(service.folder.clone());
        let log = service.folder.join("log");
        let child = Child::start(supervisor.name(), None, &argv[0], &argv[1..], &log, false)?;
        let process = service.until_answers(None).await?;
        Ok(Self { child, service, process, _leftovers: leftovers })
    }

    /// Ends the supervisor.
    pub(super) async fn stop(self) -> Result<(), Failure> {
        self.child.stop(None).await.map(drop)
    }
}
