//! What people are told, and what stands in the audit log.

use super::healer::Healer;
use super::ledger::Change;
use super::limits::wait_for;
use super::message::{self, Message};
use super::policy::Intensity;
use super::store::Durable;
use crate::audit::{Actor as Who, ActorKind, Record};
use crate::base::class::chain;
use crate::model::Status;
use crate::model::attempt::Actor;
use crate::model::incident::{Incident, IncidentState};
use crate::model::notification::{Notification, NotificationKind};

impl Healer {
    /// Hands a message to whoever tells people.
    pub(super) async fn tell(&mut self, kind: NotificationKind, incident: Option<&Incident>, message: Message) {
        let (id, audit_head) =
            self.store.look(|store| (store.ledger().next_message, store.ledger().audit_head.clone()));
        self.store.change(vec![Change::Message(id)], Durable::Process).await;
        (self.tell)(Notification {
            id,
            at: self.clock.now(),
            kind,
            incident: incident.map(|incident| incident.number),
            check: incident.map(|incident| incident.check.clone()),
            status: incident.map_or(Status::Critical, |incident| incident.status),
            title: crate::model::report::cut(&message.title, 512),
            text: message.text,
            audit_head,
        });
    }

    /// Says once that nothing can be written down, and once a pause is over.
    pub(super) async fn tell_trouble(&mut self) {
        let trouble = self.store.look(|store| store.trouble().map(str::to_owned));
        match trouble {
            Some(trouble) if !self.told.trouble => {
                self.told.trouble = true;
                self.tell(NotificationKind::HealerDegraded, None, message::trouble(&trouble)).await;
            }
            Some(_) => {
                // Tried again with whatever is next; there may be nothing, so with nothing.
                self.store.change(Vec::new(), Durable::Machine).await;
            }
            None => self.told.trouble = false,
        }
        let now = self.clock.stamp();
        let over = self.store.look(|store| store.ledger().pause.as_ref().is_some_and(|pause| pause.has_expired(&now)));
        if over {
            self.store.change(vec![Change::Pause(None)], Durable::Process).await;
            self.waiting.clear();
            let record = self.record(&Actor::Engine, "resumed", "healing", "the pause is over");
            self.witness(record).await;
        }
    }

    /// Says once that there were so many attempts that no more are begun for now: whoever does not know that waits for nothing.
    pub(super) async fn tell_exhaustion(&mut self) {
        let (intensity, now) = (self.setup.global.intensity, self.clock.stamp());
        let (wait, is_calm) = self.store.look(|store| {
            let recent = &store.ledger().recent;
            let calm = Intensity { most: intensity.most.div_ceil(2), ..intensity };
            (wait_for(recent, intensity, &now), wait_for(recent, calm, &now).is_zero())
        });
        // Where each attempt that goes out of the span makes room for one, it has been said.
        if is_calm {
            self.told.exhaustion = false;
        }
        if is_calm || wait.is_zero() || self.told.exhaustion {
            return;
        }
        let waiting: Vec<String> = self.store.look(|store| {
            let idle = |incident: &&Incident| matches!(incident.state, IncidentState::Open | IncidentState::GivenUp);
            store.ledger().incidents.values().filter(idle).map(|one| one.check.to_string()).collect()
        });
        if waiting.is_empty() {
            return;
        }
        self.told.exhaustion = true;
        tracing::error!(?wait, ?waiting, "there were too many attempts: no more are begun for now");
        let text = message::exhaustion(intensity, wait, &waiting);
        self.tell(NotificationKind::HealerDegraded, None, text).await;
    }

    /// What is to stand in the audit log.
    pub(super) fn record(&self, by: &Actor, action: &str, subject: &str, why: &str) -> Record {
        let who = match by {
            Actor::Engine => Who::new(ActorKind::Engine, by.to_string()),
            Actor::Person(name) => Who::new(ActorKind::Person, name),
        };
        Record::new(self.clock.now(), who, action, subject).why(why)
    }

    /// Writes it there. Where that cannot be done it is said, and healing goes on: the log keeps it until it can.
    pub(super) async fn witness(&mut self, record: Record) {
        let Some(log) = self.audit.clone() else { return };
        match tokio::task::spawn_blocking(move || log.append(record)).await {
            Ok(Ok(head)) => self.store.change(vec![Change::AuditHead(head.to_string())], Durable::Process).await,
            Ok(Err(error)) => tracing::error!(error = %chain(&error), "a deed is not in the audit log yet"),
            Err(error) => tracing::error!(%error, "a deed is not in the audit log"),
        }
    }
}
