//! What the scheduler keeps of one check. Plain data; kept small because there may be a hundred thousand of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::cell::Cell;
use super::gate::Gate;
use super::lane::Placed;
use crate::contract::HealthCheck;
use crate::model::view::{CheckView, Execution, Muted, Phase};
use crate::model::{CheckId, CheckSpec, Status};

/// One registered check and its state.
pub(crate) struct Slot {
    pub(crate) check: Arc<dyn HealthCheck>,
    pub(crate) spec: Arc<CheckSpec>,
    /// See [`Registration`](super::Registration).
    pub(crate) revision: u64,
    pub(crate) on_scheduler: bool,
    pub(crate) cell: Arc<Cell>,
    /// When it is to start next.
    pub(crate) due: Instant,
    /// The start on the grid that is in the schedule already.
    pub(crate) listed: Option<Instant>,
    pub(crate) running: Option<Box<Running>>,
    /// The attempt that last began on a lane; written there.
    pub(crate) begun: Arc<AtomicU64>,
    /// Who asked for a run and waits for its result.
    pub(crate) waiters: Vec<oneshot::Sender<Arc<CheckView>>>,
    pub(crate) gate: Gate,
    pub(crate) last: Option<Arc<Execution>>,
    pub(crate) last_ended: Option<Instant>,
    /// Until then the last known result still says something.
    pub(crate) known_until: Instant,
    /// What was told to the world.
    pub(crate) status: Status,
    pub(crate) muted: Option<Box<Muted>>,
    pub(crate) since: Timestamp,
    pub(crate) stale: bool,
    pub(crate) proven: bool,
    pub(crate) postponed: Option<Box<Postponed>>,
    pub(crate) paused: Option<Box<str>>,
    pub(crate) runs: u64,
    pub(crate) skipped: u64,
}

/// A run that was asked for and has not ended.
pub(crate) struct Running {
    /// Distinguishes this run from earlier ones of the same slot, whose results no longer count.
    pub(crate) attempt: u64,
    /// When it should have started.
    pub(crate) due: Instant,
    /// Whether it repeats a run that was late.
    pub(crate) again: bool,
    /// Where it is; `None` while it stands in line for a permit.
    pub(crate) placed: Option<Placed>,
    pub(crate) dispatched: Instant,
    /// Whether it was already reported as stuck.
    pub(crate) reported_stuck: bool,
}

/// Why a change of state is not told yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Postponed {
    /// It turned bad, and a parent may turn out to be the cause: wait for the parents' next results.
    Parents {
        /// Results of parents that ended before this are too old to decide.
        since: Instant,
        until: Instant,
    },
    /// Its root cause is gone, and it must show anew that it fails by itself.
    Recheck { root: CheckId, bad: u32, until: Instant },
}

impl Slot {
    pub(crate) fn id(&self) -> &CheckId {
        self.check.id()
    }

    /// Whether a run has begun on its lane.
    pub(crate) fn has_begun(&self, running: &Running) -> bool {
        self.begun.load(Ordering::Relaxed) == running.attempt
    }

    /// The confirmed state by its own results, as far as they still say something.
    pub(crate) fn own_status(&self, now: Instant) -> Status {
        if now < self.known_until || self.paused.is_some() { self.gate.hard() } else { Status::Unknown }
    }

    pub(crate) fn in_maintenance(&self, now: Timestamp) -> bool {
        self.spec.maintenance.iter().any(|window| window.contains(now))
    }

    /// Whether it is known to be down by its own results: the only thing that makes it a root cause.
    pub(crate) fn is_down(&self, now: Instant, wall: Timestamp) -> bool {
        self.own_status(now) == Status::Critical && self.paused.is_none() && !self.in_maintenance(wall)
    }

    /// Whether its next results may still make it the cause of a child's failure that began at `since`.
    pub(crate) fn may_turn_down(&self, since: Instant, wall: Timestamp) -> bool {
        if self.paused.is_some() || self.in_maintenance(wall) {
            return false;
        }
        if self.stale {
            return false;
        }
        let fresh = self.last_ended.is_some_and(|ended| ended >= since);
        !fresh || matches!(self.phase(), Phase::Soft { toward: Status::Critical, .. })
    }

    pub(crate) fn phase(&self) -> Phase {
        self.gate.phase(&self.spec.gate)
    }

    pub(crate) fn view(&self, now: Instant, wall: Timestamp) -> CheckView {
        let ahead = self.due.saturating_duration_since(now);
        let next = self.paused.is_none().then(|| wall.checked_add(ahead).ok()).flatten();
        CheckView {
            id: self.id().clone(),
            status: self.status,
            hard: self.gate.hard(),
            phase: self.phase(),
            since: self.since,
            flapping: self.gate.flapping(),
            stale: self.stale,
            proven: self.proven,
            muted: self.muted.as_deref().cloned(),
            spec: self.spec.clone(),
            last: self.last.clone(),
            runs: self.runs,
            skipped: self.skipped,
            next,
        }
    }
}
