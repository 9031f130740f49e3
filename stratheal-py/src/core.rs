//! The monitor: what is to be checked, and the engine that does it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use serde_json::{Map, Value};
use stratheal_core::checks::{Conditions, Judged};
use stratheal_core::config::{self, Lookup};
use stratheal_core::endpoints::{Options, Question, answer};
use stratheal_core::engine::{Engine, EngineHandle, Registration};
use stratheal_core::model::{CheckId, CheckSpec};

use crate::convert::to_json;
use crate::dispatch::{Dispatcher, Place};
use crate::errors::{Raised, not_running, of_options};
use crate::loop_lag;
use crate::mailbox::{Reader, Sender, mailbox};
use crate::operation::{self, Operation};
use crate::process::Own;
use crate::python_check::PythonCheck;
use crate::subscription::Subscription;
use crate::view::{CheckState, Snapshot};

/// A check of Python before it belongs to an engine: pipes and threads are of one process, and this may be forked before.
#[derive(Debug, Clone)]
struct Written {
    id: CheckId,
    spec: Arc<CheckSpec>,
    conditions: Conditions,
    key: u64,
    place: Place,
}

impl Written {
    fn registration(&self, dispatcher: &Arc<Dispatcher>) -> Registration {
        let name = Arc::from(self.id.as_str());
        let (key, place, dispatcher) = (self.key, self.place, dispatcher.clone());
        let check = PythonCheck { name, key, place, dispatcher, last: Mutex::default() };
        let judged = Judged::new(self.id.clone(), check, self.conditions.clone());
        Registration::new(judged, self.spec.clone()).revision(self.key + 1)
    }
}

/// What runs.
#[derive(Debug)]
struct Running {
    engine: EngineHandle,
    dispatcher: Arc<Dispatcher>,
}

#[derive(Debug, Default)]
struct Inner {
    native: Vec<Registration>,
    written: Vec<Written>,
    running: Option<Own<Running>>,
}

/// A monitor.
#[pyclass(frozen, module = "stratheal._stratheal")]
#[derive(Debug)]
pub(crate) struct Core {
    inner: Mutex<Inner>,
    options: Options,
    threads: usize,
}

impl Core {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing under it can panic half-way.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The engine, where it runs in this process.
    fn engine(&self, py: Python<'_>) -> PyResult<EngineHandle> {
        let inner = self.lock();
        let running = inner.running.as_ref().and_then(Own::get);
        running.map(|running| running.engine.clone()).ok_or_else(|| not_running().into_exception(py))
    }
}

/// A dictionary as JSON.
fn map(values: &Bound<'_, PyDict>) -> PyResult<Map<String, Value>> {
    Ok(match to_json(values)? {
        Value::Object(map) => map,
        _ => Map::new(),
    })
}

#[expect(clippy::unnecessary_wraps, reason = "it stands where others may fail")]
fn none(py: Python<'_>, (): ()) -> PyResult<Py<PyAny>> {
    Ok(py.None())
}

#[pymethods]
impl Core {
    #[new]
    fn new(threads: usize, details: bool, hosts: Vec<String>) -> Self {
        Self { inner: Mutex::default(), options: Options { details, hosts }, threads: threads.clamp(1, 256) }
    }

    /// Adds the checks of a file.
    #[pyo3(signature = (file, environment = None))]
    #[expect(clippy::needless_pass_by_value, reason = "it is made for this call")]
    fn load(&self, py: Python<'_>, file: PathBuf, environment: Option<&str>) -> PyResult<()> {
        let variable = |name: &str| std::env::var(name).ok();
        let lookup = Lookup { variable: &variable, cache: None };
        let config = config::load(&file, environment, &lookup);
        let config = config.map_err(|error| Raised::from(error).into_exception(py))?;
        self.lock().native.extend(config.checks);
        Ok(())
    }

    /// Adds a check that is described as in a file.
    fn describe(&self, py: Python<'_>, name: &str, options: &Bound<'_, PyDict>) -> PyResult<Option<Operation>> {
        let lookup = Lookup { variable: &|name| std::env::var(name).ok(), cache: None };
        let given = config::given_check(name, &map(options)?, &std::env::current_dir()?, &lookup);
        let registration = given.map_err(|error| of_options(&error).into_exception(py))?;
        let mut inner = self.lock();
        inner.native.push(registration.clone());
        let Some(running) = inner.running.as_ref().and_then(Own::get) else { return Ok(None) };
        let engine = running.engine.clone();
        drop(inner);
        operation::begin(async move { engine.add(registration).await.map_err(Raised::from) }, none).map(Some)
    }

