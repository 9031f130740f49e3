//! Noticing that this program itself did not run in time, and publishing how the engine does.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::scheduler::Scheduler;
use super::self_check::SELF_ID;
use super::vitals::{Lateness, Vitals};
use crate::model::CheckId;
use crate::model::event::EventKind;

/// The wall clock counts as set when it differs by more than this from the monotonic clock within a tick, in seconds.
const CLOCK_JUMP: f64 = 2.0;

impl Scheduler {
    /// Compares when the scheduler wanted to wake up with when it did.
    pub(super) fn note_delay(&mut self, planned: Instant, now: Instant, wall: Timestamp) {
        let Some(by) = self.disturbances.note(planned, now) else { return };
        // Nobody could measure or look meanwhile: results do not age in that time, and are renewed right after it.
        for slot in self.slots.iter_mut().flatten() {
            slot.known_until += by;
        }
        if by >= Duration::from_secs(1) {
            tracing::warn!(?by, "this program did not get to run");
            self.totals.delayed = Some((wall, by));
            self.emit(wall, || EventKind::Delayed { by });
        }
    }

    /// Once a second: publish how the engine does, and compare the clocks.
    pub(super) fn tick(&mut self, now: Instant, wall: Timestamp) {
        self.ticks += 1;
        if self.ticks.is_multiple_of(Lateness::PART.as_secs()) {
            self.lateness.advance();
        }
        let (last_now, last_wall) = std::mem::replace(&mut self.last_tick, (now, wall));
        let seconds = wall.duration_since(last_wall).as_secs_f64() - (now - last_now).as_secs_f64();
        if seconds.abs() > CLOCK_JUMP {
            tracing::warn!(seconds, "the wall clock was set");
            self.totals.clock_jumped = Some((wall, seconds));
            self.emit(wall, || EventKind::ClockJumped { seconds });
        }
        let name = |slot: u32| self.slot(slot).map(|slot| slot.id().clone());
        let mut unknown: Vec<CheckId> = self.unknown.iter().filter_map(|slot| name(*slot)).collect();
        unknown.retain(|id| id.as_str() != SELF_ID);
        unknown.sort_unstable();
        self.vitals.store(Arc::new(Vitals {
            checks: self.index.len(),
            running: self.running,
            waiting: self.permits.waiting(),
            lateness_p50: self.lateness.quantile(0.5),
            lateness_p99: self.lateness.quantile(0.99),
            blocking: self.lanes.stalling().filter_map(|(slot, _)| name(slot)).collect(),
            stuck: self.pool.stuck(),
            unknown,
            history: self.history.as_ref().map(|history| history.state()),
            ..self.totals.clone()
        }));
    }
}
