//! The scheduler: the one loop that owns all state. It carries out what the pure parts decide.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::time::Instant;

use super::admission::{Admission, Disturbances, admit, timer_was_late};
use super::builder::Registration;
use super::cell::Board;
use super::graph::Graph;
use super::handle::{Command, EngineHandle, Shutdown};
use super::lane::Lanes;
use super::outbox::{Announce, Finished, Outbox};
use super::permits::{Limits, Permits};
use super::runner::{self, Ending, Order};
use super::schedule::{Schedule, grid_starts, next_on_grid, phase};
use super::self_check::{self, SELF_ID, SelfCheck};
use super::slot::{Running, Slot};
use super::vitals::{Lateness, Vitals};
use crate::base::blocking::BlockingPool;
use crate::base::clock::Clock;
use crate::contract::History;
use crate::contract::history::Entry;
use crate::model::event::{Event, EventKind};
use crate::model::view::{Execution, Outcome, Phase};
use crate::model::{CheckId, GatePolicy, Status};

/// What an engine is made of.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) registrations: Vec<Registration>,
    pub(crate) limits: Limits,
    pub(crate) pool: BlockingPool,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) history: Option<Arc<dyn History>>,
    pub(crate) self_check: bool,
    pub(crate) one_shot: bool,
}

pub(crate) struct Scheduler {
    pub(super) slots: Vec<Option<Slot>>,
    pub(super) index: HashMap<CheckId, u32>,
    pub(super) graph: Graph,
    pub(super) schedule: Schedule,
    pub(super) board: Arc<Board>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) history: Option<Arc<dyn History>>,
    /// Slots whose last known result is too old.
    pub(super) unknown: HashSet<u32>,
    pub(super) origin: Instant,
    pub(super) stopping: bool,
    pub(super) one_shot: bool,
    pub(super) permits: Permits,
    pub(super) lanes: Lanes,
    pub(super) pool: BlockingPool,
    pub(super) disturbances: Disturbances,
    bus: broadcast::Sender<Arc<Event>>,
    sequence: u64,
    attempts: u64,
    pub(super) running: usize,
    pub(super) lateness: Lateness,
    pub(super) vitals: Arc<ArcSwap<Vitals>>,
    pub(super) totals: Vitals,
    pub(super) ticks: u64,
    pub(super) last_tick: (Instant, Timestamp),
    commands: mpsc::Receiver<Command>,
    results: Arc<Outbox>,
}

/// Longer than any single run.
pub(super) const NEVER: Duration = Duration::from_hours(24);
/// The gate of a single run: its result is taken at its word.
const SINGLE: GatePolicy = GatePolicy { fail_after: 1, recover_after: 1, window: None, flap: None };
/// How often vitals are published and clocks compared.
const TICK: Duration = Duration::from_secs(1);
/// A pass that is so near is not anticipated for results. Timers are exact to a millisecond.
const SOON: Duration = Duration::from_millis(2);
/// Results taken in one go, so that commands and due checks get their turn under load.
const BATCH: usize = 512;

impl Scheduler {
    pub(crate) fn new(parts: Parts, lanes: Lanes) -> (Self, EngineHandle) {
        let (commands_to, commands) = mpsc::channel(64);
        let (bus, _) = broadcast::channel(1024);
        let board = Arc::new(Board::new(parts.clock.clone()));
        let vitals = Arc::new(ArcSwap::from_pointee(Vitals::default()));
        let now = Instant::now();
        let wall = parts.clock.now();
        let results = lanes.outbox();
        let mut scheduler = Self {
            slots: Vec::with_capacity(parts.registrations.len() + 1),
            index: HashMap::with_capacity(parts.registrations.len() + 1),
            graph: Graph::default(),
            schedule: Schedule::default(),
            board: board.clone(),
            clock: parts.clock.clone(),
            history: parts.history,
            unknown: HashSet::new(),
            origin: now,
            stopping: false,
            one_shot: parts.one_shot,
            permits: Permits::new(parts.limits),
            lanes,
            pool: parts.pool,
            disturbances: Disturbances::default(),
            bus: bus.clone(),
            sequence: 0,
            attempts: 0,
            running: 0,
            lateness: Lateness::default(),
            vitals: vitals.clone(),
            totals: Vitals::default(),
            ticks: 0,
            last_tick: (now, wall),
            commands,
            results,
        };
        let mut registrations = parts.registrations;
        if parts.self_check {
            let id = CheckId::new(SELF_ID).unwrap_or_else(|_| unreachable!("the id is valid"));
            let check = SelfCheck::new(id, vitals.clone(), parts.clock);
            registrations.push(Registration::new(check, self_check::spec()));
        }
        scheduler.insert_all(registrations, now, wall);
        (scheduler, EngineHandle { commands: commands_to, board, vitals, bus })
    }

