//! What Python reads: the state of one check, and of all.

use std::sync::Arc;

use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;
use pyo3::types::PyDateTime;
use stratheal_core::format::health_json;
use stratheal_core::model::view::{CheckView, Muted, Phase, Snapshot as Seen};

use crate::convert::{from_json, moment, status};
use crate::report::Report;

/// The state of one check.
#[pyclass(frozen, module = "stratheal._stratheal")]
#[derive(Debug)]
pub(crate) struct CheckState(pub(crate) Arc<CheckView>);

#[pymethods]
impl CheckState {
    #[getter]
    fn name(&self) -> &str {
        self.0.id.as_str()
    }

    #[getter]
    fn status<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        status(py, self.0.status)
    }

    #[getter]
    fn hard<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        status(py, self.0.hard)
    }

    #[getter]
    fn phase(&self) -> &'static str {
        match self.0.phase {
            Phase::Pending => "pending",
            Phase::Soft { .. } => "soft",
            Phase::Hard => "hard",
        }
    }

    #[getter]
    fn summary(&self) -> &str {
        self.0.summary()
    }

    #[getter]
    fn since<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDateTime>> {
        moment(py, &self.0.since)
    }

    #[getter]
    fn flapping(&self) -> bool {
        self.0.flapping
    }

    #[getter]
    fn stale(&self) -> bool {
        self.0.stale
    }

    #[getter]
    fn cause(&self) -> Option<&str> {
        self.0.cause().map(AsRef::as_ref)
    }

    #[getter]
    fn muted(&self) -> Option<&'static str> {
        self.0.muted.as_ref().map(|muted| match muted {
            Muted::Cause { .. } => "cause",
            Muted::Maintenance => "maintenance",
            Muted::Paused { .. } => "paused",
        })
    }

    #[getter]
    fn tags(&self) -> Vec<String> {
        self.0.spec.tags.clone()
    }

    #[getter]
    fn runs(&self) -> u64 {
        self.0.runs
    }

    #[getter]
    fn report(&self) -> Option<Report> {
        self.0.last.as_ref().map(|last| Report(last.report.clone()))
    }

    #[getter]
    fn duration(&self) -> Option<f64> {
        self.0.last.as_ref().map(|last| last.duration.as_secs_f64())
    }

    #[getter]
    fn outcome(&self) -> Option<String> {
        let outcome = serde_json::to_value(self.0.last.as_ref()?.outcome).ok()?;
        outcome.as_str().map(str::to_owned)
    }

    fn __repr__(&self) -> String {
        format!("<CheckState {} {}: {}>", self.0.id, self.0.status.as_str(), self.0.summary())
    }
}

/// The state of all checks at one moment.
#[pyclass(frozen, mapping, module = "stratheal._stratheal")]
#[derive(Debug)]
pub(crate) struct Snapshot(pub(crate) Arc<Seen>);

#[pymethods]
impl Snapshot {
    #[getter]
    fn status<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        status(py, self.0.status)
    }

    #[getter]
    fn at<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDateTime>> {
        moment(py, &self.0.at)
    }

    #[getter]
    fn generation(&self) -> u64 {
        self.0.generation
    }

    #[getter]
    fn checks(&self) -> Vec<CheckState> {
        self.0.checks.iter().cloned().map(CheckState).collect()
    }

    /// All of it, as dictionaries and lists.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        from_json(py, &serde_json::to_value(&*self.0).unwrap_or_default())
    }

    /// As `application/health+json`, with what checks say.
    fn to_health_json(&self) -> String {
        health_json(&self.0, true).to_string()
    }

    fn get(&self, name: &str) -> Option<CheckState> {
        self.0.get(name).cloned().map(CheckState)
    }

    fn __getitem__(&self, id: &str) -> PyResult<CheckState> {
        self.get(id).ok_or_else(|| PyKeyError::new_err(id.to_owned()))
    }

    fn __contains__(&self, id: &str) -> bool {
        self.0.get(id).is_some()
    }

    fn __len__(&self) -> usize {
        self.0.checks.len()
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let ids: Vec<&str> = self.0.checks.iter().map(|view| view.id.as_str()).collect();
        Ok(ids.into_pyobject(py)?.try_iter()?.into_any())
    }

    fn __repr__(&self) -> String {
        let count = self.0.checks.len();
        format!("<Snapshot {}: {count} check{}>", self.0.status.as_str(), if count == 1 { "" } else { "s" })
    }
}
