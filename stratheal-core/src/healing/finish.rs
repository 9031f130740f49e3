//! What follows from the end of an attempt, and what an earlier run of this program left half-done.

use std::time::Duration;

use tokio::time::Instant;

use super::healer::Healer;
use super::ladder::{current, failed, is_at_end};
use super::ledger::Change;
use super::message;
use super::policy::Rung;
use super::store::Durable;
use super::work::{Ending, Progress, Start};
use crate::model::attempt::{Actor, Attempt, AttemptState, Undo, Verdict};
use crate::model::incident::{Incident, IncidentState, Resolution};
use crate::model::notification::NotificationKind;

impl Healer {
    /// An attempt has come to another state.
    pub(super) async fn follow(&mut self, progress: Progress) {
        let Some(under_way) = self.under_way.get_mut(&progress.attempt) else { return };
        let took = progress.at.saturating_duration_since(under_way.began);
        if progress.state == AttemptState::Probation {
            under_way.on_probation = true;
            under_way.healed_after = Some(took);
        }
        let Some(attempt) = self.store.look(|store| store.ledger().attempts.get(&progress.attempt).cloned()) else {
            return;
        };
        if progress.state == AttemptState::Verifying {
            return self.note_what_was_done(&attempt).await;
        }
        if progress.state != AttemptState::Probation {
            return;
        }
        tracing::info!(attempt = attempt.number, check = %attempt.check, ?took, "the check passes; it is on probation");
        let Some(mut incident) = attempt.incident.and_then(|number| self.incident(number)) else { return };
        let text = format!("{} passes {} after {} began", attempt.check, seconds(took), attempt.remedy);
        match incident.become_state(IncidentState::Probation, self.clock.now(), &text) {
            Ok(()) => self.store.change(vec![Change::Incident(Box::new(incident))], Durable::Process).await,
            Err(error) => tracing::error!(%error, "an incident cannot be on probation"),
        }
    }

    /// What the steps answered: what was really done, where the plan only said what would be.
    async fn note_what_was_done(&mut self, attempt: &Attempt) {
        let done: Vec<&str> = attempt.receipts.iter().flatten().map(|receipt| receipt.summary.as_str()).collect();
        let Some(mut incident) = attempt.incident.and_then(|number| self.incident(number)) else { return };
        incident.note(self.clock.now(), "done", done.join("; "));
        self.store.change(vec![Change::Incident(Box::new(incident))], Durable::Process).await;
    }

    /// An attempt is over.
    pub(super) async fn ended(&mut self, ending: Ending) {
        let Ending { attempt, verdict, stuck } = ending;
        let under_way = self.under_way.remove(&attempt.number);
        if let Some(task) = stuck {
            let resources = under_way.as_ref().map(|under_way| under_way.resources.clone()).unwrap_or_default();
            self.stuck.push((task, resources));
        }
        let now = self.clock.stamp();
        let mut changes =
            vec![Change::Progress { attempt: attempt.number, state: AttemptState::Ended { verdict: verdict.clone() } }];
        let known = self.store.look(|store| store.ledger().limits.get(attempt.check.as_str()).cloned());
        let mut limits = known.unwrap_or_default();
        limits.ended(attempt.remedy.as_str(), verdict.is_healed(), &now);
        changes.push(Change::Limits { check: attempt.check.to_string(), limits: Box::new(limits) });
        changes.extend(self.forgotten(&now));
        let incident = attempt.incident.and_then(|number| self.incident(number));
        let after = incident.map(|incident| self.after(incident, &attempt, &verdict));
        changes.extend(after.clone().map(|incident| Change::Incident(Box::new(incident))));
        self.store.change(changes, Durable::Machine).await;
        let (number, check, remedy) = (attempt.number, &attempt.check, &attempt.remedy);
        if verdict.is_healed() {
            tracing::info!(attempt = number, %check, %remedy, "healed");
        } else {
            tracing::warn!(attempt = number, %check, %remedy, %verdict, "attempt ended");
        }
        let took = under_way.and_then(|under_way| under_way.healed_after);
        let receipts: Vec<_> = attempt.receipts.iter().flatten().map(|receipt| receipt.summary.clone()).collect();
        let summary = &attempt.plan.summary;
        let record = self.record(&attempt.by, "attempt-ended", attempt.check.as_str(), summary);
        let record = record.plan_hash(&attempt.plan_hash).outcome(verdict.to_string());
        let record = record.detail("attempt", attempt.number).detail("remedy", attempt.remedy.as_str());
        let record = record.detail("receipts", receipts).detail("seconds", took.map(|took| took.as_secs_f64()));
        self.witness(record).await;
        let Some(incident) = after else { return };
        self.waiting.remove(&incident.number);
        if verdict.is_healed() {
            let text = message::healed(&incident, &attempt, took);
            self.tell(NotificationKind::Healed, Some(&incident), text).await;
        } else if matches!(verdict.undo(), Undo::Failed { .. }) {
            // Something is half done, and only a person can say what.
            let text = message::not_taken_back(&incident, &attempt, &verdict);
            self.tell(NotificationKind::HealerDegraded, Some(&incident), text).await;
        }
    }

