//! This process and its runtime: a fork has none of the threads that its parent had.

use std::io;
use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;
use tokio::runtime::{Builder, Handle, Runtime};

/// The number of this process.
pub(crate) fn id() -> u32 {
    std::process::id()
}

/// Whether the interpreter that calls is the main one of this process.
#[expect(unsafe_code, reason = "only the interpreter itself knows its number, and nothing safe asks for it")]
pub(crate) fn is_main_interpreter() -> bool {
    // SAFETY: the caller holds the interpreter, as everything does that Python calls, so there is a current one.
    let number = unsafe { pyo3::ffi::PyInterpreterState_GetID(pyo3::ffi::PyInterpreterState_Get()) };
    number == 0
}

/// Whether one thread at a time has the interpreter, as in all but free-threaded ones.
pub(crate) fn has_lock(py: Python<'_>) -> bool {
    let asked = py.import("sys").and_then(|sys| sys.call_method0("_is_gil_enabled")?.extract());
    // Older ones cannot be asked, and have it.
    asked.unwrap_or(true)
}

/// The runtime of this process, on which operations wait. It is never ended: in a fork that would end that of the parent.
///
/// # Errors
/// When the system gives no thread.
pub(crate) fn runtime() -> io::Result<Handle> {
    static RUNTIME: Mutex<Option<(u32, &'static Runtime)>> = Mutex::new(None);
    let mut known = RUNTIME.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((process, runtime)) = *known
        && process == id()
    {
        return Ok(runtime.handle().clone());
    }
    let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("stratheal-py").enable_all().build()?;
    let runtime: &'static Runtime = Box::leak(Box::new(runtime));
    *known = Some((id(), runtime));
    Ok(runtime.handle().clone())
}

/// Something that belongs to the process that made it. In a fork it is forgotten instead of dropped: its threads are not there, and what
/// it would wake is the parent's.
#[derive(Debug)]
pub(crate) struct Own<T> {
    process: u32,
    value: Option<T>,
}

impl<T> Own<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { process: id(), value: Some(value) }
    }

    /// It, also in a fork, where nothing of it may be done that reaches its threads.
    pub(crate) const fn inherited(&self) -> Option<&T> {
        self.value.as_ref()
    }

    /// It, in the process that made it.
    pub(crate) fn get(&self) -> Option<&T> {
        self.value.as_ref().filter(|_| self.process == id())
    }
}

impl<T> Drop for Own<T> {
    fn drop(&mut self) {
        if self.process != id() {
            std::mem::forget(self.value.take());
        }
    }
}
