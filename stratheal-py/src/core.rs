//! The monitor: what is to be checked, and the engine that does it.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use serde_json::{Map, Value, json};
use stratheal_core::config::{self, Lookup};
use stratheal_core::contract::History;
use stratheal_core::endpoints::{Options, Question, answer};
use stratheal_core::engine::{Engine, EngineHandle};
use stratheal_core::healing::HealerHandle;
use stratheal_core::model::attempt::Actor;
use stratheal_core::model::{CheckId, RemedyId};
use stratheal_core::service::StoppedBy;
use stratheal_core::supervision::Monitor;
use stratheal_core::workspace::place;

use crate::checks::{Checks, Native, Scope, Written};
use crate::convert::{from_json, to_json};
use crate::dispatch::Place;
use crate::errors::{Raised, not_running, of_options};
use crate::healing::WrittenRemedy;
use crate::history;
use crate::mailbox::{Reader, Sender};
use crate::operation::{self, Operation};
use crate::process::{self, Own};
use crate::registered::{Registered, Running, lock};
use crate::start::end;
use crate::subscription::Subscription;
use crate::view::{CheckState, Snapshot};

/// How long the history has to be written at the end.
const FLUSH: Duration = Duration::from_secs(2);

/// What a configuration may refer to.
pub(crate) fn lookup() -> Lookup<'static> {
    Lookup { variable: &|name| std::env::var(name).ok(), cache: place::cache() }
}

/// A monitor.
#[pyclass(frozen, module = "stratheal._stratheal")]
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) inner: Arc<Mutex<Registered>>,
    pub(crate) options: Options,
    /// Where the endpoints are served, if anywhere.
    pub(crate) listen: Option<SocketAddr>,
    pub(crate) threads: usize,
    pub(crate) records: bool,
    /// Whether services and healing are as the configuration says.
    supervises: bool,
}

impl Core {
    /// Something of what runs in this process. The lock is given back before anything of Python is called, which may let others run.
    fn running<T>(&self, py: Python<'_>, look: impl FnOnce(&Running) -> Result<T, Raised>) -> PyResult<T> {
        let found = match self.lock().running.as_ref().and_then(Own::get) {
            Some(running) => look(running),
            None => Err(not_running()),
        };
        found.map_err(|raised| raised.into_exception(py))
    }

    /// What heals, where anything does.
    fn healer(&self, py: Python<'_>) -> PyResult<HealerHandle> {
        let nothing = || Raised::new("NotRunningError", "nothing heals: register a remedy, and say what it is for");
        let elsewhere = || Raised::new("StateError", "another process heals; this one takes over when that ends");
        self.running(py, |running| running.healing.as_ref().ok_or_else(nothing)?.healer().ok_or_else(elsewhere))
    }

    fn checks(&self) -> Checks {
        self.lock().checks.clone()
    }

    /// Puts another set of checks in force: all of it, or nothing.
    fn change(&self, py: Python<'_>, next: Checks) -> PyResult<Option<Operation>> {
        let fits = {
            let mut inner = self.lock();
            let Some(running) = inner.running.as_ref().and_then(Own::get) else {
                inner.checks = next;
                return Ok(None);
            };
            // A set that cannot be is refused before anything is changed.
            let (additions, supervised) = inner.in_force(&next, running);
            let fits = match &supervised {
                Some((monitor, config)) => {
                    monitor.fits(config, &additions).map_err(|why| Raised::new("ConfigurationError", why))
                }
                None => Engine::builder().register_all(additions.checks).build().map(drop).map_err(Raised::from),
            };
            let (engine, turn) = (running.engine.clone(), running.turn.clone());
            fits.map(|()| {
                inner.checks = next;
                (engine, turn)
            })
        };
        let (engine, turn) = fits.map_err(|raised| raised.into_exception(py))?;
        let inner = Arc::downgrade(&self.inner);
        let apply = async move {
            let _turn = turn.lock().await;
            let Some(inner) = inner.upgrade() else { return Ok(()) };
            let (additions, supervised) = {
                let inner = lock(&inner);
                let Some(running) = inner.running.as_ref().and_then(Own::get) else { return Ok(()) };
                inner.in_force(&inner.checks, running)
            };
            match supervised {
                Some((monitor, config)) => {
                    let replaced = monitor.replace(&config, &additions).await;
                    replaced.map(drop).map_err(|error| Raised::new("StrathealError", error))
                }
                None => engine.apply(additions.checks).await.map(drop).map_err(Raised::from),
            }
        };
        Ok(Some(operation::begin(apply, operation::none)))
    }

