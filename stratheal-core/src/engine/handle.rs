//! The handle of a running engine.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::{broadcast, mpsc, oneshot};

use super::builder::{EngineError, Registration};
use super::cell::Board;
use super::explain::Explanation;
use super::vitals::Vitals;
use crate::base::ask::ask;
use crate::base::suggest::nearest;
use crate::model::CheckId;
use crate::model::event::Event;
use crate::model::view::{CheckView, Snapshot};

/// What the scheduler can be asked for.
#[derive(Debug)]
pub(crate) enum Command {
    Add(Box<Registration>, oneshot::Sender<Result<(), EngineError>>),
    Remove(String, oneshot::Sender<Result<(), EngineError>>),
    Apply(Vec<Registration>, oneshot::Sender<Result<Applied, EngineError>>),
    RunNow(String, oneshot::Sender<Arc<CheckView>>),
    Pause(String, Option<String>, oneshot::Sender<Result<(), EngineError>>),
    Explain(String, oneshot::Sender<Option<Explanation>>),
    Ping(oneshot::Sender<()>),
    Stop(Duration, oneshot::Sender<Shutdown>),
}

/// What a reconfiguration changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Applied {
    /// Checks that are new.
    pub added: usize,
    /// Checks that were replaced and keep their state.
    pub changed: usize,
    /// Checks that are gone.
    pub removed: usize,
    /// Checks that go on undisturbed.
    pub unchanged: usize,
}

/// How a shutdown went.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Shutdown {
    /// Checks that were still running when the time was over, and were cut off.
    pub cut_off: Vec<CheckId>,
    /// Checks whose thread could not be stopped; it ends with the process.
    pub left_behind: Vec<CheckId>,
}

/// A running engine, to look at and to change. Cheap to clone; the engine stops when the last clone is dropped.
///
/// Looking ([`check`](Self::check), [`snapshot`](Self::snapshot), [`vitals`](Self::vitals)) never waits and never runs a check.
#[derive(Debug, Clone)]
pub struct EngineHandle {
    pub(crate) commands: mpsc::Sender<Command>,
    pub(crate) board: Arc<Board>,
    pub(crate) vitals: Arc<ArcSwap<Vitals>>,
    pub(crate) bus: broadcast::Sender<Arc<Event>>,
}

impl EngineHandle {
    /// All checks, at most 50 ms old.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.board.snapshot()
    }

    /// All checks as they are now. Costs time with many checks; for those who ask rarely.
    #[must_use]
    pub fn fresh_snapshot(&self) -> Arc<Snapshot> {
        self.board.build()
    }

    /// The newest state of one check.
    #[must_use]
    pub fn check(&self, id: &str) -> Option<Arc<CheckView>> {
        self.board.check(id)
    }

    /// How the engine itself does; about a second old at most.
    #[must_use]
    pub fn vitals(&self) -> Arc<Vitals> {
        self.vitals.load_full()
    }

    /// Everything that happens from now on. A listener that falls more than 1024 events behind loses the oldest and is told
    /// how many; the engine never waits for listeners.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Event>> {
        self.bus.subscribe()
    }

    /// Adds a check. It runs first as soon as its initial delay is over.
    ///
    /// # Errors
    /// As [`EngineBuilder::build`](super::EngineBuilder::build), or [`EngineError::Stopped`].
    pub async fn add(&self, registration: Registration) -> Result<(), EngineError> {
        self.ask(|reply| Command::Add(Box::new(registration), reply)).await?
    }

    /// Removes a check; a run of it that is going on is cut off.
    ///
    /// # Errors
    /// [`EngineError::NoSuchCheck`], [`EngineError::Dependencies`] when others depend on it, or [`EngineError::Stopped`].
    pub async fn remove(&self, id: &str) -> Result<(), EngineError> {
        self.ask(|reply| Command::Remove(id.to_owned(), reply)).await?
    }

    /// Replaces the whole set of checks, touching only what differs. Either all of it is taken or nothing.
    ///
    /// # Errors
    /// As [`EngineBuilder::build`](super::EngineBuilder::build), or [`EngineError::Stopped`]; the old set goes on then.
    pub async fn apply(&self, registrations: Vec<Registration>) -> Result<Applied, EngineError> {
        self.ask(|reply| Command::Apply(registrations, reply)).await?
    }

    /// Runs a check as soon as possible and waits for the result. Callers that ask while it is running share that run.
    ///
    /// # Cancellation
    /// Dropping the future does not stop the run.
    ///
    /// # Errors
    /// [`EngineError::NoSuchCheck`] or [`EngineError::Stopped`], the latter also when the check is removed meanwhile.
    pub async fn run_now(&self, id: &str) -> Result<Arc<CheckView>, EngineError> {
        if self.check(id).is_none() {
            return Err(self.no_such_check(id));
        }
        self.ask(|reply| Command::RunNow(id.to_owned(), reply)).await
    }

    /// Stops running a check until it is resumed. Its state stays, is marked as paused, and makes no parent fail.
    ///
    /// # Errors
    /// [`EngineError::NoSuchCheck`] or [`EngineError::Stopped`].
    pub async fn pause(&self, id: &str, reason: &str) -> Result<(), EngineError> {
        self.ask(|reply| Command::Pause(id.to_owned(), Some(reason.to_owned()), reply)).await?
    }

    /// Runs a paused check again.
    ///
    /// # Errors
    /// [`EngineError::NoSuchCheck`] or [`EngineError::Stopped`].
    pub async fn resume(&self, id: &str) -> Result<(), EngineError> {
        self.ask(|reply| Command::Pause(id.to_owned(), None, reply)).await?
    }

    /// Everything the engine knows about a check and why it thinks so.
    ///
    /// # Errors
    /// [`EngineError::NoSuchCheck`] or [`EngineError::Stopped`].
    pub async fn explain(&self, id: &str) -> Result<Explanation, EngineError> {
        self.ask(|reply| Command::Explain(id.to_owned(), reply)).await?.ok_or_else(|| self.no_such_check(id))
    }

    /// Whether the engine has not stopped, neither on purpose nor by a fault of its own.
    #[must_use]
    pub fn is_running(&self) -> bool {
        !self.commands.is_closed()
    }

    /// Whether the scheduler answers within this time: what a watchdog wants to know.
    pub async fn responds(&self, within: Duration) -> bool {
        matches!(tokio::time::timeout(within, self.ask(Command::Ping)).await, Ok(Ok(())))
    }

    /// Stops the engine: no check starts any more, those that run have `grace` to end and are cut off then.
    ///
    /// # Cancellation
    /// Dropping the future does not stop the shutdown.
    pub async fn shutdown(&self, grace: Duration) -> Shutdown {
        self.ask(|reply| Command::Stop(grace, reply)).await.unwrap_or_default()
    }

    /// An error that names the nearest existing check.
    #[must_use]
    pub fn no_such_check(&self, id: &str) -> EngineError {
        let snapshot = self.snapshot();
        let suggestion = nearest(id, snapshot.checks.iter().map(|view| view.id.as_str())).map(str::to_owned);
        EngineError::NoSuchCheck { id: id.chars().take(128).collect(), suggestion }
    }

    async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> Result<T, EngineError> {
        ask(&self.commands, command).await.ok_or(EngineError::Stopped)
    }
}
