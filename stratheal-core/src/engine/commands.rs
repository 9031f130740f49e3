//! Changes while running: add, remove, replace, pause, run now, explain.

use std::collections::HashSet;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::builder::{EngineError, Registration, validate};
use super::cell::Cell;
use super::explain::Explanation;
use super::gate::Gate;
use super::graph::Graph;
use super::handle::{Applied, Command};
use super::schedule::{first_run, phase};
use super::scheduler::{NEVER, Scheduler};
use super::self_check::SELF_ID;
use super::slot::Slot;
use crate::model::event::EventKind;
use crate::model::view::{CheckView, Phase};
use crate::model::{CheckId, Status};

impl Scheduler {
    /// Carries out a command. Whoever asked may have gone, so answers that cannot be delivered are dropped.
    pub(super) fn obey(&mut self, command: Command) {
        let (now, wall) = (Instant::now(), self.clock.now());
        match command {
            Command::Add(registration, reply) => drop(reply.send(self.add(*registration, now, wall))),
            Command::Remove(id, reply) => drop(reply.send(self.remove(&id, now, wall))),
            Command::Apply(registrations, reply) => drop(reply.send(self.apply(registrations, now, wall))),
            Command::RunNow(id, reply) => self.run_now(&id, reply, now),
            Command::Pause(id, reason, reply) => drop(reply.send(self.pause(&id, reason, now, wall))),
            Command::Ping(reply) => drop(reply.send(())),
            Command::Explain(id, reply) => drop(reply.send(self.explain(&id, now))),
            Command::Stop(..) => unreachable!("the loop takes this command itself"),
        }
    }

    fn number_of(&self, id: &str) -> Result<u32, EngineError> {
        self.index.get(id).copied().ok_or_else(|| {
            let suggestion = crate::base::suggest::nearest(id, self.index.keys().map(CheckId::as_str));
            EngineError::NoSuchCheck { id: id.to_owned(), suggestion: suggestion.map(str::to_owned) }
        })
    }

    fn registrations(&self) -> Vec<Registration> {
        let user = self.slots.iter().flatten().filter(|slot| slot.id().as_str() != SELF_ID);
        user.map(|slot| Registration {
            check: slot.check.clone(),
            spec: slot.spec.clone(),
            // The check is the very same, so it is unchanged in any case.
            revision: slot.revision,
            on_scheduler: slot.on_scheduler,
        })
        .collect()
    }

    fn add(&mut self, registration: Registration, now: Instant, wall: Timestamp) -> Result<(), EngineError> {
        let mut all = self.registrations();
        all.push(registration.clone());
        validate(&all)?;
        self.insert_all(vec![registration], now, wall);
        Ok(())
    }

    fn remove(&mut self, id: &str, now: Instant, wall: Timestamp) -> Result<(), EngineError> {
        let number = self.number_of(id)?;
        let mut rest = self.registrations();
        rest.retain(|registration| registration.check.id().as_str() != id);
        validate(&rest)?;
        self.take_out(number, wall);
        self.rebuild(now, wall);
        Ok(())
    }

    fn apply(
        &mut self,
        registrations: Vec<Registration>,
        now: Instant,
        wall: Timestamp,
    ) -> Result<Applied, EngineError> {
        validate(&registrations)?;
        let mut applied = Applied::default();
        let wanted: HashSet<&CheckId> = registrations.iter().map(|registration| registration.check.id()).collect();
        let gone = self.index.iter().filter(|(id, _)| id.as_str() != SELF_ID && !wanted.contains(id));
        for number in gone.map(|(_, number)| *number).collect::<Vec<_>>() {
            self.take_out(number, wall);
            applied.removed += 1;
        }
        let mut new = Vec::new();
        for registration in registrations {
            let Some(&number) = self.index.get(registration.check.id()) else {
                applied.added += 1;
                new.push(registration);
                continue;
            };
            let unchanged = self.slot(number).is_some_and(|slot| {
                slot.revision != 0 && slot.revision == registration.revision && slot.spec == registration.spec
            });
            if unchanged {
                applied.unchanged += 1;
            } else {
                applied.changed += 1;
                self.replace(number, registration, now, wall);
            }
        }
        self.insert_all(new, now, wall);
        Ok(applied)
    }

    /// Puts another check in a slot, which keeps its state: a new threshold is no reason to forget that something is down.
    fn replace(&mut self, number: u32, registration: Registration, now: Instant, wall: Timestamp) {
        self.cut_off(number);
        // Many may change at once, and must not all run at once.
        let spread = first_run(
            phase(registration.check.id().as_str(), registration.spec.interval),
            registration.spec.interval,
            self.index.len(),
        );
        let Some(slot) = self.slot_mut(number) else { return };
        slot.check = registration.check;
        slot.spec = registration.spec;
        slot.revision = registration.revision;
        slot.on_scheduler = registration.on_scheduler;
        slot.known_until = slot.known_until.max(now + slot.spec.stale_after);
        slot.due = now + spread;
        slot.listed = None;
        let (id, due, awaited) = (slot.id().clone(), slot.due, !slot.waiters.is_empty());
        self.schedule.push(due, number);
        if awaited {
            // Whoever waits for the run that was cut off gets one of the new check, even while it is paused.
            self.start(number, now, now);
        }
        self.emit(wall, || EventKind::Registered { id, present: true });
    }

    fn take_out(&mut self, number: u32, wall: Timestamp) {
        self.cut_off(number);
        let Some(slot) = self.slots.get_mut(number as usize).and_then(Option::take) else { return };
        self.index.remove(slot.id().as_str());
        self.unknown.remove(&number);
        let id = slot.id().clone();
        self.emit(wall, || EventKind::Registered { id, present: false });
    }

