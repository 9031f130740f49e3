//! Between values of Python and JSON, times and words.

use jiff::Timestamp;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyDateTime, PyDict, PyFloat, PyInt, PyList, PyNone, PyString, PyTuple, PyTzInfo};
use serde_json::{Map, Value};
use stratheal_core::model::Status;

/// How deep a value may be.
const MAX_DEPTH: usize = 32;

/// Any object as text, whatever its characters are, and whatever its `__str__` does.
pub(crate) fn text(value: &Bound<'_, PyAny>) -> String {
    let written = value.str();
    written.map_or_else(|_| "(cannot be shown)".to_owned(), |text| text.to_string_lossy().into_owned())
}

/// What JSON knows: texts, numbers, truth values, lists and dictionaries.
///
/// # Errors
/// `TypeError` or `ValueError` for anything else, with its type.
pub(crate) fn to_json(value: &Bound<'_, PyAny>) -> PyResult<Value> {
    json_within(value, 0)
}

fn json_within(value: &Bound<'_, PyAny>, depth: usize) -> PyResult<Value> {
    if depth > MAX_DEPTH {
        return Err(PyValueError::new_err("is nested too deep"));
    }
    if value.is_none() {
        return Ok(Value::Null);
    }
    if let Ok(truth) = value.cast::<PyBool>() {
        return Ok(truth.is_true().into());
    }
    if let Ok(text) = value.cast::<PyString>() {
        return Ok(text.to_string_lossy().into_owned().into());
    }
    if value.is_instance_of::<PyInt>() {
        // What no machine word holds is rounded, as every reader of JSON would do.
        return Ok(value
            .extract::<i64>()
            .map_or_else(|_| value.extract::<f64>().map_or(Value::Null, Value::from), Value::from));
    }
    if value.is_instance_of::<PyFloat>() {
        return Ok(value.extract::<f64>()?.into());
    }
    if let Ok(dictionary) = value.cast::<PyDict>() {
        let mut map = Map::new();
        for (key, value) in dictionary {
            map.insert(text(&key), json_within(&value, depth + 1)?);
        }
        return Ok(Value::Object(map));
    }
    if value.is_instance_of::<PyList>() || value.is_instance_of::<PyTuple>() {
        let items = value.try_iter()?.map(|item| json_within(&item?, depth + 1));
        return Ok(Value::Array(items.collect::<PyResult<_>>()?));
    }
    Err(PyTypeError::new_err(format!("{} is nothing that JSON knows", type_of(value))))
}

/// The name of an object's type.
pub(crate) fn type_of(value: &Bound<'_, PyAny>) -> String {
    value.get_type().name().map_or_else(|_| "an object".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// JSON as objects of Python.
pub(crate) fn from_json<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    Ok(match value {
        Value::Null => PyNone::get(py).to_owned().into_any(),
        Value::Bool(truth) => PyBool::new(py, *truth).to_owned().into_any(),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => whole.into_pyobject(py)?.into_any(),
            None => number.as_f64().into_pyobject(py)?.into_any(),
        },
        Value::String(text) => PyString::new(py, text).into_any(),
        Value::Array(items) => {
            let items = items.iter().map(|item| from_json(py, item)).collect::<PyResult<Vec<_>>>()?;
            PyList::new(py, items)?.into_any()
        }
        Value::Object(map) => {
            let dictionary = PyDict::new(py);
            for (key, value) in map {
                dictionary.set_item(key, from_json(py, value)?)?;
            }
            dictionary.into_any()
        }
    })
}

/// A moment as a `datetime` of UTC, to the microsecond.
pub(crate) fn moment<'py>(py: Python<'py>, at: &Timestamp) -> PyResult<Bound<'py, PyDateTime>> {
    let utc = PyTzInfo::utc(py)?;
    PyDateTime::from_timestamp(py, at.as_microsecond() as f64 / 1e6, Some(&utc))
}

/// A status as a member of `stratheal.Status`.
pub(crate) fn status(py: Python<'_>, status: Status) -> PyResult<Bound<'_, PyAny>> {
    static CLASS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let class =
        CLASS.get_or_try_init(py, || Ok::<_, PyErr>(py.import("stratheal._status")?.getattr("Status")?.unbind()))?;
    class.bind(py).call1((status.exit_code(),))
}

/// A status from a member of `stratheal.Status`, its number, or its word.
///
/// # Errors
/// `ValueError` when there is none such.
pub(crate) fn to_status(value: &Bound<'_, PyAny>) -> PyResult<Status> {
    let known = |wanted: &dyn Fn(&Status) -> bool| Status::ALL.into_iter().find(wanted);
    let found = match value.extract::<u8>() {
        Ok(number) => known(&|status| status.exit_code() == number),
        Err(_) => known(&|status| status.as_str() == text(value)),
    };
    found.ok_or_else(|| {
        PyValueError::new_err(format!("{} is no status: healthy, warning, critical or unknown", text(value)))
    })
}
