//! From confirmed states to what is told: root causes, waiting for parents, staleness, maintenance, pauses.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::schedule::phase;
use super::scheduler::Scheduler;
use super::slot::{Postponed, Slot};
use crate::contract::history::Entry;
use crate::model::aggregate::worse;
use crate::model::event::{EventKind, Transition};
use crate::model::view::{Muted, Phase};
use crate::model::{CheckId, Status};

/// On top of a parent's own time: what scheduling and reporting take.
const MARGIN: Duration = Duration::from_millis(200);

impl Scheduler {
    /// Draws the conclusions of a result: for the check itself, for those that wait for it, and for those it is the cause of.
    pub(super) fn after_result(
        &mut self,
        number: u32,
        status: Status,
        change: Option<(Status, Status)>,
        now: Instant,
        wall: Timestamp,
    ) {
        if let Some((from, to)) = change
            && failing(to)
            && !self.one_shot
            && worse(from, to) == to
        {
            self.await_parents(number, now, wall);
        }
        self.count_recheck(number, status);
        self.settle(number, now, wall);
        let descendants = self.graph.descendants(number);
        if descendants.is_empty() {
            return;
        }
        if status.is_known() {
            self.extend_waiting(number, &descendants, now);
        }
        for child in descendants {
            self.settle(child, now, wall);
        }
    }

    /// A check turned bad. If a parent might turn out to be the cause, that is asked first.
    fn await_parents(&mut self, number: u32, now: Instant, wall: Timestamp) {
        let ancestors = self.ancestors(number);
        let Some(slot) = self.slot(number) else { return };
        // Parents must be looked at after the failure was seen first, not after it was confirmed.
        let since =
            slot.last_ended.map_or(now, |ended| ended - slot.last.as_ref().map_or(Duration::ZERO, |l| l.duration));
        let undecided: Vec<u32> = ancestors
            .into_iter()
            .filter(|parent| self.slot(*parent).is_some_and(|parent| parent.may_turn_down(since, wall)))
            .collect();
        let Some(longest) = undecided.iter().filter_map(|p| self.slot(*p)).map(|p| p.spec.timeout).max() else {
            return;
        };
        let until = now + longest + MARGIN;
        if let Some(slot) = self.slot_mut(number) {
            slot.postponed = Some(Box::new(Postponed::Parents { since, until }));
        }
        self.schedule.push(until, number);
        for parent in undecided {
            self.pull_forward(parent, now);
        }
    }

    /// A parent whose first bad result is in is given the time to confirm it.
    fn extend_waiting(&mut self, parent: u32, children: &[u32], now: Instant) {
        let Some(slot) = self.slot(parent) else { return };
        let Phase::Soft { toward: Status::Critical, seen, needed } = slot.phase() else { return };
        let confirm = (slot.spec.retry_interval + slot.spec.timeout) * needed.saturating_sub(seen).min(16);
        let limit = now + confirm + MARGIN;
        for child in children {
            let Some(slot) = self.slot_mut(*child) else { continue };
            if let Some(Postponed::Parents { until, .. }) = slot.postponed.as_deref_mut()
                && *until < limit
            {
                *until = limit;
                self.schedule.push(limit, *child);
            }
        }
    }

    /// Counts the bad results of a check whose root cause is gone.
    fn count_recheck(&mut self, number: u32, status: Status) {
        let Some(slot) = self.slot_mut(number) else { return };
        let hard = slot.gate.hard();
        let Some(Postponed::Recheck { bad, .. }) = slot.postponed.as_deref_mut() else { return };
        *bad += u32::from(failing(status));
        if hard == Status::Healthy {
            slot.postponed = None;
        }
    }

    fn ancestors(&self, number: u32) -> Vec<u32> {
        let mut found: Vec<u32> = self.graph.parents(number).collect();
        let mut next = 0;
        while let Some(&node) = found.get(next) {
            next += 1;
            for parent in self.graph.parents(node) {
                if !found.contains(&parent) {
                    found.push(parent);
                }
            }
        }
        found
    }

