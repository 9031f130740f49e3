//! The handle of the supervisor.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use tokio::sync::{broadcast, mpsc, oneshot};

use super::actor::{Actor, Board};
use super::error::ServiceError;
use super::event::ServiceEvent;
use super::inside::{Order, Reply};
use super::readiness::ReadinessProbe;
use super::remembered::Remembered;
use super::view::ServiceView;
use crate::base::ask::ask;
use crate::base::clock::{Clock, SystemClock};
use crate::base::suggest::nearest;
use crate::model::ServiceId;
use crate::service::keeper::{KeeperPlace, KeeperProgram};
use crate::service::spec::ServiceSpec;
use crate::service::state::StoppedBy;

/// Requests and findings that may wait for the supervisor; whoever sends more waits.
const WAITING: usize = 256;
/// Events that a slow listener may be behind before it misses some.
const EVENTS: usize = 1024;

/// What the supervisor is started with.
#[derive(Debug, Clone)]
pub struct Services {
    pub(super) place: KeeperPlace,
    pub(super) program: KeeperProgram,
    pub(super) probe: Option<Arc<dyn ReadinessProbe>>,
    pub(super) only_what_runs: bool,
    pub(super) clock: Arc<dyn Clock>,
}

/// What a new set of descriptions changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Applied {
    /// Services that are new; they were started, or found running.
    pub added: usize,
    /// Services that are described otherwise. What runs goes on until somebody restarts it.
    pub changed: usize,
    /// Services that are not described any more; they are stopped.
    pub removed: usize,
    /// Services that are described as before.
    pub unchanged: usize,
}

/// What becomes of the services when the supervisor stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shutdown {
    /// They are stopped, each after those that need it, and the keeper ends.
    StopServices,
    /// They go on, and so does the keeper; the next supervisor takes them over.
    LeaveRunning,
}

impl Services {
    /// Services whose logs and notes are in `folder`, which nobody else may write to.
    #[must_use]
    pub fn new(folder: &Path, program: KeeperProgram) -> Self {
        let place = KeeperPlace::new(folder, &std::env::temp_dir(), rustix::process::geteuid().as_raw());
        Self { place, program, probe: None, only_what_runs: false, clock: Arc::new(SystemClock) }
    }

    /// Says who tells whether a service is ready that is ready by a check. Without one, somebody has to call
    /// [`ServicesHandle::mark_ready`].
    #[must_use]
    pub fn probe(mut self, probe: Arc<dyn ReadinessProbe>) -> Self {
        self.probe = Some(probe);
        self
    }

    /// Takes over what runs, and starts nothing else by itself: for those who only pass by.
    #[must_use]
    pub const fn only_what_runs(mut self) -> Self {
        self.only_what_runs = true;
        self
    }

    /// Says where stamps come from.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Starts the supervisor as a task of the current runtime. Nothing runs before [`ServicesHandle::apply`].
    ///
    /// # Errors
    /// [`ServiceError::Storage`] when the folder cannot be made or read.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn start(self) -> Result<ServicesHandle, ServiceError> {
        let storage = |what| move |source| ServiceError::Storage { what, source };
        self.place.prepare().map_err(storage("make the folder of services"))?;
        let remembered =
            Remembered::open(self.place.folder()).map_err(storage("read which services a person stopped"))?;
        let board = Arc::new(Board::default());
        let (orders, received) = mpsc::channel(WAITING);
        let (sender, inside) = mpsc::channel(WAITING);
        let (events, _) = broadcast::channel(EVENTS);
        let place = self.place.clone();
        let actor = Actor::new(self, remembered, board.clone(), events.clone(), sender);
        tokio::spawn(actor.run(received, inside));
        Ok(ServicesHandle { orders, board, events, place })
    }
}

/// The running supervisor, to look at and to ask. Cheap to clone. When the last clone is dropped, the supervisor stops and the services
/// go on.
#[derive(Debug, Clone)]
pub struct ServicesHandle {
    orders: mpsc::Sender<Order>,
    board: Arc<Board>,
    events: broadcast::Sender<ServiceEvent>,
    place: KeeperPlace,
}

impl ServicesHandle {
    /// Replaces the whole set of descriptions. New services are started, or taken over where they run, unless a person stopped them;
    /// services that are not described any more are stopped; changed ones are restarted only when somebody asks for it. Either all of
    /// it is taken or nothing.
    ///
    /// # Errors
    /// [`ServiceError::Spec`] when the descriptions do not fit together, [`ServiceError::NoKeeper`] when there are children and nobody
    /// to keep them.
    pub async fn apply(&self, specs: Vec<ServiceSpec>) -> Result<Applied, ServiceError> {
        self.ask(|reply| Order::Apply(specs, reply)).await
    }

