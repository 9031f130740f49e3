//! What a check found, as Python makes it.

use std::borrow::Cow;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt};
use stratheal_core::model::{Metric as Measured, Report as Found, Status, Unit};

use crate::convert::{from_json, status, text, to_json, to_status, type_of};

/// What an object is made of again, for pickling: arguments in order, and arguments by name.
type Made<'py, Arguments> = (Arguments, Bound<'py, PyDict>);

/// The metric that a bare number becomes.
const VALUE: &str = "value";

/// A measured number.
#[pyclass(frozen, eq, module = "stratheal._stratheal")]
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Metric(Measured);

fn unit(word: &str) -> PyResult<Unit> {
    Ok(match word {
        "" => Unit::Number,
        "s" => Unit::Seconds,
        "%" => Unit::Percent,
        "B" => Unit::Bytes,
        "c" => Unit::Counter,
        other if other.len() <= 16 => Unit::Other(other.to_owned()),
        _ => return Err(PyValueError::new_err("a unit is short: s, %, B, c, or one of your own")),
    })
}

fn word(unit: &Unit) -> &str {
    match unit {
        Unit::Seconds => "s",
        Unit::Percent => "%",
        Unit::Bytes => "B",
        Unit::Counter => "c",
        Unit::Other(word) => word,
        _ => "",
    }
}

#[pymethods]
impl Metric {
    #[new]
    #[pyo3(signature = (name, value, unit = "", *, min = None, max = None))]
    fn new(name: String, value: f64, unit: &str, min: Option<f64>, max: Option<f64>) -> PyResult<Self> {
        let metric = Measured::new(name, value, self::unit(unit)?);
        Ok(Self(Measured { min, max, ..metric }))
    }

    #[getter]
    fn name(&self) -> &str {
        &self.0.name
    }

    #[getter]
    const fn value(&self) -> f64 {
        self.0.value
    }

    #[getter]
    fn unit(&self) -> &str {
        word(&self.0.unit)
    }

    #[getter]
    const fn min(&self) -> Option<f64> {
        self.0.min
    }

    #[getter]
    const fn max(&self) -> Option<f64> {
        self.0.max
    }

    fn __getnewargs_ex__<'py>(&self, py: Python<'py>) -> PyResult<Made<'py, (&str, f64, &str)>> {
        let bounds = PyDict::new(py);
        bounds.set_item("min", self.0.min)?;
        bounds.set_item("max", self.0.max)?;
        Ok(((&self.0.name, self.0.value, word(&self.0.unit)), bounds))
    }

    fn __repr__(&self) -> String {
        format!("Metric({:?}, {}, {:?})", self.0.name, self.0.value, word(&self.0.unit))
    }
}

/// What one run of a check found.
#[pyclass(frozen, eq, module = "stratheal._stratheal")]
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Report(pub(crate) Found);

impl Report {
    fn made(
        status: Status,
        summary: &Bound<'_, PyAny>,
        code: Option<String>,
        metrics: Option<&Bound<'_, PyDict>>,
        data: Option<&Bound<'_, PyDict>>,
        hint: Option<String>,
    ) -> PyResult<Self> {
        let mut report = Found::new(status, text(summary));
        if let Some(code) = code {
            report.code = Cow::Owned(code);
        }
        for (name, value) in metrics.into_iter().flatten() {
            report.metrics.push(match value.cast::<Metric>() {
                Ok(metric) => Measured { name: text(&name).into(), ..metric.get().0.clone() },
                Err(_) => Measured::new(text(&name), value.extract()?, Unit::Number),
            });
        }
        for (name, value) in data.into_iter().flatten() {
            report = report.datum(text(&name), to_json(&value)?);
        }
        Ok(Self(if let Some(hint) = hint { report.hint(hint) } else { report }.bounded()))
    }
}

#[pymethods]
impl Report {
    #[new]
    #[pyo3(signature = (status, summary, *, code = None, metrics = None, data = None, hint = None))]
    fn new(
        status: &Bound<'_, PyAny>,
        summary: &Bound<'_, PyAny>,
        code: Option<String>,
        metrics: Option<&Bound<'_, PyDict>>,
        data: Option<&Bound<'_, PyDict>>,
        hint: Option<String>,
    ) -> PyResult<Self> {
        Self::made(to_status(status)?, summary, code, metrics, data, hint)
    }

