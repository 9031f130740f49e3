//! Putting an engine together and starting it.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;

use super::graph::{Graph, GraphError};
use super::handle::EngineHandle;
use super::lane::Lanes;
use super::permits::Limits;
use super::scheduler::{Parts, Scheduler};
use super::self_check::RESERVED_PREFIX;
use crate::base::blocking::BlockingPool;
use crate::base::clock::{Clock, SystemClock};
use crate::contract::{HealthCheck, History};
use crate::model::spec::InvalidSpec;
use crate::model::{CheckId, CheckSpec};

/// A check together with when it runs and what its results mean.
#[derive(Debug, Clone)]
pub struct Registration {
    /// The check.
    pub check: Arc<dyn HealthCheck>,
    /// When it runs and what its results mean. Shared by checks alike.
    pub spec: Arc<CheckSpec>,
    /// Stands for what the check is made of. On reconfiguration a check whose spec and non-zero revision are unchanged goes on
    /// undisturbed; any other is replaced and keeps its state.
    pub revision: u64,
    /// See [`on_scheduler`](Self::on_scheduler).
    pub on_scheduler: bool,
}

impl Registration {
    /// A check with its specification.
    pub fn new(check: impl HealthCheck, spec: impl Into<Arc<CheckSpec>>) -> Self {
        Self { check: Arc::new(check), spec: spec.into(), revision: 0, on_scheduler: false }
    }

    /// Sets what the check is made of, for example a hash of its configuration.
    #[must_use]
    pub const fn revision(mut self, revision: u64) -> Self {
        self.revision = revision;
        self
    }

    /// Has the check run on the thread of the scheduler instead of a lane, which saves waking a thread on the way there and on the way
    /// back. It is for checks that only hand something on and wait for the answer: one that blocks its thread stops the whole engine,
    /// and nobody is left to say so.
    #[must_use]
    pub const fn on_scheduler(mut self) -> Self {
        self.on_scheduler = true;
        self
    }
}

/// Why an engine cannot be built or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// Two checks have one id.
    #[error("two checks have the id `{0}`: give each its own")]
    Duplicate(CheckId),
    /// The id belongs to the engine.
    #[error("the id `{0}` is reserved: ids that begin with `{RESERVED_PREFIX}` belong to the engine")]
    Reserved(CheckId),
    /// A specification makes no sense.
    #[error("check `{id}`")]
    Spec {
        /// Which check.
        id: CheckId,
        /// What is wrong.
        #[source]
        source: InvalidSpec,
    },
    /// Dependencies make no sense.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Dependencies(Vec<GraphError>),
    /// There is no such check.
    #[error("there is no check `{id}`{}", suggestion.as_ref().map(|near| format!(": did you mean `{near}`?")).unwrap_or_default())]
    NoSuchCheck {
        /// What was asked for.
        id: String,
        /// An existing check with a similar name.
        suggestion: Option<String>,
    },
    /// The engine has stopped.
    #[error("the engine has stopped")]
    Stopped,
    /// The system gave no thread.
    #[error("cannot start a thread")]
    Thread(#[source] io::Error),
}

/// Builds an [`Engine`].
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
/// use stratheal_core::contract::FnCheck;
/// use stratheal_core::engine::{Engine, Registration};
/// use stratheal_core::model::{CheckId, CheckSpec, Report};
///
/// let check = FnCheck::new(CheckId::new("greeting")?, || async { Ok(Report::healthy("hello")) });
/// let engine = Engine::builder().register(Registration::new(check, CheckSpec::every(Duration::from_secs(1)))).build()?;
/// let handle = engine.start()?;
/// let view = handle.run_now("greeting").await?;
/// assert_eq!(view.summary(), "hello");
/// handle.shutdown(Duration::from_secs(1)).await;
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct EngineBuilder {
    registrations: Vec<Registration>,
    limits: Limits,
    lanes: Option<usize>,
    blocking_threads: usize,
    clock: Arc<dyn Clock>,
    history: Option<Arc<dyn History>>,
    self_check: bool,
    one_shot: bool,
}

/// An engine that is ready to start.
#[derive(Debug)]
pub struct Engine {
    parts: Parts,
    lanes: usize,
}

