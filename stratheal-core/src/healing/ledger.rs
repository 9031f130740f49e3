//! Everything that healing must not forget, and every way in which it changes. Pure; the [`Store`](super::store::Store) writes it down.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::limits::TargetLimits;
use crate::base::stamp::Stamp;
use crate::model::attempt::{Attempt, AttemptState, Verdict};
use crate::model::incident::Incident;
use crate::model::plan::{Plan, Receipt};
use crate::model::{CheckId, RemedyId};

/// The format that is written. An older program refuses a newer one.
const FORMAT: u32 = 1;
/// The most attempts that are remembered for the global intensity.
const MOST_RECENT: usize = 4096;
/// The most attempts whose end is remembered, for whoever asks what came of them.
const MOST_ENDED: usize = 64;
/// Lines of the timeline in the journal; the incident's own file has all.
const TIMELINE_IN_JOURNAL: usize = 6;

/// Healing is switched off for a while; checks go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealingPause {
    /// Who wanted it.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Since when.
    pub since: Stamp,
    /// For how long.
    #[serde(with = "crate::model::seconds")]
    pub lasting: std::time::Duration,
}

impl HealingPause {
    /// Whether it is over.
    #[must_use]
    pub fn has_expired(&self, now: &Stamp) -> bool {
        self.since.age(now) >= self.lasting
    }
}

/// A plan that waits for a person, or that one has approved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PendingApproval {
    /// What the person types; it holds the beginning of the plan's hash.
    pub token: String,
    /// The incident.
    pub incident: u64,
    /// The failing check.
    pub check: CheckId,
    /// What would be done.
    pub remedy: RemedyId,
    /// By this plan and no other.
    pub plan: Plan,
    /// Its hash.
    pub plan_hash: String,
    /// When it was asked for.
    pub asked: Stamp,
    /// Who has approved it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_by: Option<String>,
}

/// What came of an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndedAttempt {
    /// Its number.
    pub number: u64,
    /// The check that had to pass.
    pub check: CheckId,
    /// What was done.
    pub remedy: RemedyId,
    /// How it ended.
    pub verdict: Verdict,
}

/// What healing knows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Ledger {
    pub(super) format: u32,
    /// The number the next incident gets.
    pub next_incident: u64,
    /// The number the next attempt gets.
    pub next_attempt: u64,
    /// The number the next message gets.
    pub next_message: u64,
    /// Incidents that are not over, and those that may still relapse.
    pub incidents: BTreeMap<u64, Incident>,
    /// Attempts that are not over.
    pub attempts: BTreeMap<u64, Attempt>,
    /// Attempts that are over, the newest last.
    #[serde(default)]
    pub ended: VecDeque<EndedAttempt>,
    /// Limits, by check.
    pub limits: BTreeMap<String, TargetLimits>,
    /// When attempts for any check began.
    pub recent: VecDeque<Stamp>,
    /// Whether healing is paused.
    #[serde(default)]
    pub pause: Option<HealingPause>,
    /// Plans that wait for a person.
    #[serde(default)]
    pub approvals: BTreeMap<String, PendingApproval>,
    /// The end of the audit log.
    #[serde(default)]
    pub audit_head: Option<String>,
}

impl Default for Ledger {
    fn default() -> Self {
        Self {
            format: FORMAT,
            next_incident: 1,
            next_attempt: 1,
            next_message: 1,
            incidents: BTreeMap::new(),
            attempts: BTreeMap::new(),
            ended: VecDeque::new(),
            limits: BTreeMap::new(),
            recent: VecDeque::new(),
            pause: None,
            approvals: BTreeMap::new(),
            audit_head: None,
        }
    }
}

/// One change, as the journal has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Change {
    /// An incident is as it says here.
    Incident(Box<Incident>),
    /// An incident is of no more interest here.
    ForgetIncident(u64),
    /// An attempt begins.
    Attempt(Box<Attempt>),
    /// An attempt has come to another state.
    Progress {
        /// Which.
        attempt: u64,
        /// The state.
        state: AttemptState,
    },
    /// A step has answered.
    Receipt {
        /// Of which attempt.
        attempt: u64,
        /// Which step.
        step: usize,
        /// The answer.
        receipt: Receipt,
    },
    /// The limits of a check are as it says here.
    Limits {
        /// The check.
        check: String,
        /// Its limits.
        limits: Box<TargetLimits>,
    },
    /// A check is gone, and its limits with it.
    ForgetLimits(String),
    /// An attempt counts for the global intensity.
    Began(Stamp),
    /// The global intensity is counted anew: a person has looked.
    CountAnew,
    /// Healing is paused, or is not any more.
    Pause(Option<HealingPause>),
    /// A plan waits, or was approved.
    Approval(Box<PendingApproval>),
    /// A plan does not wait any more.
    ForgetApproval(String),
    /// A message has been given to the notifiers.
    Message(u64),
    /// The audit log ends so.
    AuditHead(String),
}