    /// The incident after an attempt.
    fn after(&self, mut incident: Incident, attempt: &Attempt, verdict: &Verdict) -> Incident {
        let now = self.clock.now();
        if verdict.is_healed() {
            let text = format!("healed by {}", attempt.remedy);
            match incident.become_state(IncidentState::Resolved, now, &text) {
                Ok(()) => incident.resolution = Some(Resolution::Remedy { remedy: attempt.remedy.clone() }),
                Err(error) => tracing::error!(%error, "an incident cannot be resolved"),
            }
            return incident;
        }
        if matches!(verdict, Verdict::Relapsed { .. }) {
            incident.relapses += 1;
        }
        let policy = self.setup.policies.get(&incident.check);
        let was_given_up = policy.is_some_and(|policy| is_at_end(&incident, policy));
        // A remedy may stand in a ladder more than once.
        let rung = policy.and_then(|policy| {
            let is_it = |rung: &Rung| rung.remedy == attempt.remedy;
            let now = current(&incident, policy);
            if policy.ladder.get(now).is_some_and(is_it) { Some(now) } else { policy.ladder.iter().position(is_it) }
        });
        if let (Some(policy), Some(rung), Actor::Engine) = (policy, rung, &attempt.by) {
            // What could not be taken back for sure must not be built upon by trying the same again.
            let is_half_done = matches!(verdict.undo(), Undo::Failed { .. });
            if is_half_done && rung == current(&incident, policy) {
                incident.tries = u32::MAX - 1;
            }
            // That this program ended in the middle says nothing against the remedy.
            if is_half_done || !matches!(verdict, Verdict::Interrupted { .. }) {
                failed(&mut incident, policy, rung);
            }
        }
        let next = if was_given_up { IncidentState::GivenUp } else { IncidentState::Open };
        if let Err(error) = incident.become_state(next, now, &format!("{} {verdict}", attempt.remedy)) {
            tracing::error!(%error, "an incident cannot go on");
        }
        incident
    }

    /// Finishes or takes back what was half done when this program ended. Never repeated blindly: each step is looked at first.
    pub(super) async fn recover(&mut self) {
        // Those of others are left to whoever heals them.
        let left: Vec<Attempt> = self.store.look(|store| {
            let attempts = store.ledger().attempts.values();
            attempts.filter(|attempt| self.acts.covers(&attempt.check)).cloned().collect()
        });
        for attempt in left {
            tracing::warn!(attempt = attempt.number, check = %attempt.check, remedy = %attempt.remedy, state = ?attempt.state, "an attempt was left half-done");
            let record =
                self.record(&Actor::Engine, "attempt-recovered", attempt.check.as_str(), &attempt.plan.summary);
            self.witness(record.plan_hash(&attempt.plan_hash)).await;
            let remedy = self.setup.remedies.get(&attempt.remedy).cloned();
            let view = self.engine.check(attempt.check.as_str());
            let (Some(remedy), Some(view)) = (remedy, view) else {
                let undo = match attempt.last_touched() {
                    None => Undo::NotNeeded,
                    Some(_) => Undo::Failed { why: "the remedy or the check is not configured any more".to_owned() },
                };
                let why = "this program ended in the middle".to_owned();
                let verdict = Verdict::Interrupted { undo, why };
                self.ended(Ending { attempt, verdict, stuck: None }).await;
                continue;
            };
            let policy = self.setup.policies.get(&attempt.check).cloned().unwrap_or_default();
            let rung = policy.ladder.iter().find(|rung| rung.remedy == attempt.remedy);
            let timeout = rung.map_or(Rung::TIMEOUT, |rung| rung.timeout);
            self.spawn(attempt, view, &policy, remedy, timeout, Start::Recover);
        }
        self.incidents_without_attempt().await;
    }

    /// An incident that says it is being healed while nothing is under way: this program ended between two lines of the journal.
    async fn incidents_without_attempt(&mut self) {
        let lost: Vec<Incident> = self.store.look(|store| {
            let ledger = store.ledger();
            let busy = |number: u64| ledger.attempts.values().any(|attempt| attempt.incident == Some(number));
            let healing = |incident: &&Incident| {
                matches!(incident.state, IncidentState::Healing | IncidentState::Probation) && !busy(incident.number)
            };
            ledger.incidents.values().filter(healing).cloned().collect()
        });
        for mut incident in lost {
            match incident.become_state(IncidentState::Open, self.clock.now(), "this program was started again") {
                Ok(()) => self.store.change(vec![Change::Incident(Box::new(incident))], Durable::Process).await,
                Err(error) => tracing::error!(%error, "an incident cannot be open again"),
            }
        }
        self.waiting.clear();
        self.started = Instant::now();
    }
}

/// A time for people.
pub(super) fn seconds(time: Duration) -> String {
    crate::model::quantity::show_seconds(time.as_secs_f64())
}