    /// Runs until stopped.
    pub(crate) async fn run(mut self) {
        let mut batch = Vec::with_capacity(BATCH);
        // Nobody should see numbers of an engine without checks.
        self.tick(self.origin, self.clock.now());
        let mut tick = self.origin + TICK;
        let (grace, reply) = loop {
            let look = if self.running > 0 { Instant::now() + Lanes::LOOK } else { tick };
            let wake = self.schedule.next().unwrap_or(tick).min(tick).min(look);
            // Results that come right before the next pass wait for it.
            let soon = wake <= Instant::now() + SOON;
            let mut stop = None;
            // In random order: under load there are always results, and commands must get their turn.
            tokio::select! {
                () = self.results.told(), if !soon => {}
                command = self.commands.recv() => match command {
                    // Every handle is gone: nobody can look any more.
                    None => stop = Some((Duration::ZERO, None)),
                    Some(Command::Stop(grace, reply)) => stop = Some((grace, Some(reply))),
                    Some(command) => self.obey(command),
                },
                () = tokio::time::sleep_until(wake) => {}
            }
            let now = Instant::now();
            let wall = self.clock.now();
            self.note_delay(wake, now, wall);
            self.look_at_lanes(now, wall);
            self.finish_all(&mut batch, now, wall);
            // Bounded: a check whose time has come moves its next start into the future.
            while let Some(slot) = self.schedule.pop(now) {
                self.come_up(slot, now, wall);
            }
            if now >= tick {
                self.tick(now, wall);
                tick = now + TICK;
            }
            self.lanes.hand_over();
            if let Some(stop) = stop {
                break stop;
            }
        };
        self.stop(grace, reply, &mut batch).await;
    }

    async fn stop(mut self, grace: Duration, reply: Option<oneshot::Sender<Shutdown>>, batch: &mut Vec<Finished>) {
        self.stopping = true;
        let end = Instant::now() + grace;
        while self.running > 0 {
            let in_time = tokio::time::timeout_at(end, self.results.told()).await.is_ok();
            self.finish_all(batch, Instant::now(), self.clock.now());
            self.lanes.hand_over();
            if !in_time {
                break;
            }
        }
        let mut shutdown = Shutdown::default();
        for slot in self.slots.iter().flatten() {
            if let Some(placed) = slot.running.as_ref().and_then(|running| running.placed.as_ref()) {
                placed.abort.abort();
                shutdown.cut_off.push(slot.id().clone());
            }
        }
        let lanes = std::mem::replace(&mut self.lanes, Lanes::none());
        let left = lanes.shut_down().await;
        // Runs that needed no lane are dropped by this runtime, some dozens at a time, once it gets to them.
        for _ in 0..=shutdown.cut_off.len() / 32 {
            tokio::task::yield_now().await;
        }
        shutdown.left_behind = left.into_iter().filter_map(|slot| self.slot(slot)).map(|s| s.id().clone()).collect();
        if let Some(reply) = reply {
            // Whoever asked may have gone.
            drop(reply.send(shutdown));
        }
    }

    /// Takes what ended since the last pass.
    fn finish_all(&mut self, batch: &mut Vec<Finished>, now: Instant, wall: Timestamp) {
        self.results.take(BATCH, batch);
        for finished in batch.drain(..) {
            self.finish(finished, now, wall);
        }
    }

    pub(super) fn slot(&self, slot: u32) -> Option<&Slot> {
        self.slots.get(slot as usize).and_then(Option::as_ref)
    }

    pub(super) fn slot_mut(&mut self, slot: u32) -> Option<&mut Slot> {
        self.slots.get_mut(slot as usize).and_then(Option::as_mut)
    }

    /// Tells listeners. `Ran` events are made only when somebody listens.
    pub(super) fn emit(&mut self, at: Timestamp, kind: impl FnOnce() -> EventKind) {
        self.sequence += 1;
        if self.bus.receiver_count() > 0 {
            // The last listener may leave in between.
            drop(self.bus.send(Arc::new(Event { sequence: self.sequence, at, kind: kind() })));
        }
    }

