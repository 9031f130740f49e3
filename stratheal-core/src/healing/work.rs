//! Carrying out one attempt: steps, verification, probation, and the way back. Each state is in the journal before what it announces.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::guarded::{Trouble, guarded};
use super::ledger::Change;
use super::store::{Durable, SharedStore};
use super::verify::{Finding, Verifier};
use crate::base::class::chain;
use crate::contract::{Remedy, RemedyContext, RemedyError};
use crate::model::CheckId;
use crate::model::attempt::{Attempt, AttemptState, Undo, Verdict};
use crate::model::plan::{Receipt, StepState};
use crate::model::view::CheckView;

/// How long taking back may take.
const UNDO_TIME: Duration = Duration::from_mins(5);
/// How long a look at a step may take.
const PROBE_TIME: Duration = Duration::from_secs(30);

/// Where an attempt begins, or goes on after a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// With this step.
    Step(usize),
    /// All steps are done.
    Verify,
    /// With taking back this step and those before it.
    Undo(usize),
    /// By looking how far it was.
    Recover,
}

/// What a working attempt tells on its way.
#[derive(Debug)]
pub(super) struct Progress {
    pub(super) attempt: u64,
    /// The check passes; from now on it is on probation.
    pub(super) state: AttemptState,
    pub(super) at: Instant,
}

/// What came of an attempt.
#[derive(Debug)]
pub(super) struct Ending {
    pub(super) attempt: Attempt,
    pub(super) verdict: Verdict,
    /// What could not be stopped, and is still at work.
    pub(super) stuck: Option<JoinHandle<()>>,
}

impl Ending {
    /// The healer itself has failed in the middle.
    pub(super) fn broken_off(attempt: Attempt) -> Self {
        let undo = Undo::Failed { why: "it is not known how far it was".to_owned() };
        let verdict =
            Verdict::Interrupted { undo, why: "the healer itself panicked: this is a fault of stratheal".to_owned() };
        Self { attempt, verdict, stuck: None }
    }
}

/// One attempt and what it needs.
pub(super) struct Work {
    pub(super) attempt: Attempt,
    pub(super) remedy: Arc<dyn Remedy>,
    pub(super) view: Arc<CheckView>,
    pub(super) timeout: Duration,
    pub(super) verifier: Verifier,
    pub(super) store: SharedStore,
    pub(super) progress: mpsc::Sender<Progress>,
}

/// Why the steps did not lead to health.
enum Setback {
    Failed(String),
    NotHealed(String),
    Relapsed(String),
    Worse(CheckId, String),
    Interrupted(String),
}

impl Work {
    /// Carries it out to its end, whatever the remedy does.
    pub(super) async fn run(mut self, start: Start) -> Ending {
        let mut stuck = None;
        let verdict = self.verdict(start, &mut stuck).await;
        Ending { attempt: self.attempt, verdict, stuck }
    }

    async fn verdict(&mut self, start: Start, stuck: &mut Option<JoinHandle<()>>) -> Verdict {
        let start = match start {
            Start::Recover => match self.recover(stuck).await {
                Ok(start) => start,
                Err(verdict) => return verdict,
            },
            other => other,
        };
        let setback = match start {
            Start::Step(first) => match self.steps(first, stuck).await {
                Ok(()) => self.verify().await,
                Err(why) => Some(Setback::Failed(why)),
            },
            Start::Verify => self.verify().await,
            Start::Undo(_) | Start::Recover => {
                Some(Setback::Interrupted("this program ended before it was sure what had been done".to_owned()))
            }
        };
        let Some(setback) = setback else { return Verdict::Healed };
        let last = match start {
            Start::Undo(step) => Some(step),
            _ => self.attempt.last_touched(),
        };
        // What is still at work would do again what is taken back.
        let undo = if stuck.is_some() {
            Undo::Failed { why: "the step that hangs is still at work".to_owned() }
        } else {
            self.undo(last, stuck).await
        };
        let worse = if let Setback::Worse(check, _) = &setback { Some(check) } else { None };
        self.verifier.refresh(worse).await;
        match setback {
            Setback::Failed(why) => Verdict::Failed { undo, why },
            Setback::NotHealed(why) => Verdict::NotHealed { undo, why },
            Setback::Relapsed(why) => Verdict::Relapsed { undo, why },
            Setback::Worse(_, why) => Verdict::MadeWorse { undo, why },
            Setback::Interrupted(why) => Verdict::Interrupted { undo, why },
        }
    }