    /// Puts checks in, and makes graph and cells anew.
    pub(super) fn insert_all(&mut self, registrations: Vec<Registration>, now: Instant, wall: Timestamp) {
        let count = registrations.len();
        let mut free: Vec<u32> = (0..self.slots.len() as u32).filter(|n| self.slot(*n).is_none()).collect();
        for Registration { check, spec, revision, on_scheduler } in registrations {
            let id = check.id().clone();
            let spread = first_run(phase(id.as_str(), spec.interval), spec.interval, count);
            // Nothing starts by itself in a single run.
            let delay = if self.one_shot { NEVER } else { spec.initial_delay + spread };
            let due = now + delay;
            let view = CheckView {
                id: id.clone(),
                status: Status::Unknown,
                hard: Status::Unknown,
                phase: Phase::Pending,
                since: wall,
                flapping: false,
                stale: false,
                proven: false,
                muted: None,
                spec: spec.clone(),
                last: None,
                runs: 0,
                skipped: 0,
                next: wall.checked_add(delay).ok(),
            };
            let slot = Slot {
                known_until: due + if self.one_shot { NEVER } else { spec.stale_after },
                check,
                spec,
                revision,
                on_scheduler,
                cell: Arc::new(Cell::from_pointee(view)),
                due,
                listed: None,
                running: None,
                begun: Arc::default(),
                waiters: Vec::new(),
                gate: Gate::default(),
                last: None,
                last_ended: None,
                status: Status::Unknown,
                muted: None,
                since: wall,
                stale: false,
                proven: false,
                postponed: None,
                paused: None,
                runs: 0,
                skipped: 0,
            };
            let number = if let Some(number) = free.pop() {
                self.slots[number as usize] = Some(slot);
                number
            } else {
                self.slots.push(Some(slot));
                self.slots.len() as u32 - 1
            };
            self.index.insert(id.clone(), number);
            self.schedule.push(due, number);
            self.emit(wall, || EventKind::Registered { id, present: true });
        }
        self.rebuild(now, wall);
    }

    /// Makes graph and cells anew after the set of checks changed.
    fn rebuild(&mut self, now: Instant, wall: Timestamp) {
        let numbered = (0_u32..).zip(&self.slots).filter_map(|(number, slot)| slot.as_ref().map(|slot| (number, slot)));
        let checks = numbered.clone().map(|(number, slot)| (number, slot.id(), slot.spec.depends_on.as_slice()));
        match Graph::build(checks) {
            Ok(graph) => self.graph = graph,
            Err(errors) => tracing::error!(?errors, "dependencies were validated before and are wrong now"),
        }
        let cells = numbered.map(|(_, slot)| (slot.id().clone(), slot.cell.clone())).collect();
        self.board.replace_cells(cells);
        let dependent: Vec<u32> =
            (0..self.slots.len() as u32).filter(|n| self.slot(*n).is_some_and(|slot| slot.runs > 0)).collect();
        for number in dependent {
            self.settle(number, now, wall);
        }
    }

    fn run_now(&mut self, id: &str, reply: oneshot::Sender<Arc<CheckView>>, now: Instant) {
        // Dropping the reply tells the caller that the check is gone.
        let Ok(number) = self.number_of(id) else { return };
        let Some(slot) = self.slot_mut(number) else { return };
        if slot.running.as_ref().is_some_and(|running| running.reported_stuck) {
            // It may never come back, and what there is to say was said. The caller may have gone.
            drop(reply.send(slot.cell.load_full()));
            return;
        }
        slot.waiters.push(reply);
        if slot.running.is_none() {
            self.start(number, now, now);
        }
    }

    fn pause(&mut self, id: &str, reason: Option<String>, now: Instant, wall: Timestamp) -> Result<(), EngineError> {
        let number = self.number_of(id)?;
        if let Some(slot) = self.slot_mut(number) {
            let resumed = slot.paused.is_some() && reason.is_none();
            slot.paused = reason.clone().map(String::into_boxed_str);
            if resumed {
                slot.known_until = now + slot.spec.stale_after;
                self.pull_forward(number, now);
            }
            let id = self.index.get_key_value(id).map(|(id, _)| id.clone());
            if let Some(id) = id {
                self.emit(wall, || EventKind::Paused { id, reason });
            }
        }
        self.settle(number, now, wall);
        for child in self.graph.descendants(number) {
            self.settle(child, now, wall);
        }
        Ok(())
    }

    fn explain(&self, id: &str, now: Instant) -> Option<Explanation> {
        let number = self.number_of(id).ok()?;
        let slot = self.slot(number)?;
        let status_of = |number: u32| self.slot(number).map(|slot| (slot.id().clone(), slot.status));
        let doing = match &slot.running {
            Some(running) if running.placed.is_some() => {
                format!("running for {:.1}s", (now - running.dispatched).as_secs_f64())
            }
            Some(_) => "waits for its turn: as many of its kind as allowed are running".to_owned(),
            None if slot.paused.is_some() => "paused".to_owned(),
            None if self.one_shot => "was run once, to be explained".to_owned(),
            None => format!("runs next in {:.1}s", slot.due.saturating_duration_since(now).as_secs_f64()),
        };
        let dependants = self.graph.descendants(number).into_iter().filter_map(|child| self.slot(child));
        Some(Explanation {
            view: slot.cell.load_full(),
            last_known: slot.gate.last(),
            flap_percent: slot.gate.flap_percent(),
            parents: self.graph.parents(number).filter_map(status_of).collect(),
            dependants: dependants.map(|child| child.id().clone()).collect(),
            postponed: Self::postponed_text(slot, now),
            now: doing,
        })
    }
}