    /// A check's moment has come: start it, or note what time itself has changed.
    fn come_up(&mut self, number: u32, now: Instant, wall: Timestamp) {
        let Some(slot) = self.slot_mut(number) else { return };
        if now < slot.due {
            self.settle(number, now, wall);
            return;
        }
        let due = slot.due;
        let interval = slot.spec.interval;
        let first = slot.last.is_none() && slot.running.is_none();
        let mut next = next_on_grid(self.origin, phase(self.id_of(number), interval), interval, now);
        if first && next < now + interval / 2 {
            // The first run comes early and off the grid; a second one right behind it would tell nothing new.
            next += interval;
        }
        let Some(slot) = self.slot_mut(number) else { return };
        slot.due = next;
        let (busy, paused) = (slot.running.is_some(), slot.paused.is_some());
        // Starts of the grid that went by while this program did not run are left out, and counted like those that found the
        // run before still going on.
        let missed = if paused { 0 } else { u64::from(busy) + grid_starts(due, now, interval) };
        slot.skipped += missed;
        let unlisted = slot.listed.replace(next) != Some(next);
        self.totals.skipped += missed;
        if unlisted {
            self.schedule.push(next, number);
        }
        if !busy && !paused && !self.stopping {
            self.start(number, due, now);
        }
        self.settle(number, now, wall);
    }

    fn id_of(&self, number: u32) -> &str {
        self.slot(number).map_or("", |slot| slot.id().as_str())
    }

    /// Starts a run, or puts it in line for a permit.
    pub(super) fn start(&mut self, number: u32, due: Instant, now: Instant) {
        self.start_again(number, due, false, now);
    }

    fn start_again(&mut self, number: u32, due: Instant, again: bool, now: Instant) {
        let Some(slot) = self.slot_mut(number) else { return };
        let kind = slot.check.kind();
        slot.running =
            Some(Box::new(Running { attempt: 0, due, again, placed: None, dispatched: now, reported_stuck: false }));
        self.running += 1;
        if self.permits.acquire(kind, number) {
            self.dispatch(number, now);
        }
    }

    /// Puts a run on a lane, taking it off another if it was on one.
    pub(super) fn dispatch(&mut self, number: u32, now: Instant) {
        self.attempts += 1;
        let attempt = self.attempts;
        let (to, pool, one_shot) = (self.results.clone(), self.pool.clone(), self.one_shot);
        let Some(slot) = self.slots.get_mut(number as usize).and_then(Option::as_mut) else { return };
        let Some(running) = &mut slot.running else { return };
        if let Some(placed) = running.placed.take() {
            placed.abort.abort();
            self.lanes.ended(placed.lane);
        }
        let check = slot.check.clone();
        let order = Order {
            timeout: slot.spec.timeout,
            on_timeout: slot.spec.on_timeout,
            previous: slot.last.clone(),
            one_shot,
            pool,
        };
        let lane = if slot.on_scheduler { Lanes::HOME } else { self.lanes.next_lane() };
        let begun = slot.begun.clone();
        let run = async move {
            begun.store(attempt, Ordering::Relaxed);
            let started = Instant::now();
            let ending = Ending::Panicked("it panicked while it was being stopped".to_owned());
            let finished = Finished { slot: number, attempt, lane, started, ended: started, ending };
            let mut announce = Announce { finished: Some(finished), to };
            let ending = runner::execute(&*check, order).await;
            if let Some(finished) = &mut announce.finished {
                finished.ending = ending;
            }
        };
        let abort = self.lanes.spawn(lane, number, run);
        running.attempt = attempt;
        running.dispatched = now;
        running.placed = Some(super::lane::Placed { lane, abort });
    }