    async fn steps(&mut self, first: usize, stuck: &mut Option<JoinHandle<()>>) -> Result<(), String> {
        let deadline = Instant::now() + self.timeout;
        for index in first..self.attempt.plan.steps.len() {
            self.become_state(AttemptState::Doing { step: index }, Durable::Machine).await;
            let (remedy, step) = (self.remedy.clone(), self.attempt.plan.steps[index].clone());
            let (cx, name) = (self.context(index, deadline), step.name.clone());
            let receipt = match guarded(deadline, async move { remedy.step(&cx, &step).await }).await {
                Ok(Ok(receipt)) => receipt,
                Ok(Err(error)) => return Err(chain(&error)),
                Err(trouble) => return Err(in_words(&format!("step `{name}`"), trouble, stuck)),
            };
            self.keep_receipt(index, receipt).await;
        }
        Ok(())
    }

    /// Whether it helped, and goes on helping.
    async fn verify(&mut self) -> Option<Setback> {
        self.become_state(AttemptState::Verifying, Durable::Process).await;
        match self.verifier.first().await {
            Finding::Works => {}
            Finding::Fails(why) => return Some(Setback::NotHealed(why)),
            Finding::Worse { check, why } => return Some(Setback::Worse(check, why)),
        }
        self.become_state(AttemptState::Probation, Durable::Process).await;
        match self.verifier.probation().await {
            Finding::Works => None,
            Finding::Fails(why) => Some(Setback::Relapsed(why)),
            Finding::Worse { check, why } => Some(Setback::Worse(check, why)),
        }
    }

    /// Takes back what can be taken back, from step `last` to the first, and looks each time whether it is gone.
    async fn undo(&mut self, last: Option<usize>, stuck: &mut Option<JoinHandle<()>>) -> Undo {
        let Some(last) = last else { return Undo::NotNeeded };
        let steps = self.attempt.plan.steps.clone();
        let touched: Vec<usize> = (0..=last.min(steps.len().saturating_sub(1))).rev().collect();
        if !touched.iter().any(|index| steps[*index].undoable) {
            return Undo::Impossible;
        }
        let mut failures = Vec::new();
        for index in touched {
            if !steps[index].undoable {
                continue;
            }
            self.become_state(AttemptState::Undoing { step: index }, Durable::Machine).await;
            if let Err(why) = self.undo_one(index, stuck).await {
                failures.push(format!("`{}`: {why}", steps[index].name));
            }
        }
        if failures.is_empty() { Undo::Undone } else { Undo::Failed { why: failures.join("; ") } }
    }

