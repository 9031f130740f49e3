//! Watching the lanes: a check that blocks its thread must not hold up the others, and is named.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::runner;
use super::scheduler::Scheduler;
use super::slot::Slot;
use crate::model::event::EventKind;
use crate::model::view::{Execution, Outcome};

/// How long after its deadline a run may still report before it is given up.
const GRACE: Duration = Duration::from_millis(500);

impl Scheduler {
    /// Finds blocked lanes, moves what is on them, and gives up runs whose lane does not come back.
    pub(super) fn look_at_lanes(&mut self, now: Instant, wall: Timestamp) {
        for blocked in self.lanes.look(now) {
            if blocked.stalled
                && let Some(culprit) = self.slot(blocked.check)
            {
                let id = culprit.id().clone();
                tracing::warn!(check = %id, "a check blocks its thread");
                self.emit(wall, || EventKind::Blocked { id });
            }
            // What has begun may still go on when the lane comes back soon; what has not begun must not wait for that.
            let moves = |slot: &Slot| {
                let running = slot.running.as_deref()?;
                let here = running.placed.as_ref()?.lane == blocked.lane;
                (here && (blocked.stalled || !slot.has_begun(running))).then_some(())
            };
            let others: Vec<u32> = (0..self.slots.len() as u32)
                .filter(|number| *number != blocked.check && self.slot(*number).and_then(moves).is_some())
                .collect();
            for slot in others {
                self.dispatch(slot, now);
            }
        }
        let stalling: Vec<(u32, Instant)> = self.lanes.stalling().collect();
        for (slot, since) in stalling {
            self.report_stuck(slot, since, now, wall);
        }
    }

    /// Publishes that a check does not give its thread back, once its time is over.
    fn report_stuck(&mut self, number: u32, since: Instant, now: Instant, wall: Timestamp) {
        let Some(slot) = self.slot_mut(number) else { return };
        let timeout = slot.spec.timeout;
        let Some(running) = &mut slot.running else { return };
        if running.reported_stuck || now < running.dispatched + timeout + GRACE {
            return;
        }
        running.reported_stuck = true;
        let execution = Execution {
            started: wall.checked_sub(now - running.dispatched).unwrap_or(wall),
            duration: now - running.dispatched,
            late_by: running.dispatched.saturating_duration_since(running.due),
            outcome: Outcome::Stuck,
            report: runner::stuck(now - since),
        };
        self.accept(number, execution, now, now, wall);
    }
}
