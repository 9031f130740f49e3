//! From a check to a call in Python: which thread or loop, and what when none of them answers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use stratheal_core::base::blocking::BlockingError;
use stratheal_core::contract::{CheckContext, CheckError};
use stratheal_core::model::Report;
use tokio::sync::Semaphore;
use tokio::sync::oneshot::{self, error::RecvError};
use tokio::time::{Instant, timeout_at};

use crate::mailbox::{Mailbox, Message};
use crate::run::{Answer, Question, RunState};
use crate::turn::Turns;

/// The most threads that are written off. Beyond that nothing more is begun on a thread.
pub(crate) const MAX_STUCK: usize = 32;
/// The function that does nothing: whoever is to call it only says that they would.
const NOTHING: u64 = 0;
/// How long before its deadline something is given up, so that there is time to say so.
const ANSWER: Duration = Duration::from_secs(3);
/// How long before the end of its time a coroutine is doubted, and its loop asked whether it answers at all.
const NOTICE: Duration = Duration::from_secs(1);
/// The most bytes of a traceback that are kept; its end says most.
const MAX_TRACEBACK: usize = 8 * 1024;

/// Where a function runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// On one of the threads.
    Thread,
    /// On the event loop.
    Loop,
}

/// Calls that were given up and still run on their threads, by number: of which check, and the call.
pub(crate) type Stuck = BTreeMap<u64, (Arc<str>, Arc<RunState>)>;

/// Gives calls to threads and to the event loop.
#[derive(Debug)]
pub(crate) struct Dispatcher {
    threads: Arc<Mailbox>,
    event_loop: Mutex<Option<Arc<Mailbox>>>,
    permits: Arc<Semaphore>,
    size: usize,
    stuck: Mutex<Stuck>,
    /// Where functions that work cannot do so at the same time.
    turns: Option<Turns>,
}

impl Dispatcher {
    /// So many functions at a time run on threads; those that work one after the other, where the interpreter has a lock.
    pub(crate) fn new(threads: Arc<Mailbox>, size: usize, is_locked: bool) -> Self {
        let permits = Arc::new(Semaphore::new(size));
        let turns = is_locked.then(Turns::new);
        Self { threads, event_loop: Mutex::default(), permits, size, stuck: Mutex::default(), turns }
    }

    /// Says which event loop is meant from now on.
    pub(crate) fn bind(&self, event_loop: Arc<Mailbox>) {
        *self.event_loop.lock().unwrap_or_else(PoisonError::into_inner) = Some(event_loop);
    }

    /// Has the threads see the end.
    pub(crate) fn close(&self) {
        self.threads.close();
    }

    /// Calls a function, and waits for what it finds until a little before the deadline of the check.
    ///
    /// # Cancellation
    /// A coroutine is cancelled. A thread is written off, and replaced.
    ///
    /// # Errors
    /// When it raised, when nobody was there to call it, or when it still runs since the last time.
    pub(crate) async fn call(
        &self,
        place: Place,
        check: &Arc<str>,
        key: u64,
        before: &Mutex<Option<Arc<RunState>>>,
        cx: &CheckContext,
    ) -> Result<Report, CheckError> {
        let last = before.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(last) = last.as_ref().filter(|last| last.is_running()) {
            return Err(BlockingError::Stuck { key: check.clone(), since: last.since.elapsed() }.into());
        }
        let _turn = match (&self.turns, last) {
            (Some(turns), Some(last)) if place == Place::Thread => turns.take(last.spent(), cx.remaining()).await,
            _ => None,
        };
        // So that the reason arrives rather than a bare time-out.
        let deadline = cx.deadline - (cx.remaining() / 20).min(Duration::from_millis(100));
        let _permit = match place {
            Place::Thread => Some(self.permit(check, deadline).await?),
            Place::Loop => None,
        };
        let mailbox = self.mailbox(place)?;
        let (run, mut answer) = RunState::new(key, None);
        *before.lock().unwrap_or_else(PoisonError::into_inner) = Some(run.clone());
        mailbox.put(Message::Run(run.clone())).map_err(CheckError::other)?;
        let mut watch = Watch { dispatcher: self, mailbox: &mailbox, place, check, run: &run, is_over: false };
        let notice = match place {
            Place::Thread => Duration::ZERO,
            Place::Loop => (cx.timeout / 4).min(NOTICE),
        };
        let answer = match timeout_at(deadline - notice, &mut answer).await {
            Ok(answer) => answer,
            Err(_) if place == Place::Loop => self.answer_of_loop(answer, deadline).await?,
            Err(_) if run.is_waiting() => return Err(nobody(cx.timeout)),
            Err(_) => answer.await,
        };
        watch.is_over = true;
        match answer {
            Ok(Answer::Found(report)) => Ok(report),
            Ok(Answer::Raised { kind, message, traceback }) => Err(raised(&kind, &message, traceback)),
            Ok(Answer::Told(_)) | Err(_) => {
                Err(CheckError::other("it ended without an answer: its loop was closed, or its thread has gone"))
            }
        }
    }

    /// Waits for a coroutine whose time is nearly over, and sees to it that one that cannot go on because its loop is blocked is not
    /// taken for a target that is silent.
    async fn answer_of_loop(
        &self,
        mut answer: oneshot::Receiver<Answer>,
        deadline: Instant,
    ) -> Result<Result<Answer, RecvError>, CheckError> {
        tokio::select! {
            biased;
            answer = &mut answer => return Ok(answer),
            lag = self.lag(deadline) => if lag?.is_none() {
                return Err(CheckError::other("the event loop answers nobody: it is closed, or something blocks it"));
            }
        }
        Ok(answer.await)
    }

