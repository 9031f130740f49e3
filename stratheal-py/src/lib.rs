//! The native half of the Python package `stratheal`.
//!
//! It translates between Python and `stratheal-core` and decides nothing itself. What Python can express as well, such as
//! enumerations and convenience, lives in `python/stratheal/`; the types and docs of this half are in `_stratheal.pyi`.
//!
//! # Who waits for whom
//! No thread of the library ever waits for the interpreter. What is to happen in Python (a check, a finished operation) is put into a
//! [`mailbox`], which wakes a thread or an event loop of Python through a pipe; there it is taken, done, and answered by a call from
//! Python. So nothing here calls into Python but what Python has called.

mod checks;
mod convert;
mod core;
mod dispatch;
mod environment;
mod errors;
mod healing;
mod history;
mod listeners;
mod log;
mod loop_lag;
mod mailbox;
mod operation;
mod place;
mod process;
mod progress;
mod python_check;
mod python_remedy;
mod registered;
mod report;
mod run;
mod serving;
mod start;
mod subscription;
mod tool;
mod turn;
mod view;

/// The native half of the package `stratheal`; import that instead.
#[pyo3::pymodule(gil_used = false)]
mod _stratheal {
    use std::collections::BTreeMap;
    use std::ffi::OsString;
    use std::process::ExitCode;

    use pyo3::exceptions::{PyImportError, PyValueError};
    use pyo3::prelude::*;
    use stratheal_core::model::Status;
    use stratheal_core::service::keeper::Role;

    #[pymodule_export]
    use super::core::Core;
    #[pymodule_export]
    use super::environment::EnvironmentCore;
    #[pymodule_export]
    use super::log::LogReader;
    #[pymodule_export]
    use super::mailbox::{Reader, Sender};
    #[pymodule_export]
    use super::operation::Operation;
    #[pymodule_export]
    use super::report::{Metric, Report};
    #[pymodule_export]
    use super::run::Run;
    #[pymodule_export]
    use super::subscription::{Event, Subscription};
    #[pymodule_export]
    use super::tool::run_tool;
    #[pymodule_export]
    use super::view::{CheckState, Snapshot};

    /// Refuses sub-interpreters: what is static here, and the threads of the library, belong to one interpreter.
    #[pymodule_init]
    fn init(_module: &Bound<'_, PyModule>) -> PyResult<()> {
        if super::process::is_main_interpreter() {
            return Ok(());
        }
        Err(PyImportError::new_err(
            "stratheal works in the main interpreter of a process only, and this is a sub-interpreter: \
             under mod_wsgi, set `WSGIApplicationGroup %{GLOBAL}`",
        ))
    }

    /// The version of the library.
    #[pymodule_export]
    #[expect(non_upper_case_globals, reason = "the name is Python's convention")]
    const __version__: &str = env!("CARGO_PKG_VERSION");

    /// Is the keeper of services, or what a service is before it becomes its program, as these words of a command line say. Answers how it
    /// ended, or nothing when they say neither.
    #[pyfunction]
    #[expect(clippy::needless_pass_by_value, reason = "it is made for this call")]
    fn play_role(py: Python<'_>, words: Vec<OsString>) -> Option<bool> {
        let role = Role::of(&words)?;
        py.detach(|| Some(role.run() == ExitCode::SUCCESS))
    }

    /// Returns a time such as "90s" in seconds.
    #[pyfunction]
    fn parse_duration(text: &str) -> PyResult<f64> {
        let parsed = stratheal_core::model::quantity::parse_duration(text);
        parsed.map(|time| time.as_secs_f64()).map_err(|error| PyValueError::new_err(error.to_string()))
    }

    /// Returns the number of each status by its lowercase word.
    #[pyfunction]
    fn status_codes() -> BTreeMap<&'static str, u8> {
        Status::ALL.into_iter().map(|status| (status.as_str(), status.exit_code())).collect()
    }
}
