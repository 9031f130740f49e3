//! From a rung to an attempt: plan, ask every gate, write down, begin.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use tokio::time::Instant;

use super::admission::{Answer, Gate, Request, gates, take_breaker, verdict};
use super::guarded::{Trouble, guarded};
use super::handle::HealError;
use super::healer::{Done, Healer, PlanTrouble, Planned, Purpose, UnderWay};
use super::ladder::{current, skipped};
use super::ledger::{Change, PendingApproval};
use super::message;
use super::plan_hash::plan_hash;
use super::policy::{AttemptBackOff, HealPolicy, Rung};
use super::store::Durable;
use super::verify::{Verifier, healthy};
use super::work::{Ending, Start, Work};
use crate::base::class::chain;
use crate::base::stamp::Stamp;
use crate::contract::{Remedy, RemedyContext, RemedyError};
use crate::model::attempt::{Actor, Attempt, AttemptState};
use crate::model::incident::{Incident, IncidentState};
use crate::model::notification::NotificationKind;
use crate::model::plan::Plan;
use crate::model::view::{CheckView, Snapshot};
use crate::model::{CheckId, RemedyId};

/// How long making a plan may take.
const PLAN_TIME: Duration = Duration::from_mins(2);
/// How long to wait before a plan is made again that could not be made.
const AGAIN: Duration = Duration::from_secs(30);

/// Makes a plan, whatever the remedy does.
pub(super) async fn make_plan(remedy: Arc<dyn Remedy>, view: Arc<CheckView>) -> Result<Plan, PlanTrouble> {
    let deadline = Instant::now() + PLAN_TIME;
    let cx = RemedyContext::new(view, deadline);
    let plan = match guarded(deadline, async move { remedy.plan(&cx).await }).await {
        Ok(plan) => plan.map_err(PlanTrouble::Remedy)?,
        Err(Trouble::Panicked(text)) => return Err(PlanTrouble::Broken(format!("planning panicked: {text}"))),
        Err(Trouble::Hung(_)) => return Err(PlanTrouble::Broken("planning did not end in its time".to_owned())),
    };
    if plan.targets.len() > Plan::MAX_TARGETS || plan.steps.len() > Plan::MAX_STEPS {
        let (targets, steps) = (plan.targets.len(), plan.steps.len());
        return Err(PlanTrouble::Broken(format!(
            "a plan of {steps} steps for {targets} targets is too long to be checked"
        )));
    }
    Ok(plan)
}

impl Healer {
    /// Asks the gates that need no plan, and has one made. Answers how long to wait where that is to be done.
    pub(super) async fn consider(&mut self, incident: &Incident, rung: usize, snapshot: &Snapshot) -> Option<Duration> {
        let policy = self.setup.policies.get(&incident.check)?.clone();
        let step = policy.ladder.get(rung)?.clone();
        let Some(remedy) = self.setup.remedies.get(&step.remedy).cloned() else {
            self.skip(incident, rung, format!("there is no remedy {}", step.remedy)).await;
            return None;
        };
        let view = snapshot.get(incident.check.as_str())?.clone();
        let mut answers = self.ask(&view, &policy, &step, &*remedy, None, &Actor::Engine);
        let goes_on = match incident.state {
            IncidentState::GivenUp => policy.ladder.len() > 1,
            _ => rung + 1 < policy.ladder.len(),
        };
        let breaker = if goes_on { take_breaker(&mut answers) } else { None };
        match (verdict(&answers), breaker) {
            (Answer::Wait { time }, _) => return Some(time),
            (Answer::Pass | Answer::Ask, Some(breaker)) => {
                self.skip(incident, rung, format!("{} was left out: {}", step.remedy, breaker.why)).await;
                return None;
            }
            // A person is asked when there is a plan to show.
            (Answer::Pass | Answer::Ask, None) => {}
            (Answer::Refuse, _) => return self.refused(incident, rung, &answers, &step).await,
        }
        self.planning.insert(incident.number, rung);
        let (purpose, check) = (Purpose::Rung { incident: incident.number, rung }, incident.check.clone());
        self.tasks.spawn(async move {
            let plan = make_plan(remedy.clone(), view).await;
            Done::Planned(Box::new(Planned { purpose, check, remedy, plan }))
        });
        None
    }

