//! From what the checks say to incidents, and from incidents to what is done next.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::admission::calls_for_help;
use super::healer::{Done, Healer};
use super::ladder::{Next, next};
use super::ledger::Change;
use super::limits::TargetLimits;
use super::message;
use super::store::Durable;
use crate::contract::evidence::Found;
use crate::engine::self_check::SELF_ID;
use crate::model::attempt::Actor;
use crate::model::incident::{Incident, IncidentState, Resolution};
use crate::model::notification::NotificationKind;
use crate::model::view::{CheckView, Muted, Snapshot};
use crate::model::{CheckId, Status};

/// How long the limits of a check that is gone are kept.
const FORGET_LIMITS: Duration = Duration::from_hours(1);
/// How long those who look around have.
const EVIDENCE_TIME: Duration = Duration::from_secs(5);

impl Healer {
    /// Looks at everything, and does what follows. Answers after how long to look again at the latest.
    pub(super) async fn reconcile(&mut self) -> Duration {
        let snapshot = self.engine.fresh_snapshot();
        self.free_stuck();
        self.open_and_close(&snapshot).await;
        self.tell_trouble().await;
        self.tell_exhaustion().await;
        self.look_again = false;
        let look = self.act(&snapshot).await;
        if self.look_again { Duration::ZERO } else { look }
    }

    async fn open_and_close(&mut self, snapshot: &Snapshot) {
        let open: Vec<Incident> = self
            .store
            .look(|store| store.ledger().incidents.values().filter(|i| !i.state.is_over()).cloned().collect());
        let has_one: BTreeSet<&str> = open.iter().map(|incident| incident.check.as_str()).collect();
        for view in &snapshot.checks {
            let fails = !has_one.contains(view.id.as_str()) && calls_for_help(view).is_ok();
            if fails && self.held(&view.id).is_none() {
                self.open(view, snapshot).await;
            }
        }
        for incident in &open {
            match snapshot.get(incident.check.as_str()) {
                None => self.close(incident, &gone("the check is not there any more")).await,
                Some(view) => self.bring_up_to_date(incident, view, snapshot).await,
            }
        }
    }

    async fn bring_up_to_date(&mut self, incident: &Incident, view: &CheckView, snapshot: &Snapshot) {
        let idle = matches!(incident.state, IncidentState::Open | IncidentState::GivenUp);
        if idle && let Some(Muted::Cause { root }) = &view.muted {
            return self.close(incident, &gone(format!("it fails because of {root}"))).await;
        }
        let works = matches!(view.hard, Status::Healthy | Status::Warning) && !view.stale;
        let stopped = view.last.as_ref().is_some_and(|last| last.report.code == "stopped");
        // What is just being started does not fail at the moment; that it works it has yet to show.
        if idle && (stopped || (works && self.held(&incident.check).is_none())) {
            let resolution = if stopped { gone(view.summary()) } else { Resolution::Itself };
            return self.close(incident, &resolution).await;
        }
        let children = children(snapshot, &incident.check);
        if children != incident.suppressed && !children.is_empty() {
            let mut incident = incident.clone();
            incident.suppressed = children;
            self.store.change(vec![Change::Incident(Box::new(incident))], Durable::Process).await;
        }
    }

