//! What people and programs ask for.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::admission::Gate;
use super::begin::make_plan;
use super::handle::{Command, HealError, Prospect, RemedyView, RungView};
use super::healer::{Done, Healer, PlanTrouble, Planned, Purpose};
use super::ladder::current;
use super::ledger::{Change, HealingPause, PendingApproval};
use super::plan_hash::plan_hash;
use super::policy::Rung;
use super::store::Durable;
use crate::base::class::chain;
use crate::base::suggest::nearest;
use crate::contract::Remedy;
use crate::model::attempt::Actor;
use crate::model::incident::{Acknowledgement, Incident, IncidentState};
use crate::model::plan::Plan;
use crate::model::view::CheckView;
use crate::model::{CheckId, RemedyId};

impl Healer {
    pub(super) async fn command(&mut self, command: Command) {
        // Nothing can be done about an answer that nobody waits for any more.
        match command {
            Command::Heal(check, by, reply) => drop(reply.send(self.heal(check, &by).await)),
            Command::Prospect(check, reply) => self.prospect(&check, reply),
            Command::Approve(token, by, reply) => drop(reply.send(self.approve(&token, &by).await)),
            Command::RunRemedy(remedy, check, by, reply) => self.run_remedy(&remedy, check, by, reply),
            Command::Acknowledge(number, by, note, reply) => drop(reply.send(self.acknowledge(number, by, note).await)),
            Command::Pause(pause, reply) => drop(reply.send(self.pause(pause).await)),
            Command::Resume(by, reply) => drop(reply.send(self.resume(by).await)),
            Command::Changed(what, reply) => drop(reply.send(self.changed(&what).await)),
            Command::Remedies(reply) => drop(reply.send(Ok(self.remedies()))),
            Command::Replace(setup, reply) => {
                self.setup = *setup;
                self.waiting.clear();
                drop(reply.send(self.changed("the configuration").await));
            }
            // The loop stops by itself.
            Command::Begin(reply) => {
                if std::mem::take(&mut self.waits) {
                    self.recover().await;
                }
                drop(reply.send(Ok(())));
            }
            Command::Look(reply) => {
                self.reconcile().await;
                drop(reply.send(Ok(())));
            }
            Command::Ping(reply) | Command::Stop(reply) => drop(reply.send(Ok(()))),
        }
    }

    async fn heal(&mut self, check: Option<CheckId>, by: &Actor) -> Result<usize, HealError> {
        let open: Vec<Incident> = self.store.look(|store| {
            let idle = |incident: &&Incident| !incident.state.is_over();
            store.ledger().incidents.values().filter(idle).cloned().collect()
        });
        let wanted: Vec<Incident> =
            open.into_iter().filter(|incident| check.as_ref().is_none_or(|check| incident.check == *check)).collect();
        if let (Some(check), true) = (&check, wanted.is_empty()) {
            if self.engine.check(check.as_str()).is_none() {
                return Err(self.unknown_check(check));
            }
            return Err(HealError::Refused(format!("{check} has no incident: there is nothing to heal")));
        }
        let count = wanted.len();
        if count > 0 {
            self.store.change(vec![Change::CountAnew], Durable::Process).await;
        }
        for mut incident in wanted {
            // What is being healed has its pauses after that.
            if matches!(incident.state, IncidentState::Open | IncidentState::GivenUp) {
                self.cut_short(&incident).await;
                incident.begin_ladder();
                incident.note(self.clock.now(), "asked", format!("{by} says that it should be healed now"));
                if let Err(error) =
                    incident.become_state(IncidentState::Open, self.clock.now(), "the ladder begins anew")
                {
                    tracing::error!(%error, "an incident cannot begin anew");
                }
                self.store.change(vec![Change::Incident(Box::new(incident.clone()))], Durable::Process).await;
            }
            let record = self.record(by, "heal-asked", incident.check.as_str(), "a person says so");
            self.witness(record).await;
        }
        Ok(count)
    }