    /// All gates, about what is known at this moment.
    pub(super) fn ask(
        &self,
        view: &CheckView,
        policy: &HealPolicy,
        rung: &Rung,
        remedy: &dyn Remedy,
        plan: Option<(&Plan, &str)>,
        by: &Actor,
    ) -> Vec<Gate> {
        let busy: Vec<String> = self.busy();
        let under_way = self.under_way.values().filter(|attempt| !attempt.on_probation).count();
        let now = self.clock.stamp();
        let held = self.held(&view.id);
        self.store.look(|store| {
            gates(&Request {
                view: Some(view),
                fresh: view.runs,
                running_for: self.started.elapsed(),
                policy,
                rung,
                risk: remedy.risk(),
                plan,
                ledger: store.ledger(),
                global: &self.setup.global,
                busy: &busy,
                under_way,
                trouble: store.trouble(),
                held: held.as_deref(),
                by,
                now: &now,
            })
        })
    }

    /// Why a check is not to be judged for now.
    pub(super) fn held(&self, check: &CheckId) -> Option<String> {
        self.setup.hold.as_ref()?.why(check)
    }

    fn busy(&self) -> Vec<String> {
        let under_way = self.under_way.values().flat_map(|attempt| attempt.resources.clone());
        under_way.chain(self.stuck.iter().flat_map(|(_, resources)| resources.clone())).collect()
    }

    /// A gate refuses: this rung is not for now, or not for this ladder.
    async fn refused(&mut self, incident: &Incident, rung: usize, gates: &[Gate], step: &Rung) -> Option<Duration> {
        let refusal = gates.iter().find(|gate| gate.answer == Answer::Refuse)?;
        if refusal.name == "failing" {
            // It works by now, or somebody took it out of the watch: the next look closes the incident.
            return Some(Duration::from_secs(1));
        }
        self.skip(incident, rung, format!("{} was left out: {}", step.remedy, refusal.why)).await;
        None
    }

    async fn skip(&mut self, incident: &Incident, rung: usize, why: String) {
        let Some(mut incident) = self.incident(incident.number) else { return };
        let policy = self.setup.policies.get(&incident.check).cloned().unwrap_or_default();
        skipped(&mut incident, &policy, rung);
        tracing::info!(incident = incident.number, why, "a rung is left out");
        if incident.state == IncidentState::GivenUp {
            // It has been said once; and a ladder of which nothing applies is not gone through without end.
            if current(&incident, &policy) == 0 {
                self.waiting.insert(incident.number, Instant::now() + AGAIN);
            }
        } else {
            incident.note(self.clock.now(), "skipped", why);
        }
        self.look_again = true;
        self.store.change(vec![Change::Incident(Box::new(incident))], Durable::Process).await;
    }

    /// A plan is there, or there is none.
    pub(super) async fn planned(&mut self, planned: Planned) {
        let Planned { purpose, check, remedy, plan } = planned;
        match purpose {
            Purpose::Rung { incident, rung } => {
                self.planning.remove(&incident);
                if let Some(incident) = self.incident(incident) {
                    self.planned_for_rung(incident, rung, &remedy, plan).await;
                }
            }
            Purpose::Person { by, reply } => {
                let answer = self.planned_for_person(&by, &check, &remedy, plan).await;
                // Whoever asked may have gone; the attempt goes on.
                drop(reply.send(answer));
            }
        }
    }

    async fn planned_for_rung(
        &mut self,
        incident: Incident,
        rung: usize,
        remedy: &Arc<dyn Remedy>,
        plan: Result<Plan, PlanTrouble>,
    ) {
        let plan = match plan {
            Ok(plan) if plan.is_empty() => {
                return self.skip(&incident, rung, format!("{}: there is nothing to do", remedy.id())).await;
            }
            Ok(plan) => plan,
            Err(PlanTrouble::Remedy(RemedyError::NotApplicable { why })) => {
                return self.skip(&incident, rung, format!("{} does not apply: {why}", remedy.id())).await;
            }
            Err(PlanTrouble::Remedy(error)) => {
                return self.skip(&incident, rung, format!("{} has no plan: {}", remedy.id(), chain(&error))).await;
            }
            Err(PlanTrouble::Broken(why)) => {
                return self.skip(&incident, rung, format!("{} has no plan: {why}", remedy.id())).await;
            }
        };
        let Some(policy) = self.setup.policies.get(&incident.check).cloned() else { return };
        let Some(step) = policy.ladder.get(rung).filter(|step| step.remedy == *remedy.id()).cloned() else { return };
        let Some(view) = self.engine.check(incident.check.as_str()) else { return };
        let hash = plan_hash(&incident.check, remedy.id(), &plan);
        let answers = self.ask(&view, &policy, &step, &**remedy, Some((&plan, &hash)), &Actor::Engine);
        match verdict(&answers) {
            Answer::Pass => {
                let timeout = step.timeout;
                self.begin(Some(incident), &view, &policy, remedy, timeout, plan, hash, Actor::Engine).await;
            }
            Answer::Wait { time } => drop(self.waiting.insert(incident.number, Instant::now() + time)),
            Answer::Ask => self.ask_a_person(incident, remedy.id(), plan, hash).await,
            Answer::Refuse => {
                if let Some(wait) = self.refused(&incident, rung, &answers, &step).await {
                    self.waiting.insert(incident.number, Instant::now() + wait);
                }
            }
        }
    }