    /// Something broke, or broke again.
    async fn open(&mut self, view: &Arc<CheckView>, snapshot: &Snapshot) {
        let now = self.clock.stamp();
        let relapse = self.setup.global.relapse;
        let (known, number, limits) = self.store.look(|store| {
            let ledger = store.ledger();
            let recent = |incident: &&Incident| {
                let ended = incident.resolved.map(|at| now.wall.duration_since(at));
                let ended = ended.map(|ago| Duration::try_from(ago).unwrap_or_default());
                incident.check == view.id && ended.is_some_and(|ago| ago < relapse)
            };
            let known = ledger.incidents.values().rev().find(recent).cloned();
            (known, ledger.next_incident, ledger.limits.get(view.id.as_str()).cloned())
        });
        let again = known.is_some();
        let mut incident = match known {
            Some(mut incident) => {
                // What came back by itself for a moment goes on where it was. What a remedy had healed, and what worked for as long as
                // counts as healed, begins anew.
                let worked =
                    incident.resolved.map(|at| Duration::try_from(now.wall.duration_since(at)).unwrap_or_default());
                let probation = self.setup.policies.get(&view.id).map(|policy| policy.verification.probation);
                if incident.resolution != Some(Resolution::Itself) || worked > probation {
                    incident.begin_ladder();
                }
                let reopened = incident.become_state(IncidentState::Open, now.wall, view.summary());
                if let Err(error) = reopened {
                    tracing::error!(%error, "an incident could not be opened again");
                    return;
                }
                incident.status = view.hard;
                incident.summary = view.summary().to_owned();
                incident
            }
            None => Incident::open(number, view.id.clone(), view.hard, view.summary(), now.wall),
        };
        incident.suppressed = children(snapshot, &view.id);
        let evidence = Arc::make_mut(&mut incident.evidence);
        evidence.report = view.last.as_ref().and_then(|last| serde_json::to_value(&last.report).ok());
        tracing::warn!(incident = incident.number, check = %view.id, again, summary = view.summary(), "incident opened");
        let mut changes = vec![Change::Incident(Box::new(incident.clone()))];
        if let Some(mut limits) = limits {
            limits.unhealthy(&self.back_off(&view.id), &now);
            changes.push(Change::Limits { check: view.id.to_string(), limits: Box::new(limits) });
        }
        self.store.change(changes, Durable::Process).await;
        let record = self.record(&Actor::Engine, "incident-opened", view.id.as_str(), view.summary());
        self.witness(record.detail("incident", incident.number).detail("again", again)).await;
        let kind =
            if view.id.as_str() == SELF_ID { NotificationKind::HealerDegraded } else { NotificationKind::Opened };
        self.tell(kind, Some(&incident), message::opened(&incident, self.setup.policies.get(&view.id))).await;
        self.gather(incident.number, view.clone());
        self.waiting.remove(&incident.number);
    }

    /// Has everybody look around who can.
    fn gather(&mut self, incident: u64, view: Arc<CheckView>) {
        if self.evidence.is_empty() {
            return;
        }
        let sources = self.evidence.clone();
        self.tasks.spawn(async move {
            let looks = sources.iter().map(|source| timeout(EVIDENCE_TIME, source.gather(&view)));
            let mut found = Found::default();
            for one in futures::future::join_all(looks).await {
                if let Ok(one) = one {
                    found.log.extend(one.log);
                    found.facts.extend(one.facts);
                } else {
                    tracing::warn!(incident, "evidence could not be had in time");
                }
            }
            Done::Evidence(incident, found)
        });
    }

    pub(super) async fn found(&mut self, number: u64, found: Found) {
        let Some(mut incident) = self.incident(number) else { return };
        let evidence = Arc::make_mut(&mut incident.evidence);
        (evidence.log, evidence.facts) = (found.log, found.facts);
        self.store.change(vec![Change::Incident(Box::new(incident))], Durable::Process).await;
    }

    /// It is over, and no remedy was at work at the end.
    pub(super) async fn close(&mut self, incident: &Incident, resolution: &Resolution) {
        let now = self.clock.stamp();
        let mut incident = incident.clone();
        let text = message::resolution(resolution);
        if let Err(error) = incident.become_state(IncidentState::Resolved, now.wall, &text) {
            tracing::error!(%error, "an incident could not be closed");
            return;
        }
        incident.resolution = Some(resolution.clone());
        tracing::info!(incident = incident.number, check = %incident.check, text, "incident resolved");
        let mut changes = vec![Change::Incident(Box::new(incident.clone()))];
        changes.extend(self.forgotten(&now));
        let known = self.store.look(|store| store.ledger().limits.get(incident.check.as_str()).cloned());
        if let Some(mut limits) = known {
            limits.healthy(&self.back_off(&incident.check), &now);
            changes.push(Change::Limits { check: incident.check.to_string(), limits: Box::new(limits) });
        }
        self.store.change(changes, Durable::Process).await;
        let record = self.record(&Actor::Engine, "incident-resolved", incident.check.as_str(), &text);
        self.witness(record.detail("incident", incident.number)).await;
        // What fails because of something else has not healed.
        if !matches!(resolution, Resolution::Gone { .. }) {
            self.tell(NotificationKind::Healed, Some(&incident), message::resolved(&incident)).await;
        }
    }

