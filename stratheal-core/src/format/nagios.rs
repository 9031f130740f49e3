//! The output of a Nagios plugin: one status line with performance data, then a line for each check.
//!
//! Source: Monitoring Plugins Development Guidelines, "Print only one line of text" and "Performance data".

use std::fmt::Write;

use crate::model::view::Snapshot;
use crate::model::{Metric, Status, perfdata};

/// The text; the exit code is the snapshot's status.
#[must_use]
pub fn nagios(snapshot: &Snapshot) -> String {
    let bad: Vec<_> = snapshot.checks.iter().filter(|view| view.status != Status::Healthy).collect();
    let total = snapshot.checks.len();
    let word = match snapshot.status {
        Status::Healthy => "OK",
        Status::Warning => "WARNING",
        Status::Critical => "CRITICAL",
        Status::Unknown => "UNKNOWN",
    };
    let told: Vec<String> = bad.iter().take(3).map(|view| format!("{}: {}", view.id, view.summary())).collect();
    let mut text = format!("STRATHEAL {word} - ");
    // Writing into a String cannot fail, here and below.
    let _ = match bad.len() {
        0 => write!(text, "{total} checks healthy"),
        count => write!(text, "{count} of {total} not healthy: {}", told.join("; ")),
    };
    // A bar begins performance data, so none may stand in the text.
    let mut text = text.replace('|', "/");
    let metrics: Vec<Metric> = snapshot
        .checks
        .iter()
        .filter_map(|view| view.last.as_ref().map(|last| (view, last)))
        .flat_map(|(view, last)| {
            let named =
                |metric: &Metric| Metric { name: format!("{}/{}", view.id, metric.name).into(), ..metric.clone() };
            last.report.metrics.iter().map(named)
        })
        .collect();
    if !metrics.is_empty() {
        let _ = write!(text, " | {}", perfdata::write(&metrics));
    }
    for view in &snapshot.checks {
        let _ = write!(text, "\n{}: {} - {}", view.id, view.status, view.summary().replace('|', "/"));
    }
    text
}
