//! Something that takes time: begun from Python, done without it, and waited for by a thread or an event loop.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pyo3::prelude::*;
use tokio::task::AbortHandle;

use crate::errors::Raised;
use crate::mailbox::{Mailbox, Message, Sender};
use crate::process::{self, Own};

/// How often it is looked whether somebody has pressed Ctrl-C.
const LOOK: Duration = Duration::from_millis(50);

/// Makes the result, once somebody holds the interpreter.
type Make = Box<dyn FnOnce(Python<'_>) -> PyResult<Py<PyAny>> + Send>;

#[derive(Default)]
struct State {
    outcome: Option<Result<Make, Raised>>,
    is_over: bool,
    mailbox: Option<Arc<Mailbox>>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells that an operation is over, whatever became of it.
struct End {
    number: u64,
    told: Arc<Shared>,
}

impl Drop for End {
    fn drop(&mut self) {
        let mut state = self.told.lock();
        state.is_over = true;
        let mailbox = state.mailbox.take();
        drop(state);
        self.told.changed.notify_all();
        if let Some(mailbox) = mailbox {
            // A monitor that has stopped has nobody left who waits.
            let _ = mailbox.put(Message::Ended(self.number));
        }
    }
}

/// Something that has been begun.
#[pyclass(frozen, module = "stratheal._stratheal")]
pub(crate) struct Operation {
    number: u64,
    shared: Own<Arc<Shared>>,
    task: Own<AbortHandle>,
}

impl fmt::Debug for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operation").field("number", &self.number).finish_non_exhaustive()
    }
}

/// Begins something. `make` turns what comes of it into an object.
pub(crate) fn begin<T: Send + 'static>(
    work: impl Future<Output = Result<T, Raised>> + Send + 'static,
    make: impl FnOnce(Python<'_>, T) -> PyResult<Py<PyAny>> + Send + 'static,
) -> PyResult<Operation> {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let shared = Arc::new(Shared::default());
    let told = shared.clone();
    let task = process::runtime()?.spawn(async move {
        // Also when it panics, or is cancelled: somebody waits.
        let end = End { number, told };
        let outcome = work.await.map(|found| -> Make { Box::new(move |py| make(py, found)) });
        end.told.lock().outcome = Some(outcome);
    });
    Ok(Operation { number, shared: Own::new(shared), task: Own::new(task.abort_handle()) })
}

impl Operation {
    fn shared(&self, py: Python<'_>) -> PyResult<&Arc<Shared>> {
        let forked = || Raised::new("ForkedError", "this was begun before the process was forked");
        self.shared.get().ok_or_else(|| forked().into_exception(py))
    }
}

#[pymethods]
impl Operation {
    /// Its number.
    #[getter]
    const fn number(&self) -> u64 {
        self.number
    }

    /// Waits until it is over, and answers what came of it. Ctrl-C ends it.
    fn wait(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let shared = self.shared(py)?;
        loop {
            let is_over = py.detach(|| {
                let state = shared.lock();
                let waited = shared.changed.wait_timeout_while(state, LOOK, |state| !state.is_over);
                waited.unwrap_or_else(PoisonError::into_inner).0.is_over
            });
            if is_over {
                return self.result(py);
            }
            if let Err(interrupted) = py.check_signals() {
                self.cancel();
                return Err(interrupted);
            }
        }
    }

    /// Says which loop is to be told when it is over. Answers whether it is already.
    fn tell(&self, py: Python<'_>, sender: &Sender) -> PyResult<bool> {
        let mut state = self.shared(py)?.lock();
        if !state.is_over {
            state.mailbox = Some(sender.mailbox());
        }
        Ok(state.is_over)
    }

    /// What came of it; once.
    fn result(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let outcome = self.shared(py)?.lock().outcome.take();
        match outcome {
            Some(Ok(make)) => make(py),
            Some(Err(raised)) => Err(raised.into_exception(py)),
            None => {
                Err(Raised::new("StrathealError", "this was cancelled, or its result was taken").into_exception(py))
            }
        }
    }

    /// Ends it. What it has done stays done.
    fn cancel(&self) {
        if let Some(task) = self.task.get() {
            task.abort();
        }
    }

    fn __repr__(&self) -> String {
        format!("<Operation {}>", self.number)
    }
}