    /// Asks an object something on a thread, and waits for its answer until a little before the deadline.
    ///
    /// # Cancellation
    /// The thread is written off, and replaced.
    ///
    /// # Errors
    /// What it raised, or why it was not asked, in words.
    pub(crate) async fn ask(
        &self,
        name: &Arc<str>,
        key: u64,
        question: Question,
        deadline: Instant,
    ) -> Result<Value, String> {
        if self.stuck().len() >= MAX_STUCK {
            return Err(format!("{MAX_STUCK} threads are stuck"));
        }
        let deadline = deadline - ANSWER.min(deadline.saturating_duration_since(Instant::now()) / 20);
        let (run, mut answer) = RunState::new(key, Some(question));
        self.threads.put(Message::Run(run.clone()))?;
        let mut watch = Watch {
            dispatcher: self,
            mailbox: &self.threads,
            place: Place::Thread,
            check: name,
            run: &run,
            is_over: false,
        };
        let Ok(answered) = timeout_at(deadline, &mut answer).await else {
            let nobody = "no thread took it in its time: is the interpreter busy?";
            return Err(if run.is_waiting() { nobody } else { "it does not return in its time" }.to_owned());
        };
        watch.is_over = true;
        match answered {
            Ok(Answer::Told(value)) => Ok(value),
            Ok(Answer::Raised { kind, message, .. }) => Err(format!("{kind}: {message}")),
            Ok(Answer::Found(_)) | Err(_) => Err("it ended without an answer".to_owned()),
        }
    }

    /// How long the event loop takes to answer; `None` when it does not until then.
    ///
    /// # Errors
    /// When there is no loop.
    pub(crate) async fn lag(&self, deadline: Instant) -> Result<Option<Duration>, CheckError> {
        let mailbox = self.mailbox(Place::Loop)?;
        // The loop takes it, and lets go of it.
        let (run, answer) = RunState::new(NOTHING, None);
        mailbox.put(Message::Run(run.clone())).map_err(CheckError::other)?;
        let asked = run.since;
        let answered = timeout_at(deadline, answer).await;
        run.abandon();
        Ok(answered.ok().map(|_| asked.elapsed()))
    }

    async fn permit(
        &self,
        check: &Arc<str>,
        deadline: Instant,
    ) -> Result<tokio::sync::OwnedSemaphorePermit, CheckError> {
        let culprits: Vec<Arc<str>> = self.stuck().values().map(|(name, _)| name.clone()).collect();
        if culprits.len() >= MAX_STUCK {
            return Err(BlockingError::Exhausted { key: check.clone(), culprits }.into());
        }
        match timeout_at(deadline, self.permits.clone().acquire_owned()).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) => Err(CheckError::other("the monitor has stopped")),
            Err(_) => Err(CheckError::other(format!("all {} threads for checks are busy", self.size))),
        }
    }

    /// What still runs on a thread that was written off.
    pub(crate) fn stuck(&self) -> Stuck {
        let mut stuck = self.stuck.lock().unwrap_or_else(PoisonError::into_inner);
        stuck.retain(|_, (_, run)| run.is_running());
        stuck.clone()
    }

    fn mailbox(&self, place: Place) -> Result<Arc<Mailbox>, CheckError> {
        match place {
            Place::Thread => Ok(self.threads.clone()),
            Place::Loop => {
                let bound = self.event_loop.lock().unwrap_or_else(PoisonError::into_inner).clone();
                bound.ok_or_else(|| CheckError::Setup {
                    what: "the event loop".to_owned(),
                    problem: "there is none: start the monitor on the one that runs".to_owned(),
                })
            }
        }
    }
}

/// Sees to it that a call that nobody waits for any more ends, or is written off.
struct Watch<'a> {
    dispatcher: &'a Dispatcher,
    mailbox: &'a Arc<Mailbox>,
    place: Place,
    check: &'a Arc<str>,
    run: &'a Arc<RunState>,
    is_over: bool,
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if self.is_over || !self.run.abandon() {
            return;
        }
        match self.place {
            Place::Thread => {
                tracing::warn!(check = %self.check, "its function hangs: the thread is written off until it returns");
                let mut stuck = self.dispatcher.stuck.lock().unwrap_or_else(PoisonError::into_inner);
                stuck.insert(self.run.number, (self.check.clone(), self.run.clone()));
            }
            // When the mailbox is full, the loop has been blocked for so long that it is known from elsewhere.
            Place::Loop => drop(self.mailbox.put(Message::Cancel(self.run.number))),
        }
    }
}

fn nobody(timeout: Duration) -> CheckError {
    CheckError::other(format!("no thread took it within {} s: is the interpreter busy?", timeout.as_secs_f64()))
}

fn raised(kind: &str, message: &str, mut traceback: String) -> CheckError {
    let summary = if message.is_empty() { kind.to_owned() } else { format!("{kind}: {message}") };
    let mut report = Report::unknown(summary).code("raised").datum("exception", kind);
    if !traceback.is_empty() {
        let from = traceback.ceil_char_boundary(traceback.len().saturating_sub(MAX_TRACEBACK));
        report = report.datum("traceback", traceback.split_off(from));
    }
    CheckError::Reported(Box::new(report))
}