    fn lock(&self) -> MutexGuard<'_, Registered> {
        lock(&self.inner)
    }

    fn history(&self, py: Python<'_>) -> PyResult<Arc<dyn History>> {
        let none = || {
            if self.records {
                Raised::new("StateError", "another process had the state folder at the start, and records in it")
            } else {
                Raised::new("NotRunningError", "nothing is recorded here: `Monitor(state_dir=..., history=True)`")
            }
        };
        self.running(py, |running| running.history.clone().ok_or_else(none))
    }

    /// What is supervised.
    fn monitor(&self, py: Python<'_>) -> PyResult<Monitor> {
        let nothing = || Raised::new("NotRunningError", "there are no services: `Monitor(config, supervise=True)`");
        let elsewhere = || Raised::new("StateError", "another process looks after the services");
        self.running(py, |running| {
            let healing = running.healing.as_ref().filter(|_| self.supervises).ok_or_else(nothing)?;
            healing.monitor().ok_or_else(elsewhere)
        })
    }

    /// The engine, where it runs in this process.
    fn engine(&self, py: Python<'_>) -> PyResult<EngineHandle> {
        self.running(py, |running| Ok(running.engine.clone()))
    }
}

/// A dictionary as JSON.
fn map(values: &Bound<'_, PyDict>) -> PyResult<Map<String, Value>> {
    Ok(match to_json(values)? {
        Value::Object(map) => map,
        _ => Map::new(),
    })
}

#[pymethods]
impl Core {
    #[new]
    fn new(
        threads: usize,
        details: bool,
        hosts: Vec<String>,
        listen: Option<&str>,
        records: bool,
        supervises: bool,
    ) -> PyResult<Self> {
        let parse =
            |text: &str| text.parse().map_err(|_| PyValueError::new_err(format!("`{text}` is no ADDRESS:PORT")));
        let listen = listen.map(parse).transpose()?;
        Ok(Self { inner: Arc::default(), options: Options { details, hosts }, listen, threads, records, supervises })
    }

    /// Takes a configuration: the path of a file, or what stands in one. Answers where its state folder would be.
    #[pyo3(signature = (given, environment = None))]
    fn load(&self, py: Python<'_>, given: &Bound<'_, PyAny>, environment: Option<&str>) -> PyResult<OsString> {
        let config = match given.cast::<PyDict>() {
            Ok(document) => config::given(&map(document)?, &std::env::current_dir()?, environment, &lookup()),
            Err(_) => config::load(&given.extract::<PathBuf>()?, environment, &lookup()),
        };
        let mut config = config.map_err(|error| Raised::from(error).into_exception(py))?;
        let state = place::state(None, config.project.state.as_deref(), config.folder());
        let mut inner = self.lock();
        let native = config.checks.drain(..).map(|registration| Native { registration, scope: Scope::Host });
        inner.checks.native.extend(native);
        if self.supervises {
            inner.config = Some(Arc::new(config));
        }
        Ok(state.into_os_string())
    }

