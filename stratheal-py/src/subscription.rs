//! What happens, one by one.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyDateTime;
use serde_json::Value;
use stratheal_core::model::event::Event as Happened;
use tokio::sync::Mutex;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::convert::{from_json, moment};
use crate::errors::not_running;
use crate::operation::{self, Operation};
use crate::process::Own;

/// Something that happened.
#[pyclass(frozen, module = "stratheal._stratheal")]
#[derive(Debug)]
pub(crate) struct Event {
    event: Arc<Happened>,
    told: Value,
}

impl Event {
    fn new(event: Arc<Happened>) -> Self {
        let told = serde_json::to_value(&*event).unwrap_or_default();
        Self { event, told }
    }

    fn word(&self, key: &str) -> Option<&str> {
        self.told.get(key).and_then(Value::as_str)
    }
}

#[pymethods]
impl Event {
    #[getter]
    fn sequence(&self) -> u64 {
        self.event.sequence
    }

    #[getter]
    fn at<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDateTime>> {
        moment(py, &self.event.at)
    }

    #[getter]
    fn kind(&self) -> &str {
        self.word("event").unwrap_or("unknown")
    }

    #[getter]
    fn check(&self) -> Option<&str> {
        self.word("id")
    }

    #[getter]
    fn data<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        from_json(py, &self.told)
    }

    fn __repr__(&self) -> String {
        let check = self.check().map_or_else(String::new, |check| format!(" {check}"));
        format!("<Event {} {}{check}>", self.event.sequence, self.kind())
    }
}

/// Whoever listens. One that is more than a thousand events behind misses the oldest.
#[pyclass(frozen, module = "stratheal._stratheal")]
#[derive(Debug)]
pub(crate) struct Subscription {
    events: Own<Arc<Mutex<Receiver<Arc<Happened>>>>>,
}

impl Subscription {
    pub(crate) fn new(events: Receiver<Arc<Happened>>) -> Self {
        Self { events: Own::new(Arc::new(Mutex::new(events))) }
    }
}

#[pymethods]
impl Subscription {
    /// Waits for the next event; `None` when the monitor has stopped.
    fn next(&self, py: Python<'_>) -> PyResult<Operation> {
        let events = self.events.get().ok_or_else(|| not_running().into_exception(py))?.clone();
        let next = async move {
            let mut events = events.lock().await;
            loop {
                match events.recv().await {
                    Ok(event) => return Ok(Some(event)),
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return Ok(None),
                }
            }
        };
        Ok(operation::begin(next, |py, event| match event {
            Some(event) => Ok(Py::new(py, Event::new(event))?.into_any()),
            None => Ok(py.None()),
        }))
    }
}
