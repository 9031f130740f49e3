//! What was recorded, as rows.

use std::sync::Arc;

use jiff::Timestamp;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use stratheal_core::base::class::chain;
use stratheal_core::base::clock::SystemClock;
use stratheal_core::contract::History;
use stratheal_core::contract::history::{Query, RunRow, TransitionRow};
use stratheal_core::history::{Retention, SqliteHistory};
use stratheal_core::model::CheckId;
use stratheal_core::state::StateFolder;

use crate::convert::{moment, status};
use crate::errors::Raised;

/// Opens the history of a state folder.
pub(crate) fn open(folder: &StateFolder) -> Result<Arc<dyn History>, Raised> {
    let history = SqliteHistory::open(&folder.history(), Retention::default(), Arc::new(SystemClock));
    Ok(Arc::new(history.map_err(|error| Raised::new("StateError", chain(&error)))?))
}

/// Which rows are wanted; moments are seconds since 1970.
pub(crate) fn query(check: Option<&str>, since: Option<f64>, until: Option<f64>, limit: usize) -> PyResult<Query> {
    let wrong = |error: &dyn std::fmt::Display| PyValueError::new_err(error.to_string());
    let at = |seconds: Option<f64>| {
        let moment = seconds.map(|seconds| Timestamp::from_microsecond((seconds * 1e6) as i64));
        moment.transpose().map_err(|error| wrong(&error))
    };
    let id = check.map(CheckId::new).transpose().map_err(|error| wrong(&error))?;
    Ok(Query { id, from: at(since)?, until: at(until)?, limit })
}

pub(crate) async fn runs(history: &dyn History, query: &Query) -> Result<Vec<RunRow>, Raised> {
    history.runs(query).await.map_err(|error| Raised::new("StrathealError", chain(&error)))
}

pub(crate) async fn changes(history: &dyn History, query: &Query) -> Result<Vec<TransitionRow>, Raised> {
    history.transitions(query).await.map_err(|error| Raised::new("StrathealError", chain(&error)))
}

pub(crate) fn rows_of_runs(py: Python<'_>, rows: Vec<RunRow>) -> PyResult<Py<PyAny>> {
    let found = PyList::empty(py);
    for row in rows {
        let metrics = PyDict::new(py);
        for (name, value) in &row.metrics {
            metrics.set_item(name, value)?;
        }
        let outcome = serde_json::to_value(row.outcome).unwrap_or_default();
        let outcome = outcome.as_str().unwrap_or_default().to_owned();
        let seconds = row.duration.as_secs_f64();
        found.append((row.id.as_str(), moment(py, &row.at)?, status(py, row.status)?, outcome, seconds, metrics))?;
    }
    Ok(found.into_any().unbind())
}

pub(crate) fn rows_of_changes(py: Python<'_>, rows: Vec<TransitionRow>) -> PyResult<Py<PyAny>> {
    let found = PyList::empty(py);
    for TransitionRow { at, transition } in rows {
        let (from, to) = (status(py, transition.from)?, status(py, transition.to)?);
        found.append((transition.id.as_str(), moment(py, &at)?, from, to, transition.summary))?;
    }
    Ok(found.into_any().unbind())
}
