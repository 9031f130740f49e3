//! What readers see: the state of one check, and of all.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::aggregate::{Aggregation, Member};
use super::{CheckId, CheckSpec, Probe, Report, Status};

/// How sure the engine is of a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "phase")]
pub enum Phase {
    /// Nothing was measured yet.
    Pending,
    /// Results differ from the state; it changes when they go on.
    Soft {
        /// What the latest results say.
        toward: Status,
        /// So many results say so.
        seen: u32,
        /// So many are needed.
        needed: u32,
    },
    /// Confirmed.
    Hard,
}

/// How a run ended, apart from what it found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Outcome {
    /// The check reported.
    Done,
    /// The check could not measure.
    Failed,
    /// It took longer than it may.
    TimedOut,
    /// It panicked.
    Panicked,
    /// It blocks its thread and cannot be stopped.
    Stuck,
    /// This program was late, twice, so that the failure says nothing about the target.
    Late,
}

/// One run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Execution {
    /// When it began.
    pub started: Timestamp,
    /// How long it took.
    #[serde(with = "crate::model::seconds")]
    pub duration: Duration,
    /// How much later than planned it began.
    #[serde(with = "crate::model::seconds")]
    pub late_by: Duration,
    /// How it ended.
    pub outcome: Outcome,
    /// What it found; for outcomes other than [`Outcome::Done`], what the engine makes of it.
    pub report: Report,
}

/// Why nobody is told of a state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "by")]
pub enum Muted {
    /// A parent is the root cause.
    Cause {
        /// The parent.
        root: CheckId,
    },
    /// A maintenance window is open.
    Maintenance,
    /// Somebody paused the check.
    Paused {
        /// Why.
        reason: String,
    },
}

/// The state of one check at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckView {
    /// Which check.
    pub id: CheckId,
    /// What the engine believes: the confirmed state, or Unknown when pending, stale or suppressed by a root cause.
    pub status: Status,
    /// The confirmed state of the check by itself.
    pub hard: Status,
    /// How sure it is.
    #[serde(flatten)]
    pub phase: Phase,
    /// Since when `status` holds.
    pub since: Timestamp,
    /// Whether results change too often to be told one by one.
    pub flapping: bool,
    /// Whether the last result is too old to say anything.
    pub stale: bool,
    /// Whether it was ever confirmed working since it was registered.
    pub proven: bool,
    /// Why nobody is told, if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub muted: Option<Muted>,
    /// When and how it runs.
    pub spec: Arc<CheckSpec>,
    /// The last run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Arc<Execution>>,
    /// Runs so far.
    pub runs: u64,
    /// Planned starts that were left out because the run before had not ended.
    pub skipped: u64,
    /// When it runs next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Timestamp>,
}

impl CheckView {
    /// The parent that is the root cause, if one is.
    #[must_use]
    pub fn cause(&self) -> Option<&CheckId> {
        match &self.muted {
            Some(Muted::Cause { root }) => Some(root),
            _ => None,
        }
    }

    /// What the check means for the whole: a check that is down because of another one is down.
    #[must_use]
    pub fn impact(&self) -> Status {
        if self.cause().is_some() { Status::Critical } else { self.status }
    }

    /// One line for people: what the last run said.
    #[must_use]
    pub fn summary(&self) -> &str {
        self.last.as_ref().map_or("no result yet", |last| &last.report.summary)
    }
}

/// The state of all checks at one moment, sorted by id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// When it was taken.
    pub at: Timestamp,
    /// Grows with every change.
    pub generation: u64,
    /// The aggregate.
    pub status: Status,
    /// The checks.
    pub checks: Vec<Arc<CheckView>>,
}

impl Snapshot {
    /// Puts views together.
    #[must_use]
    pub fn new(at: Timestamp, generation: u64, mut checks: Vec<Arc<CheckView>>) -> Self {
        checks.sort_by(|a, b| a.id.cmp(&b.id));
        let status = overall(&checks);
        Self { at, generation, status, checks }
    }

    /// The view of one check.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Arc<CheckView>> {
        let place = self.checks.binary_search_by(|view| view.id.as_str().cmp(id)).ok()?;
        self.checks.get(place)
    }

    /// The snapshot of the checks that pass a filter.
    #[must_use]
    pub fn filter(&self, keep: impl Fn(&CheckView) -> bool) -> Self {
        let checks: Vec<_> = self.checks.iter().filter(|view| keep(view)).cloned().collect();
        Self { at: self.at, generation: self.generation, status: overall(&checks), checks }
    }

    /// Whether a probe passes. With no check of that kind it does.
    ///
    /// Startup passes once every startup check was confirmed working. Liveness fails only on a confirmed Critical and
    /// passes until startup has passed, because restarting what still starts heals nothing. Readiness needs startup
    /// and a confirmed Healthy or Warning of every required readiness check.
    #[must_use]
    pub fn probe(&self, probe: Probe) -> bool {
        let of = |kind: Probe| self.checks.iter().filter(move |view| view.spec.probes.contains(&kind));
        let works = |view: &Arc<CheckView>| matches!(view.status, Status::Healthy | Status::Warning);
        let started = of(Probe::Startup).all(|view| view.proven);
        match probe {
            Probe::Startup => started,
            Probe::Liveness => !started || of(Probe::Liveness).all(|view| view.status != Status::Critical),
            Probe::Readiness => started && of(Probe::Readiness).all(|view| !view.spec.required || works(view)),
        }
    }
}

fn overall(checks: &[Arc<CheckView>]) -> Status {
    Aggregation::Worst.combine(checks.iter().filter_map(|view| member(view)))
}

/// A suppressed child does not work because of its root, so it counts as Critical, as required as it is itself: that
/// way an optional root that hides a required child is Critical. What is muted on purpose counts only while it works.
fn member(view: &CheckView) -> Option<Member> {
    let required = view.spec.required;
    match &view.muted {
        Some(Muted::Maintenance | Muted::Paused { .. }) if view.status != Status::Healthy => None,
        _ => Some(Member { status: view.impact(), required }),
    }
}