    /// Makes all plans of a ladder, beside the loop.
    fn prospect(&mut self, check: &CheckId, reply: oneshot::Sender<Result<Prospect, HealError>>) {
        let Some(view) = self.engine.check(check.as_str()) else {
            drop(reply.send(Err(self.unknown_check(check))));
            return;
        };
        let (incident, attempt) = self.store.look(|store| {
            let ledger = store.ledger();
            (ledger.open_incident(check.as_str()).cloned(), ledger.attempt_for(check.as_str()).cloned())
        });
        let policy = self.setup.policies.get(check).cloned().unwrap_or_default();
        let next = incident.as_ref().map(|incident| current(incident, &policy));
        let mut parts = Vec::new();
        for rung in &policy.ladder {
            let remedy = self.setup.remedies.get(&rung.remedy).cloned();
            let gates = remedy
                .as_ref()
                .map(|remedy| self.ask(&view, &policy, rung, &**remedy, None, &Actor::Engine))
                .unwrap_or_default();
            parts.push((rung.clone(), remedy, gates));
        }
        let check = check.clone();
        self.tasks.spawn(async move {
            let mut rungs = Vec::new();
            for (index, (rung, remedy, gates)) in parts.into_iter().enumerate() {
                let is_next = next == Some(index);
                rungs.push(rung_view(&check, &view, rung, remedy, gates, is_next).await);
            }
            Done::Prospect(Box::new(Prospect { check, incident, attempt, rungs }), reply)
        });
    }

    /// Asks the gates again, now that there are plans: an approval is for one of them.
    pub(super) fn ask_with_plans(&self, prospect: &mut Prospect) {
        let Some(view) = self.engine.check(prospect.check.as_str()) else { return };
        let policy = self.setup.policies.get(&prospect.check).cloned().unwrap_or_default();
        for (seen, rung) in prospect.rungs.iter_mut().zip(&policy.ladder) {
            let remedy = self.setup.remedies.get(&rung.remedy).filter(|_| seen.remedy == rung.remedy);
            if let (Some(remedy), Ok(plan), Some(hash)) = (remedy, &seen.plan, &seen.plan_hash) {
                seen.gates = self.ask(&view, &policy, rung, &**remedy, Some((plan, hash)), &Actor::Engine);
            }
        }
    }

    async fn approve(&mut self, token: &str, by: &str) -> Result<PendingApproval, HealError> {
        let now = self.clock.stamp();
        let waits = self.store.look(|store| store.ledger().approvals.clone());
        let Some(mut approval) = waits.get(token).cloned() else {
            let suggestion = nearest(token, waits.keys().map(String::as_str)).map(str::to_owned);
            return Err(HealError::Unknown { kind: "plan that waits under", name: token.to_owned(), suggestion });
        };
        if approval.asked.age(&now) >= self.setup.global.approval_valid {
            self.store.change(vec![Change::ForgetApproval(token.to_owned())], Durable::Process).await;
            return Err(HealError::Refused(
                "this plan is too old: it will be made anew, and asked for anew".to_owned(),
            ));
        }
        approval.approved_by = Some(by.to_owned());
        let mut changes = vec![Change::Approval(Box::new(approval.clone()))];
        if let Some(mut incident) = self.incident(approval.incident) {
            incident.note(now.wall, "approved", format!("{by} approved: {}", approval.plan.summary));
            changes.push(Change::Incident(Box::new(incident)));
        }
        self.store.change(changes, Durable::Machine).await;
        let by = Actor::Person(by.to_owned());
        let record = self.record(&by, "approved", approval.check.as_str(), &approval.plan.summary);
        self.witness(record.plan_hash(&approval.plan_hash)).await;
        self.waiting.remove(&approval.incident);
        Ok(approval)
    }

    fn run_remedy(
        &mut self,
        remedy: &RemedyId,
        check: CheckId,
        by: Actor,
        reply: oneshot::Sender<Result<u64, HealError>>,
    ) {
        let Some(remedy) = self.setup.remedies.get(remedy).cloned() else {
            let names = self.setup.remedies.keys().map(RemedyId::as_str);
            let suggestion = nearest(remedy.as_str(), names).map(str::to_owned);
            let error = HealError::Unknown { kind: "remedy", name: remedy.to_string(), suggestion };
            drop(reply.send(Err(error)));
            return;
        };
        let Some(view) = self.engine.check(check.as_str()) else {
            drop(reply.send(Err(self.unknown_check(&check))));
            return;
        };
        self.tasks.spawn(async move {
            let plan = make_plan(remedy.clone(), view).await;
            Done::Planned(Box::new(Planned { purpose: Purpose::Person { by, reply }, check, remedy, plan }))
        });
    }

