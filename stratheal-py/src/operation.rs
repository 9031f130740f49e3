//! Something that takes time: prepared from Python, and done once a thread or an event loop waits for it.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use pyo3::prelude::*;
use tokio::sync::Notify;

use crate::errors::Raised;
use crate::mailbox::{Mailbox, Message, Sender};
use crate::process::{self, Own};
use crate::progress::{Telling, Told};

/// How often it is looked whether somebody has pressed Ctrl-C, and what there is to tell.
const LOOK: Duration = Duration::from_millis(50);
/// How long what was ended may take to clear up after itself: deleting a large stage takes about a second.
const SETTLE: Duration = Duration::from_secs(10);

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

/// Something that takes time.
#[pyclass(frozen, module = "stratheal._stratheal")]
pub(crate) struct Operation {
    number: u64,
    begun: Own<Begun>,
}

/// What belongs to the process that has begun it.
struct Begun {
    shared: Arc<Shared>,
    stop: Arc<Notify>,
    telling: Arc<Telling>,
    /// What is to be done: by the thread that waits for it, because each thread more that takes part makes it later, or by the runtime where an
    /// event loop waits.
    work: Mutex<Option<BoxFuture<'static, ()>>>,
}

impl Begun {
    fn work(&self) -> MutexGuard<'_, Option<BoxFuture<'static, ()>>> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operation").field("number", &self.number).finish_non_exhaustive()
    }
}

/// Something that is done once somebody waits for it. `make` turns what comes of it into an object.
pub(crate) fn begin<T: Send + 'static>(
    work: impl Future<Output = Result<T, Raised>> + Send + 'static,
    make: impl FnOnce(Python<'_>, T) -> PyResult<Py<PyAny>> + Send + 'static,
) -> Operation {
    begin_telling(Arc::default(), work, std::future::ready(()), make)
}

/// As [`begin`], for something that tells what it does, and that has to settle when it is ended in the middle.
pub(crate) fn begin_telling<T: Send + 'static>(
    telling: Arc<Telling>,
    work: impl Future<Output = Result<T, Raised>> + Send + 'static,
    settled: impl Future<Output = ()> + Send + 'static,
    make: impl FnOnce(Python<'_>, T) -> PyResult<Py<PyAny>> + Send + 'static,
) -> Operation {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let (shared, stop) = (Arc::new(Shared::default()), Arc::new(Notify::new()));
    let (told, stopped) = (shared.clone(), stop.clone());
    let work = Box::pin(async move {
        // Also when it panics, or is ended: somebody waits.
        let end = End { number, told };
        let outcome = tokio::select! {
            outcome = work => outcome.map(|found| -> Make { Box::new(move |py| make(py, found)) }),
            () = stopped.notified() => {
                // What it left behind is not worth more than this.
                let _ = tokio::time::timeout(SETTLE, settled).await;
                return;
            }
        };
        end.told.lock().outcome = Some(outcome);
    });
    Operation { number, begun: Own::new(Begun { shared, stop, telling, work: Mutex::new(Some(work)) }) }
}

/// The result of an operation that has none.
#[expect(clippy::unnecessary_wraps, reason = "it stands where others may fail")]
pub(crate) fn none(py: Python<'_>, (): ()) -> PyResult<Py<PyAny>> {
    Ok(py.None())
}

impl Operation {
    fn begun(&self, py: Python<'_>) -> PyResult<&Begun> {
        let forked = || Raised::new("ForkedError", "this was begun before the process was forked");
        self.begun.get().ok_or_else(|| forked().into_exception(py))
    }

    /// Does it, or waits for it, for a moment; whether it is over.
    fn look(&self, py: Python<'_>) -> PyResult<bool> {
        let begun = self.begun(py)?;
        let runtime = process::runtime()?;
        Ok(py.detach(|| {
            let work = begun.work().take();
            if let Some(mut work) = work {
                let is_over = runtime.block_on(async { tokio::time::timeout(LOOK, &mut work).await.is_ok() });
                if !is_over {
                    *begun.work() = Some(work);
                }
                return is_over;
            }
            let state = begun.shared.lock();
            let waited = begun.shared.changed.wait_timeout_while(state, LOOK, |state| !state.is_over);
            waited.unwrap_or_else(PoisonError::into_inner).0.is_over
        }))
    }

    /// Tells what has happened, and looks whether somebody has pressed Ctrl-C.
    fn attend(&self, py: Python<'_>, tell: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        if let Some(tell) = tell {
            for told in self.told() {
                tell.call1((told,))?;
            }
        }
        py.check_signals()
    }
}

#[pymethods]
impl Operation {
    /// Its number.
    #[getter]
    const fn number(&self) -> u64 {
        self.number
    }

    /// Waits until it is over, and answers what came of it. Ctrl-C ends it, and waits until it has cleared up; a second one does not.
    /// What happens meanwhile is told on this thread; what that raises ends it as well.
    #[pyo3(signature = (tell = None))]
    fn wait(&self, py: Python<'_>, tell: Option<&Bound<'_, PyAny>>) -> PyResult<Py<PyAny>> {
        loop {
            let is_over = self.look(py)?;
            if let Err(interrupted) = self.attend(py, tell) {
                self.cancel();
                while !self.look(py)? {
                    py.check_signals()?;
                }
                return Err(interrupted);
            }
            if is_over {
                return self.result(py);
            }
        }
    }

    /// Takes what has happened since this was asked last.
    fn told(&self) -> Vec<Told> {
        self.begun.get().map(|begun| begun.telling.take()).unwrap_or_default()
    }

    /// Says which loop is to be told when it is over. Answers whether it is already.
    fn tell(&self, py: Python<'_>, sender: &Sender) -> PyResult<bool> {
        let begun = self.begun(py)?;
        let is_over = {
            let mut state = begun.shared.lock();
            if !state.is_over {
                state.mailbox = Some(sender.mailbox());
            }
            state.is_over
        };
        let work = begun.work().take();
        if let Some(work) = work {
            process::runtime()?.spawn(work);
        }
        Ok(is_over)
    }

    /// What came of it; once.
    fn result(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let outcome = self.begun(py)?.shared.lock().outcome.take();
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
        if let Some(begun) = self.begun.get() {
            begun.stop.notify_one();
        }
    }

    fn __repr__(&self) -> String {
        format!("<Operation {}>", self.number)
    }
}