    /// Incidents that are over for so long that they cannot relapse any more, approvals that are too old, and limits of checks that are gone.
    pub(super) fn forgotten(&self, now: &crate::base::stamp::Stamp) -> Vec<Change> {
        let global = &self.setup.global;
        self.store.look(|store| {
            let ledger = store.ledger();
            let old = |incident: &&Incident| {
                let ago = incident.resolved.map(|at| now.wall.duration_since(at));
                ago.is_some_and(|ago| Duration::try_from(ago).is_ok_and(|ago| ago > global.relapse))
            };
            let incidents =
                ledger.incidents.values().filter(old).map(|incident| Change::ForgetIncident(incident.number));
            let stale = ledger.approvals.values().filter(|approval| approval.asked.age(now) > global.approval_valid);
            // One that comes back soon must not be tried more often for having been away.
            let is_old = |limits: &TargetLimits| limits.recent.back().is_none_or(|last| last.age(now) > FORGET_LIMITS);
            let gone = ledger
                .limits
                .iter()
                .filter(|(check, limits)| self.engine.check(check).is_none() && is_old(limits))
                .map(|(check, _)| Change::ForgetLimits(check.clone()));
            let approvals = stale.map(|approval| Change::ForgetApproval(approval.token.clone()));
            incidents.chain(approvals).chain(gone).collect()
        })
    }

    /// Begins what is to be begun.
    async fn act(&mut self, snapshot: &Snapshot) -> Duration {
        if self.waits {
            return Duration::MAX;
        }
        let open: Vec<Incident> = self.store.look(|store| {
            let idle = |incident: &&Incident| {
                matches!(incident.state, IncidentState::Open | IncidentState::GivenUp)
                    && self.acts.covers(&incident.check)
            };
            store.ledger().incidents.values().filter(idle).cloned().collect()
        });
        let now = Instant::now();
        let mut look = Duration::MAX;
        for incident in open {
            let Some(policy) = self.setup.policies.get(&incident.check) else { continue };
            if let Some(until) = self.waiting.get(&incident.number).filter(|until| **until > now) {
                look = look.min(*until - now);
                continue;
            }
            if self.planning.contains_key(&incident.number) {
                continue;
            }
            match next(&incident, policy) {
                Next::Nothing => {}
                Next::GiveUp => self.give_up(incident).await,
                Next::Try(rung) => {
                    if let Some(wait) = self.consider(&incident, rung, snapshot).await {
                        self.waiting.insert(incident.number, now + wait);
                        look = look.min(wait);
                    }
                }
            }
        }
        look
    }

    async fn give_up(&mut self, mut incident: Incident) {
        let now = self.clock.now();
        let text = "nothing is left to try: a person has to look";
        if let Err(error) = incident.become_state(IncidentState::GivenUp, now, text) {
            tracing::error!(%error, "an incident could not be given up");
            return;
        }
        tracing::error!(incident = incident.number, check = %incident.check, "given up: a person has to look");
        self.store.change(vec![Change::Incident(Box::new(incident.clone()))], Durable::Process).await;
        let record = self.record(&Actor::Engine, "given-up", incident.check.as_str(), text);
        self.witness(record).await;
        let text = message::given_up(&incident, self.setup.policies.get(&incident.check));
        self.tell(NotificationKind::GivenUp, Some(&incident), text).await;
        self.waiting.remove(&incident.number);
        self.look_again = true;
    }

    /// A parent works again: what failed by itself may come up now.
    pub(super) async fn parent_recovered(&mut self, parent: &CheckId) {
        let snapshot = self.engine.snapshot();
        let waits = |incident: &&Incident| {
            let view = snapshot.get(incident.check.as_str());
            view.is_some_and(|view| view.spec.depends_on.iter().any(|dependency| dependency.on == *parent))
        };
        let waiting: Vec<Incident> = self.store.look(|store| {
            let open = store.ledger().incidents.values().filter(|incident| !incident.state.is_over());
            open.filter(waits).cloned().collect()
        });
        for incident in waiting {
            self.cut_short(&incident).await;
        }
    }

    /// Nothing is waited for any more.
    pub(super) async fn cut_short(&mut self, incident: &Incident) {
        self.waiting.remove(&incident.number);
        let known = self.store.look(|store| store.ledger().limits.get(incident.check.as_str()).cloned());
        if let Some(mut limits) = known {
            limits.cut_short();
            let change = Change::Limits { check: incident.check.to_string(), limits: Box::new(limits) };
            self.store.change(vec![change], Durable::Process).await;
        }
    }
}

fn gone(why: impl Into<String>) -> Resolution {
    Resolution::Gone { why: why.into() }
}

/// The checks that fail because of this one.
fn children(snapshot: &Snapshot, root: &CheckId) -> Vec<CheckId> {
    snapshot.checks.iter().filter(|view| view.cause() == Some(root)).map(|view| view.id.clone()).collect()
}