    async fn acknowledge(&mut self, number: u64, by: String, note: String) -> Result<Incident, HealError> {
        let Some(mut incident) = self.incident(number).filter(|incident| !incident.state.is_over()) else {
            let name = number.to_string();
            return Err(HealError::Unknown { kind: "open incident", name, suggestion: None });
        };
        let at = self.clock.now();
        incident.note(at, "acknowledged", format!("{by} takes care of it. {note}").trim_end().to_owned());
        incident.acknowledged = Some(Acknowledgement { by: by.clone(), at, note: note.clone() });
        self.store.change(vec![Change::Incident(Box::new(incident.clone()))], Durable::Process).await;
        let record = self.record(&Actor::Person(by), "acknowledged", incident.check.as_str(), &note);
        self.witness(record).await;
        Ok(incident)
    }

    async fn pause(&mut self, pause: HealingPause) -> Result<(), HealError> {
        let record = self.record(&Actor::Person(pause.by.clone()), "paused", "healing", &pause.reason);
        self.store.change(vec![Change::Pause(Some(pause))], Durable::Machine).await;
        self.witness(record).await;
        Ok(())
    }

    async fn resume(&mut self, by: String) -> Result<(), HealError> {
        if self.store.look(|store| store.ledger().pause.is_none()) {
            return Err(HealError::Refused("healing is not paused".to_owned()));
        }
        self.store.change(vec![Change::Pause(None)], Durable::Machine).await;
        self.waiting.clear();
        let record = self.record(&Actor::Person(by), "resumed", "healing", "");
        self.witness(record).await;
        Ok(())
    }

    /// Something changed from outside: what was waited for may be there.
    async fn changed(&mut self, what: &str) -> Result<(), HealError> {
        tracing::info!(what, "changed: pauses are cut short");
        // Not what a remedy works on at this moment: it may be the remedy that made the change.
        let waits = |incident: &&Incident| matches!(incident.state, IncidentState::Open | IncidentState::GivenUp);
        let waiting: Vec<Incident> =
            self.store.look(|store| store.ledger().incidents.values().filter(waits).cloned().collect());
        for incident in waiting {
            self.cut_short(&incident).await;
        }
        Ok(())
    }

    fn remedies(&self) -> Vec<RemedyView> {
        let used_by = |id: &RemedyId| {
            let uses =
                self.setup.policies.iter().filter(|(_, policy)| policy.ladder.iter().any(|rung| rung.remedy == *id));
            uses.map(|(check, _)| check.clone()).collect()
        };
        let view = |(id, remedy): (&RemedyId, &Arc<dyn Remedy>)| RemedyView {
            id: id.clone(),
            risk: remedy.risk(),
            used_by: used_by(id),
        };
        self.setup.remedies.iter().map(view).collect()
    }

    pub(super) fn unknown_check(&self, check: &CheckId) -> HealError {
        let snapshot = self.engine.snapshot();
        let suggestion =
            nearest(check.as_str(), snapshot.checks.iter().map(|view| view.id.as_str())).map(str::to_owned);
        HealError::Unknown { kind: "check", name: check.to_string(), suggestion }
    }
}

async fn rung_view(
    check: &CheckId,
    view: &Arc<CheckView>,
    rung: Rung,
    remedy: Option<Arc<dyn Remedy>>,
    gates: Vec<Gate>,
    is_next: bool,
) -> RungView {
    use crate::model::plan::Risk;
    let Some(remedy) = remedy else {
        let plan = Err("there is no such remedy".to_owned());
        return RungView { remedy: rung.remedy, risk: Risk::Observe, plan, plan_hash: None, gates, is_next };
    };
    let risk = remedy.risk();
    let plan: Result<Plan, String> = make_plan(remedy, view.clone()).await.map_err(|trouble| match trouble {
        PlanTrouble::Remedy(error) => chain(&error),
        PlanTrouble::Broken(why) => why,
    });
    let plan_hash = plan.as_ref().ok().map(|plan| plan_hash(check, &rung.remedy, plan));
    RungView { remedy: rung.remedy, risk, plan, plan_hash, gates, is_next }
}