    async fn planned_for_person(
        &mut self,
        by: &Actor,
        check: &CheckId,
        remedy: &Arc<dyn Remedy>,
        plan: Result<Plan, PlanTrouble>,
    ) -> Result<u64, HealError> {
        let plan = plan.map_err(|trouble| match trouble {
            PlanTrouble::Remedy(error) => HealError::Refused(chain(&error)),
            PlanTrouble::Broken(why) => HealError::Refused(why),
        })?;
        if plan.is_empty() {
            return Err(HealError::Refused(format!("{}: there is nothing to do", remedy.id())));
        }
        let view = self.engine.check(check.as_str()).ok_or_else(|| self.unknown_check(check))?;
        let policy = self.setup.policies.get(check).cloned().unwrap_or_default();
        let rung = Rung::new(remedy.id().clone());
        let hash = plan_hash(check, remedy.id(), &plan);
        let answers = self.ask(&view, &policy, &rung, &**remedy, Some((&plan, &hash)), by);
        if let Some(gate) = answers.iter().find(|gate| gate.answer != Answer::Pass) {
            return Err(HealError::Refused(gate.why.clone()));
        }
        let incident = self.store.look(|store| store.ledger().open_incident(check.as_str()).cloned());
        let incident =
            incident.filter(|incident| matches!(incident.state, IncidentState::Open | IncidentState::GivenUp));
        Ok(self.begin(incident, &view, &policy, remedy, rung.timeout, plan, hash, by.clone()).await)
    }

    /// Shows the plan to a person, once.
    async fn ask_a_person(&mut self, mut incident: Incident, remedy: &RemedyId, plan: Plan, hash: String) {
        self.waiting.insert(incident.number, Instant::now() + AGAIN);
        let waits: Vec<PendingApproval> = self.store.look(|store| {
            store.ledger().approvals.values().filter(|waits| waits.incident == incident.number).cloned().collect()
        });
        let now = self.clock.stamp();
        // One that is too old is worth nothing any more, given or not.
        let is_valid = |waits: &PendingApproval| waits.asked.age(&now) < self.setup.global.approval_valid;
        if waits.iter().any(|waits| waits.plan_hash == hash && is_valid(waits)) {
            return;
        }
        let token = format!("{}-{}", incident.number, &hash[..8]);
        let approval = PendingApproval {
            token,
            incident: incident.number,
            check: incident.check.clone(),
            remedy: remedy.clone(),
            plan,
            plan_hash: hash,
            asked: now,
            approved_by: None,
        };
        let changed = waits.iter().any(|waits| waits.remedy == *remedy);
        let text =
            if changed { "the plan has changed: it has to be approved anew" } else { "a plan waits for a person" };
        incident.note(now.wall, "approval-needed", format!("{text}: {}", approval.plan.summary));
        let mut updates: Vec<Change> = waits.into_iter().map(|waits| Change::ForgetApproval(waits.token)).collect();
        updates.push(Change::Approval(Box::new(approval.clone())));
        updates.push(Change::Incident(Box::new(incident.clone())));
        self.store.change(updates, Durable::Process).await;
        let record = self.record(&Actor::Engine, "approval-asked", incident.check.as_str(), text);
        self.witness(record.plan_hash(&approval.plan_hash)).await;
        let text = message::approval(&incident, &approval);
        self.tell(NotificationKind::ApprovalNeeded, Some(&incident), text).await;
    }