impl Engine {
    /// Begins to build an engine.
    #[must_use]
    pub fn builder() -> EngineBuilder {
        EngineBuilder {
            registrations: Vec::new(),
            limits: Limits::default(),
            lanes: None,
            blocking_threads: 8,
            clock: Arc::new(SystemClock),
            history: None,
            self_check: true,
            one_shot: false,
        }
    }

    /// Starts the engine on threads of its own. It stops when [`EngineHandle::shutdown`] says so or the last handle is dropped.
    ///
    /// # Errors
    /// [`EngineError::Thread`] when the system gives no thread.
    pub fn start(self) -> Result<EngineHandle, EngineError> {
        let lanes = Lanes::threads(self.lanes).map_err(EngineError::Thread)?;
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().build().map_err(EngineError::Thread)?;
        let (scheduler, handle) = Scheduler::new(self.parts, lanes);
        std::thread::Builder::new()
            .name("stratheal-sched".to_owned())
            .spawn(move || runtime.block_on(scheduler.run()))
            .map_err(EngineError::Thread)?;
        Ok(handle)
    }

    /// Starts the engine on the current runtime, checks included: for tests with a paused clock, and for programs that want no
    /// threads. Here a check that blocks its thread blocks the engine, too.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn start_here(self) -> EngineHandle {
        let (scheduler, handle) = Scheduler::new(self.parts, Lanes::here());
        drop(tokio::spawn(scheduler.run()));
        handle
    }
}

impl EngineBuilder {
    /// Adds a check.
    #[must_use]
    pub fn register(mut self, registration: Registration) -> Self {
        self.registrations.push(registration);
        self
    }

    /// Adds many checks.
    #[must_use]
    pub fn register_all(mut self, registrations: impl IntoIterator<Item = Registration>) -> Self {
        self.registrations.extend(registrations);
        self
    }

    /// Sets how many checks of a kind may run at the same time.
    #[must_use]
    pub const fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets on how many threads checks run; the default is one per processor, at least two and at most eight.
    #[must_use]
    pub const fn lanes(mut self, lanes: usize) -> Self {
        self.lanes = Some(lanes);
        self
    }

    /// Sets how many threads there are for blocking code; stuck ones are replaced and do not count.
    #[must_use]
    pub const fn blocking_threads(mut self, threads: usize) -> Self {
        self.blocking_threads = threads;
        self
    }

    /// Sets the wall clock.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Sets where results are recorded.
    #[must_use]
    pub fn history(mut self, history: Arc<dyn History>) -> Self {
        self.history = Some(history);
        self
    }

    /// Leaves out the built-in check `stratheal.self`.
    #[must_use]
    pub const fn without_self_check(mut self) -> Self {
        self.self_check = false;
        self
    }

    /// Tells checks that nothing measured now can be compared later, and believes children before their parents are asked.
    #[must_use]
    pub(crate) const fn one_shot(mut self) -> Self {
        self.one_shot = true;
        self
    }

    /// Checks everything and makes the engine.
    ///
    /// # Errors
    /// [`EngineError`] for duplicate or reserved ids, impossible specifications, and missing or circular dependencies.
    pub fn build(self) -> Result<Engine, EngineError> {
        validate(&self.registrations)?;
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Ok(Engine {
            lanes: self.lanes.unwrap_or_else(|| cores.clamp(2, 8)),
            parts: Parts {
                registrations: self.registrations,
                limits: self.limits,
                pool: BlockingPool::new(self.blocking_threads),
                clock: self.clock,
                history: self.history,
                self_check: self.self_check,
                one_shot: self.one_shot,
            },
        })
    }
}

/// Refuses a set of checks that cannot work.
pub(crate) fn validate(registrations: &[Registration]) -> Result<(), EngineError> {
    let mut ids = HashSet::with_capacity(registrations.len());
    for Registration { check, spec, .. } in registrations {
        let id = check.id();
        if id.as_str().starts_with(RESERVED_PREFIX) {
            return Err(EngineError::Reserved(id.clone()));
        }
        if !ids.insert(id) {
            return Err(EngineError::Duplicate(id.clone()));
        }
        spec.validate().map_err(|source| EngineError::Spec { id: id.clone(), source })?;
    }
    let numbered = registrations.iter().enumerate();
    let checks = numbered.map(|(number, r)| (number as u32, r.check.id(), r.spec.depends_on.as_slice()));
    Graph::build(checks).map(drop).map_err(EngineError::Dependencies)
}