    async fn undo_one(&self, index: usize, stuck: &mut Option<JoinHandle<()>>) -> Result<(), String> {
        let deadline = Instant::now() + UNDO_TIME;
        let (remedy, step) = (self.remedy.clone(), self.attempt.plan.steps[index].clone());
        let cx = self.context(index, deadline);
        match guarded(deadline, async move { remedy.undo(&cx, &step).await }).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(chain(&error)),
            Err(trouble) => return Err(in_words("taking it back", trouble, stuck)),
        }
        // It does not vouch for itself here either.
        match self.probe(index, stuck).await {
            StepState::NotDone => Ok(()),
            StepState::Done => Err("its effect is still there".to_owned()),
            StepState::Unknown => Err("it cannot be seen whether its effect is gone".to_owned()),
        }
    }

    /// Looks whether a step is done; what cannot be told is unknown.
    async fn probe(&self, index: usize, stuck: &mut Option<JoinHandle<()>>) -> StepState {
        let deadline = Instant::now() + PROBE_TIME;
        let (remedy, step) = (self.remedy.clone(), self.attempt.plan.steps[index].clone());
        let cx = self.context(index, deadline);
        match guarded(deadline, async move { remedy.probe(&cx, &step).await }).await {
            Ok(Ok(state)) => state,
            Ok(Err(error)) => {
                let error: &RemedyError = &error;
                tracing::warn!(remedy = %self.attempt.remedy, error = %chain(error), "cannot look at a step");
                StepState::Unknown
            }
            Err(trouble) => {
                tracing::warn!(why = in_words("looking at a step", trouble, stuck), "cannot look at a step");
                StepState::Unknown
            }
        }
    }

    /// After a restart: how far was it, and where does it go on?
    async fn recover(&mut self, stuck: &mut Option<JoinHandle<()>>) -> Result<Start, Verdict> {
        let ended = |why: &str| Verdict::Interrupted { undo: Undo::NotNeeded, why: why.to_owned() };
        match self.attempt.state.clone() {
            AttemptState::Verifying | AttemptState::Probation => Ok(Start::Verify),
            AttemptState::Undoing { step } => {
                self.settle(step, stuck).await?;
                Ok(Start::Undo(step))
            }
            AttemptState::Ended { verdict } => Err(verdict),
            AttemptState::Doing { step } => {
                self.settle(step, stuck).await?;
                match self.probe(step, stuck).await {
                    // It was the last thing this program did: go on behind it.
                    StepState::Done if step + 1 < self.attempt.plan.steps.len() => Ok(Start::Step(step + 1)),
                    StepState::Done => Ok(Start::Verify),
                    // Nothing has happened yet, and the ladder will plan anew.
                    StepState::NotDone if step == 0 => Err(ended("this program ended before the first step was done")),
                    StepState::NotDone => Ok(Start::Step(step)),
                    StepState::Unknown => Ok(Start::Undo(step)),
                }
            }
        }
    }

    /// Nothing of the earlier run may still be at work on a step when it is looked at.
    async fn settle(&self, index: usize, stuck: &mut Option<JoinHandle<()>>) -> Result<(), Verdict> {
        let deadline = Instant::now() + PROBE_TIME;
        let (remedy, step) = (self.remedy.clone(), self.attempt.plan.steps[index].clone());
        let cx = self.context(index, deadline);
        let why = match guarded(deadline, async move { remedy.settle(&cx, &step).await }).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => chain(&error),
            Err(trouble) => in_words("ending what was at work", trouble, stuck),
        };
        Err(Verdict::Interrupted { undo: Undo::Failed { why }, why: "this program ended in the middle".to_owned() })
    }

    fn context(&self, index: usize, deadline: Instant) -> RemedyContext {
        let answered = self.attempt.plan.steps.iter().zip(&self.attempt.receipts);
        let answered = answered.filter_map(|(step, receipt)| Some((step.name.clone(), receipt.clone()?)));
        RemedyContext::new(self.view.clone(), deadline)
            .with_plan(Arc::new(self.attempt.plan.clone()))
            .with_receipts(answered.collect())
            .with_attempt(format!("{}-{index}", self.attempt.name()))
    }

    /// Writes a state down and tells it.
    async fn become_state(&mut self, state: AttemptState, durable: Durable) {
        if self.attempt.state != state {
            if !self.attempt.may_become(&state) {
                tracing::error!(from = ?self.attempt.state, to = ?state, "an attempt takes a way that it should not take");
            }
            self.attempt.state = state.clone();
            let change = Change::Progress { attempt: self.attempt.number, state: state.clone() };
            self.store.change(vec![change], durable).await;
        }
        let progress = Progress { attempt: self.attempt.number, state, at: Instant::now() };
        if self.progress.send(progress).await.is_err() {
            tracing::debug!("nobody follows this attempt any more");
        }
    }

    async fn keep_receipt(&mut self, step: usize, mut receipt: Receipt) {
        let too_long = |data: &serde_json::Value| data.to_string().len() > Receipt::MAX_DATA;
        if receipt.data.as_ref().is_some_and(too_long) {
            tracing::warn!(remedy = %self.attempt.remedy, "a receipt is too long; its data is not kept");
            receipt.data = None;
        }
        receipt.summary = crate::model::report::cut(&receipt.summary, 512);
        self.attempt.receipts[step] = Some(receipt.clone());
        let change = Change::Receipt { attempt: self.attempt.number, step, receipt };
        self.store.change(vec![change], Durable::Process).await;
    }
}

fn in_words(what: &str, trouble: Trouble, stuck: &mut Option<JoinHandle<()>>) -> String {
    match trouble {
        Trouble::Panicked(text) => format!("{what} panicked: {text}"),
        Trouble::Hung(task) => {
            let still = if task.is_some() { ", and cannot be stopped" } else { "" };
            *stuck = task.or(stuck.take());
            format!("{what} did not end in its time{still}")
        }
    }
}