    /// Adds a check that is written in Python, in the place of one of the same name.
    fn register(
        &self,
        py: Python<'_>,
        name: &str,
        options: &Bound<'_, PyDict>,
        key: u64,
        on_loop: bool,
    ) -> PyResult<Option<Operation>> {
        let options = map(options)?;
        let settings = config::check_settings(name, &options).map_err(|error| of_options(&error).into_exception(py))?;
        let place = if on_loop { Place::Loop } else { Place::Thread };
        let (id, conditions) = (settings.id, settings.conditions);
        let written = Written { id, spec: Arc::new(settings.spec), conditions, key, place };
        let mut inner = self.lock();
        inner.native.retain(|known| *known.check.id() != written.id);
        inner.written.retain(|known| known.id != written.id);
        inner.written.push(written.clone());
        let Some(running) = inner.running.as_ref().and_then(Own::get) else { return Ok(None) };
        let (engine, registration) = (running.engine.clone(), written.registration(&running.dispatcher));
        drop(inner);
        let add = async move {
            // The state of one that is replaced goes with what it was made of.
            drop(engine.remove(registration.check.id().as_str()).await);
            engine.add(registration).await.map_err(Raised::from)
        };
        operation::begin(add, none).map(Some)
    }

    /// Starts it in this process. Answers where threads find what they are to do.
    fn start(&self, py: Python<'_>) -> PyResult<Reader> {
        let mut inner = self.lock();
        let (threads, reader) = mailbox(true)?;
        let dispatcher = Arc::new(Dispatcher::new(threads, self.threads));
        let written = inner.written.iter().map(|written| written.registration(&dispatcher));
        let registrations: Vec<_> = inner.native.iter().cloned().chain(written).collect();
        let engine = Engine::builder().register_all(registrations).build().and_then(Engine::start);
        let engine = engine.map_err(|error| Raised::from(error).into_exception(py))?;
        inner.running = Some(Own::new(Running { engine, dispatcher }));
        Ok(reader)
    }

    /// Whether it runs in this process.
    fn is_running(&self) -> bool {
        self.lock().running.as_ref().and_then(Own::get).is_some_and(|running| running.engine.is_running())
    }

    /// Says on which loop coroutines run from now on. One of the application is watched, unless a check has that name already.
    fn bind(&self, sender: &Sender, watched: bool) -> PyResult<Option<Operation>> {
        let inner = self.lock();
        let Some(running) = inner.running.as_ref().and_then(Own::get) else { return Ok(None) };
        running.dispatcher.bind(sender.mailbox());
        if !watched || running.engine.check(loop_lag::NAME).is_some() {
            return Ok(None);
        }
        let Some(registration) = loop_lag::registration(running.dispatcher.clone()) else { return Ok(None) };
        let engine = running.engine.clone();
        drop(inner);
        operation::begin(async move { engine.add(registration).await.map_err(Raised::from) }, none).map(Some)
    }

    /// Stops it: checks get so many seconds to end. Answers which could not be stopped.
    fn stop(&self, py: Python<'_>, grace: f64) -> PyResult<Operation> {
        let engine = self.engine(py)?;
        let grace = Duration::try_from_secs_f64(grace).unwrap_or_default();
        let stop = async move { Ok(engine.shutdown(grace).await) };
        operation::begin(stop, |py, shutdown| {
            let left: Vec<String> = shutdown.left_behind.iter().map(ToString::to_string).collect();
            Ok(left.into_pyobject(py)?.unbind())
        })
    }

    /// Lets go of everything that runs, so that threads see the end; also of what a fork has inherited.
    fn release(&self) {
        let running = self.lock().running.take();
        if let Some(running) = running.as_ref().and_then(Own::inherited) {
            running.dispatcher.close();
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
        operation::begin(run, |py, view| Ok(Py::new(py, CheckState(view))?.into_any()))
    }

    /// Takes a check out.
    fn remove(&self, py: Python<'_>, name: String) -> PyResult<Option<Operation>> {
        let mut inner = self.lock();
        inner.native.retain(|known| known.check.id().as_str() != name);
        inner.written.retain(|known| known.id.as_str() != name);
        drop(inner);
        let Ok(engine) = self.engine(py) else { return Ok(None) };
        let remove = async move { engine.remove(&name).await.map_err(Raised::from) };
        operation::begin(remove, none).map(Some)
    }

    /// Stops running a check for a while.
    fn pause(&self, py: Python<'_>, name: String, reason: String) -> PyResult<Operation> {
        let engine = self.engine(py)?;
        operation::begin(async move { engine.pause(&name, &reason).await.map_err(Raised::from) }, none)
    }

    /// Runs a paused check again.
    fn resume(&self, py: Python<'_>, name: String) -> PyResult<Operation> {
        let engine = self.engine(py)?;
        operation::begin(async move { engine.resume(&name).await.map_err(Raised::from) }, none)
    }

    /// Listens from now on.
    fn subscribe(&self, py: Python<'_>) -> PyResult<Subscription> {
        Ok(Subscription::new(self.engine(py)?.subscribe()))
    }

    /// The names of checks whose functions hold a thread that was written off.
    fn stuck(&self) -> Vec<String> {
        let inner = self.lock();
        let running = inner.running.as_ref().and_then(Own::get);
        let stuck = running.map(|running| running.dispatcher.stuck()).unwrap_or_default();
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
