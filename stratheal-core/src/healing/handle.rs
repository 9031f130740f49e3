//! The handle of a healer that runs.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

use super::admission::Gate;
use super::ledger::{EndedAttempt, HealingPause, PendingApproval};
use super::store::SharedStore;
use crate::base::ask::ask;
use crate::model::attempt::{Actor, Attempt};
use crate::model::incident::Incident;
use crate::model::plan::{Plan, Risk};
use crate::model::{CheckId, RemedyId};

/// Why something was not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HealError {
    /// The healer has stopped.
    #[error("healing has stopped")]
    Stopped,
    /// There is no such thing.
    #[error("there is no {kind} `{name}`{}", suggestion.as_ref().map(|near| format!(": did you mean `{near}`?")).unwrap_or_default())]
    Unknown {
        /// What kind of thing.
        kind: &'static str,
        /// What was asked for.
        name: String,
        /// Something with a similar name.
        suggestion: Option<String>,
    },
    /// It cannot be done now.
    #[error("{0}")]
    Refused(String),
}

/// What a rung of a ladder would do now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RungView {
    /// The remedy.
    pub remedy: RemedyId,
    /// How much it may break.
    pub risk: Risk,
    /// Its plan, or why there is none.
    pub plan: Result<Plan, String>,
    /// The plan's hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan_hash: Option<String>,
    /// What each gate says about beginning it now.
    pub gates: Vec<Gate>,
    /// Whether it is the next one.
    pub is_next: bool,
}

/// All that healing knows about one check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Prospect {
    /// The check.
    pub check: CheckId,
    /// Its incident that is not over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<Incident>,
    /// The attempt that is being made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<Attempt>,
    /// The ladder.
    pub rungs: Vec<RungView>,
}

/// A remedy, for lists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemedyView {
    /// Its name.
    pub id: RemedyId,
    /// How much it may break.
    pub risk: Risk,
    /// The checks whose ladders name it.
    pub used_by: Vec<CheckId>,
}

/// How healing is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HealingView {
    /// Incidents that are not over.
    pub incidents: Vec<Incident>,
    /// Attempts under way.
    pub attempts: Vec<Attempt>,
    /// The newest attempts that are over, the newest last.
    #[serde(default)]
    pub ended: Vec<EndedAttempt>,
    /// Plans that wait for a person.
    pub approvals: Vec<PendingApproval>,
    /// Whether it is paused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause: Option<HealingPause>,
    /// Why nothing can be written down, if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

type Reply<T> = oneshot::Sender<Result<T, HealError>>;

/// What the healer can be asked for.
#[derive(Debug)]
pub(super) enum Command {
    Heal(Option<CheckId>, Actor, Reply<usize>),
    Prospect(CheckId, Reply<Prospect>),
    Approve(String, String, Reply<PendingApproval>),
    RunRemedy(RemedyId, CheckId, Actor, Reply<u64>),
    Acknowledge(u64, String, String, Reply<Incident>),
    Pause(HealingPause, Reply<()>),
    Resume(String, Reply<()>),
    Changed(String, Reply<()>),
    Remedies(Reply<Vec<RemedyView>>),
    Replace(Box<super::builder::Setup>, Reply<()>),
    Look(Reply<()>),
    Begin(Reply<()>),
    Ping(Reply<()>),
    Stop(Reply<()>),
}

/// A healer that runs. Cheap to clone.
#[derive(Debug, Clone)]
pub struct HealerHandle {
    pub(super) commands: mpsc::Sender<Command>,
    pub(super) store: SharedStore,
}

impl HealerHandle {
    /// What is broken and what is being done. Never waits for the healer.
    #[must_use]
    pub fn view(&self) -> HealingView {
        self.store.look(|store| {
            let ledger = store.ledger();
            HealingView {
                incidents: ledger.incidents.values().filter(|incident| !incident.state.is_over()).cloned().collect(),
                attempts: ledger.attempts.values().cloned().collect(),
                ended: ledger.ended.iter().cloned().collect(),
                approvals: ledger.approvals.values().cloned().collect(),
                pause: ledger.pause.clone(),
                trouble: store.trouble().map(str::to_owned),
            }
        })
    }

    /// Begins the ladders of open incidents anew, at once: of one check, or of all. Answers of how many.
    ///
    /// # Errors
    /// [`HealError::Unknown`] when nothing is wrong with that check.
    pub async fn heal(&self, check: Option<CheckId>, by: Actor) -> Result<usize, HealError> {
        self.ask(|reply| Command::Heal(check, by, reply)).await
    }

