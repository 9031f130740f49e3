//! What was there before this engine: runs of the keeper, and services that look after themselves.

use std::time::Duration;

use super::actor::Actor;
use super::event::What;
use super::inside::Inside;
use crate::model::ServiceId;
use crate::service::ending::Ending;
use crate::service::outside::Outside;
use crate::service::protocol::{Cleared, Request, RunView};
use crate::service::spec::{How, Ready, ServiceSpec};
use crate::service::state::{Input, StoppedBy};

impl Actor {
    /// The keeper is there, and this is what runs: whatever differs from what was known is taken over.
    pub(super) fn reconcile(&mut self, runs: &[RunView], cleared: Vec<Cleared>) {
        self.hear_cleared(cleared);
        let children = self.entries.iter().filter(|(_, entry)| entry.is_child() && !entry.machine.is_launching());
        let known: Vec<(ServiceId, String)> =
            children.filter_map(|(id, entry)| Some((id.clone(), entry.machine.run()?.to_owned()))).collect();
        for (id, run) in known {
            if let Some(view) = runs.iter().find(|view| view.run == run) {
                self.catch_up(&id, view);
            } else {
                let ending = Ending::unseen(self.now());
                self.drive(id, Input::Lost { run, ending });
            }
        }
        let current: Vec<&str> = self.entries.values().filter_map(|entry| entry.machine.run()).collect();
        self.found = runs.iter().filter(|view| !current.contains(&view.run.as_str())).cloned().collect();
        if self.applied {
            self.drop_unclaimed();
        }
    }

    /// Tells once of what a killed keeper had left.
    pub(super) fn hear_cleared(&mut self, cleared: Vec<Cleared>) {
        for gone in cleared {
            if self.told.insert(gone.run) {
                self.tell(&gone.service, What::Cleared { pids: gone.pids });
            }
        }
    }

    /// What happened to a run while nobody listened.
    fn catch_up(&mut self, id: &ServiceId, view: &RunView) {
        let run = || view.run.clone();
        if view.executed {
            self.drive(id.clone(), Input::Executed { run: run() });
        }
        if view.ready {
            self.drive(id.clone(), Input::Ready { run: run() });
        }
        if let Some(ending) = &view.ended {
            self.drive(id.clone(), Input::Ended { run: run(), ending: ending.clone() });
        }
        if view.gone {
            self.drive(id.clone(), Input::Gone { run: run() });
        }
    }

    /// Takes over what of a service runs, or starts it unless a person stopped it.
    pub(super) async fn begin(&mut self, id: &ServiceId) {
        let stopped = self.remembered.contains(id);
        let Some(entry) = self.entries.get(id) else { return };
        let is_child = entry.spec.how == How::Child;
        let mut mine = Vec::new();
        self.found.retain(|view| {
            let is_mine = view.service == *id;
            if is_mine {
                mine.push(view.clone());
            }
            !is_mine
        });
        // The live one last; there is one at most. A child that is described as something else by now has to go first all the same.
        mine.sort_by_key(|view| !view.gone);
        let last = mine.pop_if(|view| is_child || !view.gone);
        for older in mine {
            if let Some(ending) = older.ended {
                self.tell(id, What::Ended { ending, expected: older.stopping });
            }
            self.acknowledge(older.run);
        }
        match last {
            Some(last) => self.take_over(id, last, stopped),
            None if self.options.only_what_runs => self.take_over_outside(id).await,
            None if !is_child => self.begin_outside(id),
            None if stopped => {}
            None => self.drive(id.clone(), Input::Start),
        }
    }

    fn take_over(&mut self, id: &ServiceId, view: RunView, stopped: bool) {
        let Some(entry) = self.entries.get_mut(id) else { return };
        entry.executed = view.executed;
        entry.text.clone_from(&view.text);
        let outdated = entry.adopt(&view.digest) && view.ended.is_none() && !entry.removed;
        entry.outdated = outdated;
        // The time in which it was not asked whether its check passes does not count. What the keeper hears itself has the rest.
        let spent = if matches!(entry.spec.ready, Ready::Check(_)) { Duration::ZERO } else { view.age };
        let wait = entry.spec.start_timeout.saturating_sub(spent);
        let ready_at_once = view.executed && entry.machine.is_ready_at_once();
        let (run, gone) = (view.run.clone(), view.gone);
        let unready_check = !entry.machine.is_ready_at_once() && view.executed;
        let input = Input::Found {
            run: view.run,
            pid: Some(view.pid),
            ready: view.ready || ready_at_once,
            ended: view.ended,
            stopping: view.stopping,
        };
        self.drive(id.clone(), input);
        self.limit_start(id, wait);
        if unready_check {
            self.drive(id.clone(), Input::Executed { run: run.clone() });
        }
        if outdated {
            self.tell(id, What::Outdated);
        }
        if stopped {
            self.drive(id.clone(), Input::Stop(StoppedBy::Person));
        }
        if gone {
            self.drive(id.clone(), Input::Gone { run });
        }
        self.publish(id);
    }

    /// Asks whether it runs already. What a person has stopped, also meanwhile, is not started for all that: see `find_out`.
    fn begin_outside(&self, id: &ServiceId) {
        let Some(entry) = self.entries.get(id) else { return };
        let (spec, id, sender) = (entry.spec.clone(), id.clone(), self.sender.clone());
        tokio::spawn(async move {
            let input = match Outside::of(&spec).status().await {
                Ok(seen) if seen.alive => found(&id, seen.pid),
                Ok(_) => Input::Start,
                Err(why) => {
                    tracing::warn!(service = %id, why, "cannot tell whether it runs; it is started if it shall run");
                    Input::Start
                }
            };
            // Nobody is left to tell when the supervisor has stopped.
            drop(sender.send(Inside { id, input }).await);
        });
    }

    /// Takes over a service that looks after itself, if it runs.
    async fn take_over_outside(&mut self, id: &ServiceId) {
        let Some(entry) = self.entries.get(id).filter(|entry| !entry.is_child()) else { return };
        match Outside::of(&entry.spec).status().await {
            Ok(seen) if seen.alive => self.drive(id.clone(), found(id, seen.pid)),
            Ok(_) => {}
            Err(why) => tracing::warn!(service = %id, why, "cannot tell whether it runs; it is left alone"),
        }
    }

    /// Stops what runs in the keeper and belongs to no service that is described.
    pub(super) fn drop_unclaimed(&mut self) {
        if self.options.only_what_runs {
            return;
        }
        for view in std::mem::take(&mut self.found) {
            if view.gone {
                self.acknowledge(view.run);
            } else if !self.entries.contains_key(&view.service) {
                tracing::info!(service = %view.service, pid = view.pid, "it runs, but is not described any more: it is stopped");
                // Known until it is gone: it may be described again before.
                let id = view.service.clone();
                self.insert(ServiceSpec::child(id.clone(), [""; 0])).removed = true;
                self.take_over(&id, view, false);
                self.drive(id, Input::Stop(StoppedBy::Engine));
            } else if let Some(link) = self.link.clone() {
                // A run whose start was given up.
                tokio::spawn(async move { link.ask(Request::Stop { run: view.run }).await });
            }
        }
    }
}

/// A service outside was found running.
fn found(id: &ServiceId, pid: Option<u32>) -> Input {
    Input::Found { run: format!("{id}-found"), pid, ready: false, ended: None, stopping: false }
}
