//! One call of a function of Python, on its way and back.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pyo3::prelude::*;
use rustix::time::{ClockId, clock_gettime};
use serde_json::Value;
use stratheal_core::model::Report as Found;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::convert::{from_json, text, to_json};
use crate::report;
use crate::turn::Spent;

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nobody has taken it.
    Waiting,
    /// The function is running.
    Taken,
    /// It has returned, or raised.
    Over,
}

/// What an object is asked, where it is no check.
#[derive(Debug)]
pub(crate) struct Question {
    /// Which of its methods is called.
    pub(crate) method: &'static str,
    /// With what.
    pub(crate) arguments: Value,
}

/// What came of it.
#[derive(Debug)]
pub(crate) enum Answer {
    /// The check found this.
    Found(Found),
    /// The answer to a question.
    Told(Value),
    /// It raised something: its type, what it says, and where.
    Raised { kind: String, message: String, traceback: String },
}

#[derive(Debug)]
struct Inner {
    stage: Stage,
    /// Nobody waits for it any more.
    abandoned: bool,
    reply: Option<oneshot::Sender<Answer>>,
    /// When it began, and what its thread had used of a processor by then.
    began: Option<(Instant, Duration)>,
    spent: Spent,
}

/// A call, shared by those who wait for it and those who make it.
#[derive(Debug)]
pub(crate) struct RunState {
    /// No other call of this process has it.
    pub(crate) number: u64,
    /// Which function.
    key: u64,
    question: Option<Question>,
    pub(crate) since: Instant,
    inner: Mutex<Inner>,
}

impl RunState {
    /// A new call, and what will come of it.
    pub(crate) fn new(key: u64, question: Option<Question>) -> (Arc<Self>, oneshot::Receiver<Answer>) {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let (reply, answer) = oneshot::channel();
        let inner =
            Inner { stage: Stage::Waiting, abandoned: false, reply: Some(reply), began: None, spent: Spent::default() };
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        (Arc::new(Self { number, key, question, since: Instant::now(), inner: Mutex::new(inner) }), answer)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        // Nothing is left half changed by what is done under it.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that nobody waits any more. Whether it is still running.
    pub(crate) fn abandon(&self) -> bool {
        let mut inner = self.lock();
        inner.abandoned = true;
        inner.stage == Stage::Taken
    }

    /// Whether nobody waits for it any more.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.lock().abandoned
    }

    /// Whether nobody has taken it yet.
    pub(crate) fn is_waiting(&self) -> bool {
        self.lock().stage == Stage::Waiting
    }

    /// Whether its function is running.
    pub(crate) fn is_running(&self) -> bool {
        self.lock().stage == Stage::Taken
    }

    /// What it has taken, once it has answered. For a call on a thread: on a loop, others use the processor meanwhile.
    pub(crate) fn spent(&self) -> Spent {
        self.lock().spent
    }

    fn answer(&self, answer: Answer) {
        let mut inner = self.lock();
        inner.stage = Stage::Over;
        if let Some((began, used)) = inner.began.take() {
            inner.spent = Spent { used: thread_time().saturating_sub(used), took: began.elapsed() };
        }
        if let Some(reply) = inner.reply.take() {
            // Whoever waited may have gone.
            drop(reply.send(answer));
        }
    }
}

/// What this thread has used of a processor.
fn thread_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}

/// A call that Python is to make. It has to be answered by one of `done`, `failed` and `dropped`.
#[pyclass(frozen, module = "stratheal._stratheal")]
#[derive(Debug)]
pub(crate) struct Run {
    state: Arc<RunState>,
}

impl Run {
    pub(crate) const fn of(state: Arc<RunState>) -> Self {
        Self { state }
    }
}

#[pymethods]
impl Run {
    /// Its number.
    #[getter]
    fn number(&self) -> u64 {
        self.state.number
    }

    /// Which function is to be called.
    #[getter]
    fn key(&self) -> u64 {
        self.state.key
    }

    /// What is asked where it is no check: a method, and its arguments.
    #[getter]
    fn question<'py>(&self, py: Python<'py>) -> PyResult<Option<(&'static str, Bound<'py, PyAny>)>> {
        let question = self.state.question.as_ref();
        question.map(|question| Ok((question.method, from_json(py, &question.arguments)?))).transpose()
    }

    /// Whether nobody waits for it any more.
    #[getter]
    fn abandoned(&self) -> bool {
        self.state.lock().abandoned
    }

    /// Says that the function is called now. False when nobody waits for it any more, and it must not be.
    fn begin(&self) -> bool {
        let mut inner = self.state.lock();
        if inner.abandoned {
            return false;
        }
        inner.stage = Stage::Taken;
        inner.began = Some((Instant::now(), thread_time()));
        true
    }

    /// The function has returned this.
    fn done(&self, value: &Bound<'_, PyAny>) {
        if self.state.question.is_some() {
            let told = to_json(value).map_or_else(
                |error| Answer::Raised {
                    kind: "TypeError".to_owned(),
                    message: format!("the answer {}", error.value(value.py())),
                    traceback: String::new(),
                },
                Answer::Told,
            );
            return self.state.answer(told);
        }
        self.state.answer(match report::of_value(value) {
            Ok(found) => Answer::Found(found),
            Err(message) => Answer::Raised { kind: "TypeError".to_owned(), message, traceback: String::new() },
        });
    }

    /// The function has raised something.
    fn failed(&self, kind: &Bound<'_, PyAny>, message: &Bound<'_, PyAny>, traceback: &Bound<'_, PyAny>) {
        let (kind, message, traceback) = (text(kind), text(message), text(traceback));
        self.state.answer(Answer::Raised { kind, message, traceback });
    }

    fn __repr__(&self) -> String {
        format!("<Run {} of function {}>", self.state.number, self.state.key)
    }
}

impl Drop for Run {
    /// One that Python has lost, as by the end of its loop, is over: nobody has to wait for it.
    fn drop(&mut self) {
        let mut inner = self.state.lock();
        inner.stage = Stage::Over;
        inner.reply = None;
    }
}
