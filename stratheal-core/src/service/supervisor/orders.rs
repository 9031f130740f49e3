//! What callers ask for.

use super::actor::Actor;
use super::entry::Want;
use super::error::ServiceError;
use super::inside::Reply;
use crate::model::ServiceId;
use crate::service::state::{Input, StoppedBy};

impl Actor {
    pub(super) async fn start(&mut self, id: &ServiceId, reply: Reply<()>, input: Input) {
        if let Err(error) = self.remember(id, false).await {
            drop(reply.send(Err(error)));
            return;
        }
        self.order(id, reply, input, Want::Run);
    }

    /// For those who heal: they do not overrule a person.
    pub(super) fn restart_unless_stopped(&mut self, id: &ServiceId, reply: Reply<()>) {
        if self.remembered.contains(id) {
            drop(reply.send(Err(ServiceError::StoppedByPerson { id: id.clone() })));
        } else {
            self.order(id, reply, Input::Restart, Want::Run);
        }
    }

    pub(super) async fn stop(&mut self, id: ServiceId, by: StoppedBy, reply: Reply<()>) {
        // Stopped all the same when it cannot be remembered, and then said.
        let remembered = if by == StoppedBy::Person { self.remember(&id, true).await } else { Ok(()) };
        match remembered {
            Ok(()) => self.order(&id, reply, Input::Stop(by), Want::Stop),
            Err(error) => {
                self.drive(id, Input::Stop(by));
                drop(reply.send(Err(error)));
            }
        }
    }

    fn order(&mut self, id: &ServiceId, reply: Reply<()>, input: Input, want: Want) {
        let Some(entry) = self.entries.get_mut(id) else {
            drop(reply.send(Err(self.no_such(id.as_str()))));
            return;
        };
        entry.not_stopped = None;
        self.drive(id.clone(), input);
        match self.entries.get_mut(id) {
            Some(entry) => {
                entry.waiters.push((want, reply));
                entry.answer();
            }
            None => drop(reply.send(Ok(()))),
        }
    }

    pub(super) fn mark_ready(&mut self, id: &ServiceId) -> Result<(), ServiceError> {
        let entry = self.entries.get(id).ok_or_else(|| self.no_such(id.as_str()))?;
        if let Some(run) = entry.machine.run().map(str::to_owned) {
            self.drive(id.clone(), Input::Ready { run });
        }
        Ok(())
    }

    async fn remember(&mut self, id: &ServiceId, stopped: bool) -> Result<(), ServiceError> {
        if !self.entries.contains_key(id) {
            return Ok(());
        }
        let kept = self.remembered.set(id, stopped).await;
        kept.map_err(|source| ServiceError::Storage { what: "remember that a person stopped a service", source })
    }

    fn no_such(&self, id: &str) -> ServiceError {
        super::handle::no_such_service(id, self.entries.keys().map(ServiceId::as_str))
    }
}