    /// Adds a check that is described as in a file.
    fn describe(
        &self,
        py: Python<'_>,
        name: &str,
        options: &Bound<'_, PyDict>,
        of_host: bool,
    ) -> PyResult<Option<Operation>> {
        let given = config::given_check(name, &map(options)?, &std::env::current_dir()?, &lookup());
        let registration = given.map_err(|error| of_options(&error).into_exception(py))?;
        let mut next = self.checks();
        if next.has(name) {
            let text = format!("there is a check `{name}` already: remove it first");
            return Err(Raised::new("DuplicateError", text).into_exception(py));
        }
        next.native.push(Native { registration, scope: Scope::of(of_host) });
        self.change(py, next)
    }

    /// Adds a check that is written in Python, in the place of one of the same name.
    fn register(
        &self,
        py: Python<'_>,
        name: &str,
        options: &Bound<'_, PyDict>,
        key: u64,
        on_loop: bool,
        of_host: bool,
    ) -> PyResult<Option<Operation>> {
        let options = map(options)?;
        let settings = config::check_settings(name, &options).map_err(|error| of_options(&error).into_exception(py))?;
        let place = if on_loop { Place::Loop } else { Place::Thread };
        let (id, conditions) = (settings.id, settings.conditions);
        let scope = Scope::of(of_host);
        let written = Written { id, spec: Arc::new(settings.spec), conditions, key, place, scope };
        let mut next = self.checks().without(name);
        next.written.push(written);
        self.change(py, next)
    }

    /// Adds a remedy that is written in Python. It is there from the next start on.
    fn remedy(&self, name: &str, risk: &str, key: u64) -> PyResult<()> {
        let id = RemedyId::new(name).map_err(|error| PyValueError::new_err(error.to_string()))?;
        let risk = serde_json::from_value(risk.into());
        let risk = risk.map_err(|_| PyValueError::new_err("a risk is observe, local, disruptive or destructive"))?;
        let mut inner = self.lock();
        inner.remedies.retain(|known| known.id != id);
        inner.remedies.push(WrittenRemedy { id, risk, key });
        Ok(())
    }

    /// Says what is tried when a check fails, from the next start on.
    fn policy(&self, py: Python<'_>, check: &str, options: &Bound<'_, PyDict>) -> PyResult<()> {
        let settings = config::given_policy(check, &map(options)?);
        let settings = settings.map_err(|error| of_options(&error).into_exception(py))?;
        let mut inner = self.lock();
        inner.policies.retain(|known| known.check != settings.check);
        inner.policies.push(settings);
        Ok(())
    }