    /// Starts a service, and waits until its program runs or it is known what it waits for. It does nothing when it runs.
    ///
    /// # Cancellation
    /// Dropping the future does not stop the start.
    ///
    /// # Errors
    /// [`ServiceError::NotStarted`] with the reason; [`ServiceError::Overtaken`] when somebody stopped it meanwhile.
    pub async fn start(&self, id: &str) -> Result<(), ServiceError> {
        let id = self.known(id)?;
        self.ask(|reply| Order::Start(id, reply)).await
    }

    /// Stops a service, and waits until nothing of it is left. A person's stop is remembered, also over a restart of the engine.
    ///
    /// # Cancellation
    /// Dropping the future does not stop the stopping.
    ///
    /// # Errors
    /// [`ServiceError::NotStopped`] with the reason; [`ServiceError::Overtaken`] when somebody started it meanwhile.
    pub async fn stop(&self, id: &str, by: StoppedBy) -> Result<(), ServiceError> {
        let id = self.known(id)?;
        self.ask(|reply| Order::Stop(id, by, reply)).await
    }

    /// Stops a service, makes sure that nothing of it is left, and starts it as it is described now.
    ///
    /// # Cancellation
    /// Dropping the future does not stop the restart.
    ///
    /// # Errors
    /// As for [`start`](Self::start) and [`stop`](Self::stop).
    pub async fn restart(&self, id: &str) -> Result<(), ServiceError> {
        let id = self.known(id)?;
        self.ask(|reply| Order::Restart(id, reply)).await
    }

    /// Does what [`restart`](Self::restart) does, for those who heal: what a person stopped stays stopped, even while it is still being
    /// stopped.
    ///
    /// # Cancellation
    /// Dropping the future does not stop the restart.
    ///
    /// # Errors
    /// [`ServiceError::StoppedByPerson`], and what [`restart`](Self::restart) says.
    pub async fn restart_unless_stopped(&self, id: &str) -> Result<(), ServiceError> {
        let id = self.known(id)?;
        self.ask(|reply| Order::RestartUnlessStopped(id, reply)).await
    }

    /// Says that a service is ready, for those who run its check themselves.
    ///
    /// # Errors
    /// [`ServiceError::NoSuchService`] or [`ServiceError::Stopped`].
    pub async fn mark_ready(&self, id: &str) -> Result<(), ServiceError> {
        let id = self.known(id)?;
        self.ask(|reply| Order::MarkReady(id, reply)).await
    }

    /// Stops the supervisor, and answers which services should have been stopped and could not be: they may still run. It ends within a
    /// bound that follows from the times the services may take.
    ///
    /// # Cancellation
    /// Dropping the future does not stop the shutdown.
    pub async fn shutdown(&self, how: Shutdown) -> Vec<ServiceId> {
        let (reply, done) = oneshot::channel();
        if self.orders.send(Order::Shutdown(how, reply)).await.is_err() {
            return Vec::new();
        }
        // It has stopped as well when it does not answer.
        done.await.unwrap_or_default()
    }

    /// All services as they are now. It never waits.
    #[must_use]
    pub fn status(&self) -> Vec<Arc<ServiceView>> {
        self.board.load().values().cloned().collect()
    }

    /// One service as it is now. It never waits.
    #[must_use]
    pub fn view(&self, id: &str) -> Option<Arc<ServiceView>> {
        self.board.load().get(id).cloned()
    }

    /// What happens from now on.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<ServiceEvent> {
        self.events.subscribe()
    }

    /// The folder of the services, where their [`logs`](crate::service::logs) are.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.place.folder()
    }

    /// Whether the supervisor has not stopped.
    #[must_use]
    pub fn is_running(&self) -> bool {
        !self.orders.is_closed()
    }

    fn known(&self, id: &str) -> Result<ServiceId, ServiceError> {
        let views: &BTreeMap<_, _> = &self.board.load();
        match views.get_key_value(id) {
            Some((id, _)) => Ok(id.clone()),
            None if self.is_running() => Err(no_such_service(id, views.keys().map(ServiceId::as_str))),
            None => Err(ServiceError::Stopped),
        }
    }

    async fn ask<T>(&self, order: impl FnOnce(Reply<T>) -> Order) -> Result<T, ServiceError> {
        ask(&self.orders, order).await.ok_or(ServiceError::Stopped)?
    }
}

/// An error that names the nearest service there is.
pub(super) fn no_such_service<'a>(id: &str, known: impl Iterator<Item = &'a str>) -> ServiceError {
    let suggestion = nearest(id, known).map(str::to_owned);
    ServiceError::NoSuchService { id: id.chars().take(128).collect(), suggestion }
}
