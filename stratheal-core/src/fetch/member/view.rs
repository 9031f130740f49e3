//! What is known of a member at one moment.

use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

use crate::base::breaker::Permission;

/// A member as the pure decisions see it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct MemberView {
    /// Failures of late; 0 is best.
    pub(crate) score: f64,
    /// The median time to the head of an answer.
    pub(crate) median: Option<Duration>,
    /// The time to the head that one in twenty answers exceeds.
    pub(crate) p95: Option<Duration>,
    /// How long it may say nothing before the same is asked of it again.
    pub(crate) patience: Duration,
    /// Bytes a second of one connection.
    pub(crate) rate: Option<f64>,
    /// What its breaker says.
    pub(crate) permission: Permission,
    /// It asked to be left alone until then.
    pub(crate) hold_until: Option<Instant>,
    /// Requests under way, and how many there may be.
    pub(crate) load: (usize, usize),
}

impl MemberView {
    /// When it can be used: now, or at a time to come.
    pub(crate) fn usable_at(&self, now: Instant) -> Option<Instant> {
        let held = self.hold_until.filter(|until| *until > now);
        match self.permission {
            Permission::No(until) => Some(held.map_or(until, |held| held.max(until))),
            _ => held,
        }
    }
}

/// A member as it is shown to people.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MemberStatus {
    /// Its base URL and, where files come from another host, that host; safe to show.
    pub member: String,
    /// `pages` or `files`.
    pub purpose: &'static str,
    /// Whether it is used.
    pub usable: bool,
    /// Failures of late, faded by time; 0 is best.
    pub score: f64,
    /// The median time until an answer begins.
    pub latency: Option<Duration>,
    /// Bytes a second of one connection.
    pub rate: Option<f64>,
    /// Requests under way.
    pub running: usize,
    /// How many requests it gets at once now.
    pub limit: usize,
    /// Answers so far.
    pub answers: u64,
    /// Failures so far.
    pub failures: u64,
    /// Bytes had from it.
    pub bytes: u64,
    /// Its last failure.
    pub last_failure: Option<String>,
}
