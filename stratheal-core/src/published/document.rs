//! The file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::stamp::Stamp;
use crate::model::view::{CheckView, Snapshot};
use crate::model::{CheckId, Metric, Report, Status};

/// Readers of another version would take it for something else.
pub(super) const VERSION: u32 = 1;

/// What a process has published.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Document {
    pub(super) version: u32,
    /// When.
    pub(super) at: Stamp,
    /// By which process.
    pub(super) process: u32,
    pub(super) checks: BTreeMap<String, Entry>,
}

/// A check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Entry {
    /// What is believed of it.
    status: Status,
    /// What its last run found; nothing before the first.
    report: Option<Report>,
    /// Why it fails, where that is another one.
    cause: Option<String>,
    /// Whether its last result is too old to say anything.
    stale: bool,
}

impl Document {
    pub(super) fn of(snapshot: &Snapshot, is_shared: &dyn Fn(&CheckId) -> bool, at: Stamp, process: u32) -> Self {
        let entry = |view: &CheckView| Entry {
            status: view.status,
            report: view.last.as_ref().map(|last| readable(&last.report)),
            cause: view.cause().map(ToString::to_string),
            stale: view.stale,
        };
        let shared = snapshot.checks.iter().filter(|view| is_shared(&view.id));
        let checks = shared.map(|view| (view.id.to_string(), entry(view))).collect();
        Self { version: VERSION, at, process, checks }
    }
}

impl Entry {
    /// As the report of a check that only repeats it.
    pub(super) fn repeated(&self) -> Report {
        let Some(report) = &self.report else {
            return Report::unknown("has not run yet in the process that runs it").code("pending");
        };
        let mut repeated = Report { status: self.status, ..report.clone() };
        let said = &report.summary;
        if let Some(cause) = &self.cause {
            repeated.summary = format!("because of {cause}: {said}").into();
        } else if self.stale {
            repeated = Report::unknown(format!("its last result is too old: {said}")).code("stale");
        } else if self.status != report.status {
            repeated.summary = format!("still {}, while this is being confirmed: {said}", self.status.as_str()).into();
        }
        repeated
    }
}

/// A report without numbers that JSON does not know: they would make the whole unreadable.
fn readable(report: &Report) -> Report {
    let is_finite = |metric: &&Metric| {
        let bounds = [metric.min, metric.max];
        metric.value.is_finite() && bounds.iter().flatten().all(|bound| bound.is_finite())
    };
    Report { metrics: report.metrics.iter().filter(is_finite).cloned().collect(), ..report.clone() }
}