impl Ledger {
    /// Carries out a change. A change twice is the same as once.
    pub(super) fn apply(&mut self, change: Change) {
        match change {
            Change::Incident(incident) => {
                self.next_incident = self.next_incident.max(incident.number + 1);
                self.incidents.insert(incident.number, *incident);
            }
            Change::ForgetIncident(number) => drop(self.incidents.remove(&number)),
            Change::ForgetLimits(check) => drop(self.limits.remove(&check)),
            Change::Attempt(attempt) => {
                self.next_attempt = self.next_attempt.max(attempt.number + 1);
                self.attempts.insert(attempt.number, *attempt);
            }
            Change::Progress { attempt, state: AttemptState::Ended { verdict } } => self.end(attempt, verdict),
            Change::Progress { attempt, state } => {
                if let Some(attempt) = self.attempts.get_mut(&attempt) {
                    attempt.state = state;
                }
            }
            Change::Receipt { attempt, step, receipt } => {
                let receipts = self.attempts.get_mut(&attempt).map(|attempt| &mut attempt.receipts);
                if let Some(place) = receipts.and_then(|receipts| receipts.get_mut(step)) {
                    *place = Some(receipt);
                }
            }
            Change::Limits { check, limits } => drop(self.limits.insert(check, *limits)),
            Change::Began(stamp) => {
                self.recent.push_back(stamp);
                while self.recent.len() > MOST_RECENT {
                    self.recent.pop_front();
                }
            }
            Change::CountAnew => self.recent.clear(),
            Change::Pause(pause) => self.pause = pause,
            Change::Approval(approval) => drop(self.approvals.insert(approval.token.clone(), *approval)),
            Change::ForgetApproval(token) => drop(self.approvals.remove(&token)),
            Change::Message(number) => self.next_message = self.next_message.max(number + 1),
            Change::AuditHead(head) => self.audit_head = Some(head),
        }
    }

    /// An attempt is over: of interest is what came of it.
    fn end(&mut self, attempt: u64, verdict: Verdict) {
        let Some(Attempt { number, check, remedy, .. }) = self.attempts.remove(&attempt) else { return };
        self.ended.push_back(EndedAttempt { number, check, remedy, verdict });
        if self.ended.len() > MOST_ENDED {
            self.ended.pop_front();
        }
    }

    /// The incident of a check that is not over.
    #[must_use]
    pub(super) fn open_incident(&self, check: &str) -> Option<&Incident> {
        self.incidents.values().find(|incident| incident.check.as_str() == check && !incident.state.is_over())
    }

    /// The attempt that is being made for a check.
    #[must_use]
    pub(super) fn attempt_for(&self, check: &str) -> Option<&Attempt> {
        self.attempts.values().find(|attempt| attempt.check.as_str() == check)
    }

    /// As bytes for the journal.
    ///
    /// # Errors
    /// When something in it cannot be written as JSON, which would be a fault of this program.
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }

    /// From what the journal held.
    ///
    /// # Errors
    /// [`Unreadable`] when it is of a newer format, or nothing that this program wrote.
    pub(super) fn from_bytes(state: Option<&[u8]>, records: &[Vec<u8>]) -> Result<Self, Unreadable> {
        let mut ledger = match state {
            None => Self::default(),
            Some(bytes) => {
                let format: Format = serde_json::from_slice(bytes).map_err(Unreadable::Damaged)?;
                if format.format > FORMAT {
                    return Err(Unreadable::Newer(format.format));
                }
                serde_json::from_slice(bytes).map_err(Unreadable::Damaged)?
            }
        };
        for record in records {
            ledger.apply(serde_json::from_slice(record).map_err(Unreadable::Damaged)?);
        }
        Ok(ledger)
    }
}

#[derive(Deserialize)]
struct Format {
    format: u32,
}

/// What the journal holds makes no sense.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unreadable {
    /// A newer version wrote it.
    #[error("the journal of healing was written by a newer version (format {0}, this one knows {FORMAT})")]
    Newer(u32),
    /// It is something else.
    #[error("the journal of healing makes no sense")]
    Damaged(#[source] serde_json::Error),
}

/// An incident as the journal keeps it: without evidence, and with the newest lines only. The rest is in its own file.
#[must_use]
pub(super) fn in_short(incident: &Incident) -> Incident {
    let from = incident.timeline.len().saturating_sub(TIMELINE_IN_JOURNAL);
    Incident {
        timeline: incident.timeline[from..].to_vec(),
        left_out: incident.left_out + from as u64,
        evidence: Arc::default(),
        summary: crate::model::report::cut(&incident.summary, 256),
        suppressed: incident.suppressed.iter().take(32).cloned().collect(),
        ..incident.clone()
    }
}