    /// What would be done about a check, and what stands in the way. Makes the plans of all rungs, and changes nothing.
    ///
    /// # Errors
    /// [`HealError::Unknown`] when there is no such check.
    pub async fn prospect(&self, check: CheckId) -> Result<Prospect, HealError> {
        self.ask(|reply| Command::Prospect(check, reply)).await
    }

    /// Approves a plan by its token. It is carried out as soon as nothing else stands in the way, if it is still the same.
    ///
    /// # Errors
    /// [`HealError::Unknown`] when no plan waits under this token.
    pub async fn approve(&self, token: &str, by: &str) -> Result<PendingApproval, HealError> {
        self.ask(|reply| Command::Approve(token.to_owned(), by.to_owned(), reply)).await
    }

    /// Runs a remedy for a check because a person says so. Answers the number of the attempt once it has begun.
    ///
    /// # Errors
    /// [`HealError::Unknown`], or [`HealError::Refused`] when there is nothing to do or something else works on it.
    pub async fn run_remedy(&self, remedy: RemedyId, check: CheckId, by: Actor) -> Result<u64, HealError> {
        self.ask(|reply| Command::RunRemedy(remedy, check, by, reply)).await
    }

    /// Notes that a person takes care of an incident.
    ///
    /// # Errors
    /// [`HealError::Unknown`] when there is no such incident that is not over.
    pub async fn acknowledge(&self, incident: u64, by: &str, note: &str) -> Result<Incident, HealError> {
        self.ask(|reply| Command::Acknowledge(incident, by.to_owned(), note.to_owned(), reply)).await
    }

    /// Lets nothing be begun for a while. Checks go on, and what is under way comes to its end.
    ///
    /// # Errors
    /// [`HealError::Stopped`].
    pub async fn pause(&self, pause: HealingPause) -> Result<(), HealError> {
        self.ask(|reply| Command::Pause(pause, reply)).await
    }

    /// Ends a pause.
    ///
    /// # Errors
    /// [`HealError::Refused`] when healing is not paused.
    pub async fn resume(&self, by: &str) -> Result<(), HealError> {
        self.ask(|reply| Command::Resume(by.to_owned(), reply)).await
    }

    /// Tells that something changed which may make the next attempt succeed, such as an environment: pauses are cut short.
    ///
    /// # Errors
    /// [`HealError::Stopped`].
    pub async fn changed(&self, what: &str) -> Result<(), HealError> {
        self.ask(|reply| Command::Changed(what.to_owned(), reply)).await
    }

    /// The remedies there are.
    ///
    /// # Errors
    /// [`HealError::Stopped`].
    pub async fn remedies(&self) -> Result<Vec<RemedyView>, HealError> {
        self.ask(Command::Remedies).await
    }

    /// Replaces remedies and policies. What is under way ends with the old ones.
    ///
    /// # Errors
    /// [`HealError::Stopped`].
    pub async fn replace(&self, setup: super::builder::Setup) -> Result<(), HealError> {
        self.ask(|reply| Command::Replace(Box::new(setup), reply)).await
    }

    /// Has it look at everything as it is now, without waiting for news, and begin what is to be begun.
    ///
    /// # Errors
    /// [`HealError::Stopped`].
    pub async fn look(&self) -> Result<(), HealError> {
        self.ask(Command::Look).await
    }

    /// Begins what is to be begun, where it was told to wait for this.
    ///
    /// # Errors
    /// [`HealError::Stopped`].
    pub async fn begin(&self) -> Result<(), HealError> {
        self.ask(Command::Begin).await
    }

    /// Whether it answers within this time: what a watchdog wants to know.
    pub async fn responds(&self, within: Duration) -> bool {
        matches!(tokio::time::timeout(within, self.ask(Command::Ping)).await, Ok(Ok(())))
    }

    /// Begins nothing more, and ends. What is under way is in the journal, and goes on after the next start.
    ///
    /// # Cancellation
    /// It ends all the same.
    pub async fn stop(&self) {
        if let Err(error) = self.ask(Command::Stop).await {
            tracing::debug!(%error, "healing had stopped already");
        }
    }

    async fn ask<T>(&self, command: impl FnOnce(Reply<T>) -> Command) -> Result<T, HealError> {
        ask(&self.commands, command).await.ok_or(HealError::Stopped)?
    }
}