    #[staticmethod]
    #[pyo3(signature = (summary, *, code = None, metrics = None, data = None, hint = None))]
    fn healthy(
        summary: &Bound<'_, PyAny>,
        code: Option<String>,
        metrics: Option<&Bound<'_, PyDict>>,
        data: Option<&Bound<'_, PyDict>>,
        hint: Option<String>,
    ) -> PyResult<Self> {
        Self::made(Status::Healthy, summary, code, metrics, data, hint)
    }

    #[staticmethod]
    #[pyo3(signature = (summary, *, code = None, metrics = None, data = None, hint = None))]
    fn warning(
        summary: &Bound<'_, PyAny>,
        code: Option<String>,
        metrics: Option<&Bound<'_, PyDict>>,
        data: Option<&Bound<'_, PyDict>>,
        hint: Option<String>,
    ) -> PyResult<Self> {
        Self::made(Status::Warning, summary, code, metrics, data, hint)
    }

    #[staticmethod]
    #[pyo3(signature = (summary, *, code = None, metrics = None, data = None, hint = None))]
    fn critical(
        summary: &Bound<'_, PyAny>,
        code: Option<String>,
        metrics: Option<&Bound<'_, PyDict>>,
        data: Option<&Bound<'_, PyDict>>,
        hint: Option<String>,
    ) -> PyResult<Self> {
        Self::made(Status::Critical, summary, code, metrics, data, hint)
    }

    #[staticmethod]
    #[pyo3(signature = (summary, *, code = None, metrics = None, data = None, hint = None))]
    fn unknown(
        summary: &Bound<'_, PyAny>,
        code: Option<String>,
        metrics: Option<&Bound<'_, PyDict>>,
        data: Option<&Bound<'_, PyDict>>,
        hint: Option<String>,
    ) -> PyResult<Self> {
        Self::made(Status::Unknown, summary, code, metrics, data, hint)
    }

    #[getter]
    fn status<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        status(py, self.0.status)
    }

    #[getter]
    fn summary(&self) -> &str {
        &self.0.summary
    }

    #[getter]
    fn code(&self) -> &str {
        &self.0.code
    }

    #[getter]
    fn hint(&self) -> Option<&str> {
        self.0.hint.as_ref().map(|hint| hint.text.as_ref())
    }

    #[getter]
    fn metrics<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let metrics = PyDict::new(py);
        for metric in &self.0.metrics {
            metrics.set_item(metric.name.as_ref(), Metric(metric.clone()))?;
        }
        Ok(metrics)
    }

    #[getter]
    fn data<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let data = PyDict::new(py);
        for (name, value) in self.0.data.iter().flat_map(|data| data.iter()) {
            data.set_item(name, from_json(py, value)?)?;
        }
        Ok(data)
    }

    fn __getnewargs_ex__<'py>(&self, py: Python<'py>) -> PyResult<Made<'py, (u8, &str)>> {
        let rest = PyDict::new(py);
        rest.set_item("code", self.code())?;
        rest.set_item("metrics", self.metrics(py)?)?;
        rest.set_item("data", self.data(py)?)?;
        rest.set_item("hint", self.hint())?;
        Ok(((self.0.status.exit_code(), &self.0.summary), rest))
    }

    fn __repr__(&self) -> String {
        format!("<Report {}: {}>", self.0.status.as_str(), self.0.summary)
    }
}

/// What a function has returned, made plain by `stratheal._calls.plain`, as a report.
///
/// # Errors
/// A sentence when it is nothing that a check may return.
pub(crate) fn of_value(value: &Bound<'_, PyAny>) -> Result<Found, String> {
    if value.is_none() {
        return Ok(Found::healthy("ok"));
    }
    if let Ok(report) = value.cast::<Report>() {
        return Ok(report.get().0.clone());
    }
    if let Ok(truth) = value.cast::<PyBool>() {
        return Ok(if truth.is_true() { Found::healthy("ok") } else { Found::critical("returned False") });
    }
    // Other kinds of numbers have become one of these by now.
    if value.is_instance_of::<PyInt>() || value.is_instance_of::<PyFloat>() {
        return match value.extract::<f64>() {
            Ok(number) if number.is_finite() => {
                let metric = Measured::new(VALUE, number, Unit::Number);
                Ok(Found::healthy(text(value)).metric(metric))
            }
            Ok(number) => Err(format!("the check returned {number}, which cannot be judged")),
            Err(_) => Err("the check returned a number that is too large".to_owned()),
        };
    }
    Err(format!(
        "the check returned {}: a number, a bool, None or a Report is wanted{}",
        type_of(value),
        if value.get_type().hasattr("__await__").unwrap_or(false) { "; a coroutine needs `async def`" } else { "" }
    ))
}
