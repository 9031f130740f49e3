//! One service as the supervisor knows it.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::error::ServiceError;
use super::inside::Reply;
use super::leaving::stop_limit;
use super::view::ServiceView;
use crate::service::digest::digest;
use crate::service::ending::Ending;
use crate::service::spec::{How, Ready, ServiceSpec};
use crate::service::state::{Machine, ServiceState, StoppedBy};

/// A task that ends with whoever holds it.
#[derive(Debug)]
pub(super) struct Task(AbortHandle);

impl Task {
    pub(super) fn spawn(future: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(tokio::spawn(future).abort_handle())
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What a caller waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Want {
    Run,
    Stop,
}

#[derive(Debug)]
pub(super) struct Entry {
    /// As it is described now.
    pub(super) spec: Arc<ServiceSpec>,
    /// As it was described when its run began.
    pub(super) running: Arc<ServiceSpec>,
    /// The [`digest`] of that; of a run that was found it is all that is known.
    pub(super) digest: String,
    pub(super) machine: Machine,
    pub(super) since: Timestamp,
    pub(super) entered: Instant,
    pub(super) text: Option<String>,
    /// Why it cannot be told how it is.
    pub(super) doubt: Option<String>,
    pub(super) last_ending: Option<Ending>,
    /// Whether its program is known to run, rather than what comes before it.
    pub(super) executed: bool,
    pub(super) outdated: bool,
    /// Whether it is not described any more, and goes when it has stopped.
    pub(super) removed: bool,
    /// Why it could not be stopped the last time.
    pub(super) not_stopped: Option<String>,
    pub(super) timer: Option<Task>,
    pub(super) probe: Option<Task>,
    pub(super) watcher: Option<Task>,
    pub(super) waiters: Vec<(Want, Reply<()>)>,
}

impl Entry {
    pub(super) fn new(spec: ServiceSpec, prefix: String, by: Option<StoppedBy>, now: Timestamp) -> Self {
        let spec = Arc::new(spec);
        Self {
            machine: Machine::new(prefix, ready_at_once(&spec), by),
            running: spec.clone(),
            digest: digest(&spec),
            spec,
            since: now,
            entered: Instant::now(),
            text: None,
            doubt: None,
            last_ending: None,
            executed: false,
            outdated: false,
            removed: false,
            not_stopped: None,
            timer: None,
            probe: None,
            watcher: None,
            waiters: Vec::new(),
        }
    }

    /// Takes another description. Answers whether what runs does not fit it any more.
    pub(super) fn describe(&mut self, spec: ServiceSpec) -> bool {
        self.machine.set_ready_at_once(ready_at_once(&spec));
        self.spec = Arc::new(spec);
        self.removed = false;
        self.outdated = self.differs() && self.machine.run().is_some();
        self.outdated
    }

    /// Takes a run over that was found in the keeper. Answers whether it does not fit the description.
    pub(super) fn adopt(&mut self, digest: &str) -> bool {
        if !self.is_child() {
            self.running = Arc::new(ServiceSpec { how: How::Child, ..ServiceSpec::clone(&self.spec) });
        }
        digest.clone_into(&mut self.digest);
        self.outdated = self.differs();
        self.outdated
    }

    fn differs(&self) -> bool {
        self.running.how != self.spec.how || self.digest != digest(&self.spec)
    }

    pub(super) fn is_child(&self) -> bool {
        self.running.how == How::Child
    }

    pub(super) fn view(&self) -> ServiceView {
        ServiceView {
            id: self.spec.id.clone(),
            state: self.machine.state().clone(),
            since: self.since,
            pid: self.machine.pid(),
            restarts: self.machine.restarts(),
            text: self.text.clone(),
            doubt: self.doubt.clone(),
            last_ending: self.last_ending.clone(),
            outdated: self.outdated,
            depends_on: self.spec.depends_on.clone(),
            start_timeout: self.spec.start_timeout,
            stop_limit: stop_limit(self),
            entered: self.entered,
        }
    }

    /// Answers those whose question is settled.
    pub(super) fn answer(&mut self) {
        let id = &self.spec.id;
        let overtaken = || Err(ServiceError::Overtaken { id: id.clone() });
        let not_stopped = |why: &String| Err(ServiceError::NotStopped { id: id.clone(), why: why.clone() });
        let not_started = |why: String| Err(ServiceError::NotStarted { id: id.clone(), why });
        let settled = |want: Want| match (want, self.machine.state()) {
            (_, ServiceState::Stopping) => None,
            // It was to be stopped first, and was not.
            (Want::Run, ServiceState::Ready) if self.not_stopped.is_some() => {
                self.not_stopped.as_ref().map(not_stopped)
            }
            (Want::Run, ServiceState::Starting { .. }) if self.executed => Some(Ok(())),
            (Want::Run, ServiceState::Starting { timed_out }) => {
                timed_out.then(|| not_started("it takes longer than its `start_timeout`, and goes on".to_owned()))
            }
            (Want::Run, ServiceState::Ready | ServiceState::Waiting { .. })
            | (Want::Stop, ServiceState::Stopped { .. }) => Some(Ok(())),
            (Want::Run, ServiceState::Ended { ending }) => Some(not_started(ending.to_string())),
            (Want::Run, ServiceState::Failed { why }) => Some(not_started(why.clone())),
            (Want::Run, ServiceState::Stopped { .. }) => Some(overtaken()),
            (Want::Stop, _) => Some(match &self.not_stopped {
                Some(why) => not_stopped(why),
                None => overtaken(),
            }),
        };
        let mut waiting = Vec::new();
        for (want, reply) in self.waiters.drain(..) {
            match settled(want) {
                // Whoever asked may have gone.
                Some(answer) => drop(reply.send(answer)),
                None => waiting.push((want, reply)),
            }
        }
        self.waiters = waiting;
    }
}

/// Whether running is enough to be ready.
fn ready_at_once(spec: &ServiceSpec) -> bool {
    match spec.ready {
        Ready::AtOnce => true,
        Ready::Check(_) => false,
        // A service manager waits for the message by itself.
        Ready::Notify => spec.how != How::Child,
    }
}