    /// A run ended.
    fn finish(&mut self, finished: Finished, now: Instant, wall: Timestamp) {
        let Finished { slot: number, attempt, lane, started, ended, ending } = finished;
        let Some(slot) = self.slots.get_mut(number as usize).and_then(Option::as_mut) else { return };
        // A run that was given up and moved elsewhere no longer counts.
        let Some(running) = slot.running.take_if(|running| running.attempt == attempt) else { return };
        self.lanes.ended(lane);
        self.running -= 1;
        let kind = slot.check.kind();
        let timeout = slot.spec.timeout;
        let (mut outcome, mut report) = runner::interpret(ending, &slot.spec);
        if let Some(next) = self.permits.release(kind)
            && !self.stopping
        {
            self.dispatch(next, now);
        }
        if running.reported_stuck {
            // It came back after all; its result is old news, and the next run will tell.
            self.replan(number, now, now);
            return;
        }
        let failed = report.status != Status::Healthy;
        let disturbed = timer_was_late(started + timeout, ended, timeout) || self.disturbances.overlap(started, ended);
        match admit(failed, disturbed, running.again) {
            Admission::Rerun if !self.stopping => {
                self.totals.repeated += 1;
                self.start_again(number, now, true, now);
                return;
            }
            Admission::Late => {
                report = runner::late(&report);
                outcome = Outcome::Late;
            }
            Admission::Accept | Admission::Rerun => {}
        }
        let late_by = started.saturating_duration_since(running.due);
        // A start that was late because this program was stopped is told as that, not as a machine that is too busy.
        if !self.disturbances.overlap(running.due, started) {
            self.lateness.note(late_by);
        }
        let ago = now.saturating_duration_since(started);
        let execution = Execution {
            started: wall.checked_sub(ago).unwrap_or(wall),
            duration: ended.saturating_duration_since(started),
            late_by,
            outcome,
            report,
        };
        self.accept(number, execution, ended, now, wall);
        self.replan(number, started, now);
    }

    /// While a change is being confirmed, the next run comes sooner.
    fn replan(&mut self, number: u32, started: Instant, now: Instant) {
        let Some(slot) = self.slot(number) else { return };
        if matches!(slot.phase(), Phase::Soft { .. }) {
            self.pull_forward(number, (started + slot.spec.retry_interval).max(now));
        }
    }

    /// Runs a check sooner than planned, unless it is running or paused.
    pub(super) fn pull_forward(&mut self, number: u32, to: Instant) {
        let Some(slot) = self.slot_mut(number) else { return };
        if slot.running.is_none() && slot.paused.is_none() && to < slot.due {
            slot.due = to;
            self.schedule.push(to, number);
            // Readers are told when to look again.
            let (now, wall) = (Instant::now(), self.clock.now());
            self.publish(number, now, wall);
        }
    }

    /// Takes a result that counts.
    pub(super) fn accept(&mut self, number: u32, execution: Execution, ended: Instant, now: Instant, wall: Timestamp) {
        let one_shot = self.one_shot;
        let Some(slot) = self.slot_mut(number) else { return };
        let status = execution.report.status;
        let execution = Arc::new(execution);
        slot.runs += 1;
        slot.last = Some(execution.clone());
        slot.last_ended = Some(ended);
        if status.is_known() {
            slot.known_until = ended + if one_shot { NEVER } else { slot.spec.stale_after };
        }
        let policy = slot.spec.clone();
        let change = slot.gate.apply(status, if one_shot { &SINGLE } else { &policy.gate });
        slot.proven |= matches!(slot.gate.hard(), Status::Healthy | Status::Warning);
        let id = slot.id().clone();
        self.totals.runs += 1;
        if let Some(history) = &self.history {
            history.append(Entry::Ran { id: id.clone(), execution: execution.clone() });
        }
        if let Some(active) = change.flapping {
            self.emit(wall, || EventKind::Flapping { id: id.clone(), active });
        }
        self.emit(wall, || EventKind::Ran { id, execution });
        self.after_result(number, status, change.hard, now, wall);
        if let Some(slot) = self.slot_mut(number)
            && !slot.waiters.is_empty()
        {
            let view = slot.cell.load_full();
            for waiter in std::mem::take(&mut slot.waiters) {
                // A caller that stopped waiting is not missed.
                drop(waiter.send(view.clone()));
            }
        }
    }

    /// Takes a run away, because its check is removed or replaced.
    pub(super) fn cut_off(&mut self, number: u32) {
        let Some(slot) = self.slots.get_mut(number as usize).and_then(Option::as_mut) else { return };
        let kind = slot.check.kind();
        let Some(running) = slot.running.take() else { return };
        self.running -= 1;
        if let Some(placed) = running.placed {
            placed.abort.abort();
            self.lanes.ended(placed.lane);
            if let Some(next) = self.permits.release(kind) {
                let now = Instant::now();
                self.dispatch(next, now);
            }
        } else {
            self.permits.leave(kind, number);
        }
    }
}