    /// What is broken, and what is being done about it.
    fn healing<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        from_json(py, &serde_json::to_value(self.healer(py)?.view()).unwrap_or_default())
    }

    /// Recorded runs, the newest first: check, when, status, outcome, seconds, and metrics.
    #[pyo3(signature = (check = None, since = None, until = None, limit = 1000))]
    fn runs(
        &self,
        py: Python<'_>,
        check: Option<&str>,
        since: Option<f64>,
        until: Option<f64>,
        limit: usize,
    ) -> PyResult<Operation> {
        let (history, query) = (self.history(py)?, history::query(check, since, until, limit)?);
        Ok(operation::begin(async move { history::runs(&*history, &query).await }, history::rows_of_runs))
    }

    /// Recorded changes of state, the newest first: check, when, from, to, and what the run said.
    #[pyo3(signature = (check = None, since = None, until = None, limit = 1000))]
    fn changes(
        &self,
        py: Python<'_>,
        check: Option<&str>,
        since: Option<f64>,
        until: Option<f64>,
        limit: usize,
    ) -> PyResult<Operation> {
        let (history, query) = (self.history(py)?, history::query(check, since, until, limit)?);
        Ok(operation::begin(async move { history::changes(&*history, &query).await }, history::rows_of_changes))
    }

    /// Begins ladders anew, at once. Answers of how many incidents.
    fn heal(&self, py: Python<'_>, check: Option<&str>, by: String) -> PyResult<Operation> {
        let healer = self.healer(py)?;
        let check = check.map(CheckId::new).transpose().map_err(|error| PyValueError::new_err(error.to_string()))?;
        let heal = async move {
            let begun = healer.heal(check, Actor::Person(by)).await;
            begun.map_err(|error| Raised::new("StrathealError", error.to_string()))
        };
        Ok(operation::begin(heal, |py, count| Ok(count.into_pyobject(py)?.into_any().unbind())))
    }

    /// Approves a plan by its token. Answers for which check.
    fn approve(&self, py: Python<'_>, token: String, by: String) -> PyResult<Operation> {
        let healer = self.healer(py)?;
        let approve = async move {
            let approved = healer.approve(&token, &by).await;
            approved.map_err(|error| Raised::new("StrathealError", error.to_string()))
        };
        Ok(operation::begin(approve, |py, approval| {
            Ok(approval.check.to_string().into_pyobject(py)?.into_any().unbind())
        }))
    }

    /// Starts it in this process. Coroutines run on this loop, which is watched where it is that of the application. The keeper of services
    /// is a program and its first arguments. Answers where threads find what they are to do.
    #[pyo3(signature = (sender, watched, state = None, keeper = None))]
    fn start(
        &self,
        py: Python<'_>,
        sender: Option<&Sender>,
        watched: bool,
        state: Option<PathBuf>,
        keeper: Option<(PathBuf, Vec<OsString>)>,
    ) -> PyResult<Reader> {
        let mailbox = sender.map(Sender::mailbox);
        let is_locked = process::has_lock(py);
        let begun = py.detach(|| self.begin(mailbox, watched, state, keeper, is_locked));
        let (running, reader) = begun.map_err(|raised| raised.into_exception(py))?;
        let before = self.lock().running.replace(Own::new(running));
        drop(before);
        Ok(reader)
    }

    /// How the services are.
    fn services<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let views: Vec<_> = self.monitor(py)?.services.status().iter().map(|view| json!(view)).collect();
        from_json(py, &Value::Array(views))
    }

    /// Starts, stops or restarts a service, and waits until that is done.
    fn control(&self, py: Python<'_>, name: String, what: &str) -> PyResult<Operation> {
        let services = self.monitor(py)?.services;
        let what = what.to_owned();
        let control = async move {
            let done = match what.as_str() {
                "start" => services.start(&name).await,
                "stop" => services.stop(&name, StoppedBy::Person).await,
                _ => services.restart(&name).await,
            };
            done.map_err(Raised::from)
        };
        Ok(operation::begin(control, operation::none))
    }

    /// Whether it runs in this process.
    fn is_running(&self) -> bool {
        self.lock().running.as_ref().and_then(Own::get).is_some_and(|running| running.engine.is_running())
    }

    /// Where the endpoints are served: the address, its port, and the descriptor, which a fork has as well.
    fn listening(&self) -> Option<(String, u16, Option<i32>)> {
        let inner = self.lock();
        let serving = inner.running.as_ref().and_then(Own::inherited)?.serving.as_ref()?;
        Some((serving.address.ip().to_string(), serving.address.port(), serving.descriptor()))
    }

    /// Says on which loop coroutines run from now on.
    fn bind(&self, sender: &Sender) {
        if let Some(running) = self.lock().running.as_ref().and_then(Own::get) {
            running.audience.dispatcher.bind(sender.mailbox());
        }
    }

    /// Stops it: checks get so many seconds to end. Answers which could not be stopped.
    fn stop(&self, py: Python<'_>, grace: f64) -> PyResult<Operation> {
        let engine = self.engine(py)?;
        let (healing, history) = (self.running(py, |running| Ok(running.healing.clone()))?, self.history(py).ok());
        let serving = self.running(py, |running| Ok(running.serving.clone()))?;
        let grace = Duration::try_from_secs_f64(grace).unwrap_or_default();
        let stop = async move {
            if let Some(serving) = serving {
                serving.end().await;
            }
            if let Some(healing) = healing {
                healing.stop().await;
            }
            let shutdown = engine.shutdown(grace).await;
            if let Some(history) = history
                && let Err(error) = history.flush(FLUSH).await
            {
                tracing::error!(%error, "the end of the history is not recorded");
            }
            Ok(shutdown)
        };
        Ok(operation::begin(stop, |py, shutdown| {
            let left: Vec<String> = shutdown.left_behind.iter().map(ToString::to_string).collect();
            Ok(left.into_pyobject(py)?.unbind())
        }))
    }

    /// Lets go of everything that runs, so that threads see the end; also of what a fork has inherited.
    fn release(&self) {
        let running = self.lock().running.take();
        if let Some(running) = running.as_ref().and_then(Own::inherited) {
            running.audience.dispatcher.close();
        }
        if let Some(running) = running.as_ref().and_then(Own::get) {
            end(running.engine.clone(), running.healing.clone());
        }
        drop(running);
    }

    /// The state of all checks.
    fn snapshot(&self, py: Python<'_>) -> PyResult<Snapshot> {
        Ok(Snapshot(self.engine(py)?.snapshot()))
    }

    /// The state of one check.
    fn check(&self, py: Python<'_>, name: &str) -> PyResult<CheckState> {
        let engine = self.engine(py)?;
        engine.check(name).map(CheckState).ok_or_else(|| Raised::from(engine.no_such_check(name)).into_exception(py))
    }

    /// Runs a check now.
    fn run(&self, py: Python<'_>, name: String) -> PyResult<Operation> {
        let engine = self.engine(py)?;
        let run = async move { engine.run_now(&name).await.map_err(Raised::from) };
        Ok(operation::begin(run, |py, view| Ok(Py::new(py, CheckState(view))?.into_any())))
    }

    /// Takes a check out.
    fn remove(&self, py: Python<'_>, name: &str) -> PyResult<Option<Operation>> {
        let checks = self.checks();
        if checks.has(name) {
            return self.change(py, checks.without(name));
        }
        let text = format!("there is no check `{name}` to remove");
        Err(Raised::new("NoSuchCheckError", text).into_exception(py))
    }

    /// Stops running a check for a while.
    fn pause(&self, py: Python<'_>, name: String, reason: String) -> PyResult<Operation> {
        let engine = self.engine(py)?;
        Ok(operation::begin(async move { engine.pause(&name, &reason).await.map_err(Raised::from) }, operation::none))
    }

    /// Runs a paused check again.
    fn resume(&self, py: Python<'_>, name: String) -> PyResult<Operation> {
        let engine = self.engine(py)?;
        Ok(operation::begin(async move { engine.resume(&name).await.map_err(Raised::from) }, operation::none))
    }

    /// Listens from now on.
    fn subscribe(&self, py: Python<'_>) -> PyResult<Subscription> {
        Ok(Subscription::new(self.engine(py)?.subscribe()))
    }

    /// The names of checks whose functions hold a thread that was written off.
    fn stuck(&self) -> Vec<String> {
        let inner = self.lock();
        let running = inner.running.as_ref().and_then(Own::get);
        let stuck = running.map(|running| running.audience.dispatcher.stuck()).unwrap_or_default();
        stuck.values().map(|(name, _)| name.to_string()).collect()
    }

    /// Answers a request: the status, type and caching of the answer, and its body.
    #[pyo3(signature = (path, tag = None, accept = "", host = None))]
    fn answer<'py>(
        &self,
        py: Python<'py>,
        path: &str,
        tag: Option<&str>,
        accept: &str,
        host: Option<&str>,
    ) -> PyResult<(u16, &'static str, String, Bound<'py, PyBytes>)> {
        let engine = self.engine(py)?;
        let found = answer(&engine, &self.options, Question { path, tag, accept, host });
        let body = PyBytes::new(py, found.body.as_bytes());
        Ok((found.status, found.content_type, found.cache_control.into_owned(), body))
    }
}