    /// Writes the attempt down, and begins it.
    #[expect(clippy::too_many_arguments, reason = "an attempt is all of this")]
    async fn begin(
        &mut self,
        incident: Option<Incident>,
        view: &Arc<CheckView>,
        policy: &HealPolicy,
        remedy: &Arc<dyn Remedy>,
        timeout: Duration,
        plan: Plan,
        plan_hash: String,
        by: Actor,
    ) -> u64 {
        let now = self.clock.stamp();
        let number = self.store.look(|store| store.ledger().next_attempt);
        let attempt = Attempt {
            number,
            incident: incident.as_ref().map(|incident| incident.number),
            check: view.id.clone(),
            remedy: remedy.id().clone(),
            by: by.clone(),
            started: now.wall,
            receipts: vec![None; plan.steps.len()],
            plan,
            plan_hash,
            state: AttemptState::Doing { step: 0 },
        };
        let mut changes = vec![Change::Attempt(Box::new(attempt.clone())), self.limits_began(&attempt, policy, &now)];
        if by == Actor::Engine {
            changes.push(Change::Began(now));
        }
        let used = self.store.look(|store| {
            let approved = store.ledger().approvals.values().find(|known| known.plan_hash == attempt.plan_hash);
            approved.map(|known| known.token.clone())
        });
        changes.extend(used.map(Change::ForgetApproval));
        if let Some(mut incident) = incident {
            incident.attempts += 1;
            let text = format!("{}, attempt {}: {}", attempt.remedy, incident.attempts, attempt.plan.summary);
            if let Err(error) = incident.become_state(IncidentState::Healing, now.wall, &text) {
                tracing::error!(%error, "an incident is in a state in which nothing should be begun");
            }
            changes.push(Change::Incident(Box::new(incident)));
        }
        // From here on it may be half done.
        self.store.change(changes, Durable::Machine).await;
        tracing::info!(attempt = number, check = %attempt.check, remedy = %attempt.remedy, %by, plan = attempt.plan.summary, "attempt begins");
        let record = self.record(&by, "attempt-started", attempt.check.as_str(), &attempt.plan.summary);
        let record = record.plan_hash(&attempt.plan_hash).detail("attempt", number);
        let targets = serde_json::json!(attempt.plan.targets);
        self.witness(record.detail("remedy", attempt.remedy.as_str()).detail("targets", targets)).await;
        self.spawn(attempt, view.clone(), policy, remedy.clone(), timeout, Start::Step(0));
        number
    }

    fn limits_began(&self, attempt: &Attempt, policy: &HealPolicy, now: &Stamp) -> Change {
        let known = self.store.look(|store| store.ledger().limits.get(attempt.check.as_str()).cloned());
        let mut limits = known.unwrap_or_default();
        // Different for each attempt, and the same in every run of a test.
        let random = (attempt.number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 11) as f64 / (1_u64 << 53) as f64;
        limits.began(&policy.back_off, attempt.remedy.as_str(), random, now);
        Change::Limits { check: attempt.check.to_string(), limits: Box::new(limits) }
    }

    pub(super) fn back_off(&self, check: &CheckId) -> AttemptBackOff {
        self.setup.policies.get(check).map(|policy| policy.back_off).unwrap_or_default()
    }

    /// Lets an attempt go to work.
    pub(super) fn spawn(
        &mut self,
        attempt: Attempt,
        view: Arc<CheckView>,
        policy: &HealPolicy,
        remedy: Arc<dyn Remedy>,
        timeout: Duration,
        start: Start,
    ) {
        let mut resources: Vec<String> = attempt.plan.resources.clone();
        // One at a time for a check, whatever it works on.
        resources.push(format!("check/{}", attempt.check));
        let under_way = UnderWay { resources, on_probation: false, began: Instant::now(), healed_after: None };
        self.under_way.insert(attempt.number, under_way);
        let verifier = Verifier {
            engine: self.engine.clone(),
            check: attempt.check.clone(),
            rules: policy.verification,
            guards: policy.guards.clone(),
            healthy_before: healthy(&self.engine, &attempt.check, &self.setup.load),
        };
        let (store, progress) = (self.store.clone(), self.progress.clone());
        let work = Work { attempt, remedy, view, timeout, verifier, store, progress };
        self.tasks.spawn(async move {
            let attempt = work.attempt.clone();
            let run = AssertUnwindSafe(work.run(start)).catch_unwind().await;
            // What a remedy does is guarded; this is a fault of ours, and must not keep its check from being healed for ever.
            Done::Ended(Box::new(run.unwrap_or_else(|_| Ending::broken_off(attempt))))
        });
    }

    /// Resources of what hung and has ended at last are free again.
    pub(super) fn free_stuck(&mut self) {
        self.stuck.retain(|(task, _)| !task.is_finished());
    }

    /// An incident by its number, if it is not forgotten.
    pub(super) fn incident(&self, number: u64) -> Option<Incident> {
        self.store.look(|store| store.ledger().incidents.get(&number).cloned())
    }
}