    /// Brings what is told about a check up to date.
    pub(super) fn settle(&mut self, number: u32, now: Instant, wall: Timestamp) {
        let Some(slot) = self.slot(number) else { return };
        let own = slot.own_status(now);
        let stale = slot.paused.is_none() && now >= slot.known_until;
        // What nobody is told about on purpose needs no root cause.
        let planned = if let Some(reason) = &slot.paused {
            Some(Muted::Paused { reason: reason.to_string() })
        } else {
            slot.in_maintenance(wall).then_some(Muted::Maintenance)
        };
        let cause = if planned.is_some() { None } else { self.cause(number, own, now, wall) };
        if self.waits_for_parents(number, now, wall) {
            self.publish(number, now, wall);
            return;
        }
        let Some(slot) = self.slot_mut(number) else { return };
        slot.postponed.take_if(|postponed| matches!(**postponed, Postponed::Parents { .. }));
        let status = if cause.is_some() { Status::Unknown } else { own };
        let muted = planned.or(cause.map(|root| Muted::Cause { root }));
        let before = std::mem::replace(&mut slot.status, status);
        let unmuted = slot.muted.is_some() && muted.is_none() && status != Status::Healthy;
        slot.muted = muted.clone().map(Box::new);
        slot.stale = stale;
        if before != status {
            slot.since = wall;
        }
        let transition = (before != status || unmuted).then(|| Transition {
            id: slot.id().clone(),
            from: before,
            to: status,
            summary: slot.last.as_ref().map_or_else(String::new, |last| last.report.summary.clone().into_owned()),
            muted,
            flapping: slot.gate.flapping(),
        });
        if stale {
            self.unknown.insert(number);
        } else {
            self.unknown.remove(&number);
        }
        self.publish(number, now, wall);
        // Whoever hears of it and looks must see it.
        if let Some(transition) = transition {
            if let Some(history) = &self.history {
                history.append(Entry::Changed { at: wall, transition: transition.clone() });
            }
            self.emit(wall, || EventKind::Changed(transition));
        }
    }

    /// The root cause to be named, if the check fails because of a parent, or may still do so.
    fn cause(&mut self, number: u32, own: Status, now: Instant, wall: Timestamp) -> Option<CheckId> {
        let slot = self.slot(number)?;
        if !failing(own) {
            return None;
        }
        let down = |parent: u32| self.slot(parent).is_some_and(|parent| parent.is_down(now, wall));
        if let Some(root) = self.graph.root_cause(number, &down) {
            return self.slot(root).map(|root| root.id().clone());
        }
        let (limit, fail_after) = (slot.spec.stale_after, slot.spec.gate.fail_after);
        let (retry, id) = (slot.spec.retry_interval, slot.id().clone());
        match (slot.postponed.as_deref(), slot.muted.as_deref()) {
            (Some(Postponed::Recheck { root, bad, until }), _) if *bad < fail_after && now < *until => {
                return Some(root.clone());
            }
            (None, Some(Muted::Cause { root })) => {
                // The cause is gone. Whether the check fails by itself, only its own next results can tell; until then nobody
                // is alarmed. Many children must not storm the parent that just came back.
                let root = root.clone();
                let slot = self.slot_mut(number)?;
                let recheck = Postponed::Recheck { root: root.clone(), bad: 0, until: now + limit };
                slot.postponed = Some(Box::new(recheck));
                self.pull_forward(number, now + phase(id.as_str(), retry));
                return Some(root);
            }
            _ => {}
        }
        let slot = self.slot_mut(number)?;
        slot.postponed.take_if(|postponed| matches!(**postponed, Postponed::Recheck { .. }));
        None
    }

    fn waits_for_parents(&self, number: u32, now: Instant, wall: Timestamp) -> bool {
        let Some(slot) = self.slot(number) else { return false };
        let Some(Postponed::Parents { since, until }) = slot.postponed.as_deref() else { return false };
        let down = |parent: u32| self.slot(parent).is_some_and(|parent| parent.is_down(now, wall));
        failing(slot.own_status(now))
            && now < *until
            && self.graph.root_cause(number, &down).is_none()
            && self.ancestors(number).into_iter().filter_map(|p| self.slot(p)).any(|p| p.may_turn_down(*since, wall))
    }

    /// Swaps the cell that readers see.
    pub(super) fn publish(&mut self, number: u32, now: Instant, wall: Timestamp) {
        let Some(slot) = self.slot(number) else { return };
        slot.cell.store(Arc::new(slot.view(now, wall)));
        self.board.changed();
    }

    /// Says in words why a change is not told yet.
    pub(super) fn postponed_text(slot: &Slot, now: Instant) -> Option<String> {
        let left = |until: &Instant| until.saturating_duration_since(now).as_secs_f64();
        Some(match slot.postponed.as_deref()? {
            Postponed::Parents { until, .. } => {
                format!("turned {}; waits up to {:.1}s for its parents' results", slot.gate.hard(), left(until))
            }
            Postponed::Recheck { root, bad, until } => format!(
                "`{root}` recovered; {bad} of {} own failures since then (for another {:.1}s)",
                slot.spec.gate.fail_after,
                left(until)
            ),
        })
    }
}

const fn failing(status: Status) -> bool {
    matches!(status, Status::Warning | Status::Critical)
}
