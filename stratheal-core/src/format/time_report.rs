//! A report on a span of time: how long each check was in which state, and what changed.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::human::{Style, transition_line};
use crate::contract::history::TransitionRow;
use crate::model::event::Transition;
use crate::model::quantity::show_seconds;
use crate::model::view::{CheckView, Muted, Snapshot};
use crate::model::{CheckId, Status};

/// One check over the span.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CheckTime {
    /// Which check.
    pub id: CheckId,
    /// Its status at the end.
    pub status: Status,
    /// Seconds it was healthy, warning, critical and unknown; what is missing to the whole span was not observed.
    pub seconds: [f64; 4],
    /// The share of the known time in which it worked, 0 to 1; `None` when nothing was known.
    pub availability: Option<f64>,
    /// How often it turned Critical without another check being the cause.
    pub alarms: usize,
    /// What it said last.
    pub summary: String,
    /// What to do about it, when something is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// The report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TimeReport {
    /// The version of the layout.
    pub version: u32,
    /// The beginning of the span.
    pub from: Timestamp,
    /// Its end.
    pub until: Timestamp,
    /// The aggregate status at the end.
    pub status: Status,
    /// The checks, by id.
    pub checks: Vec<CheckTime>,
    /// What changed, oldest first.
    pub changes: Vec<TransitionRow>,
}

/// Makes the report from the state at the end of the span and the changes within it, in any order.
#[must_use]
pub fn time_report(snapshot: &Snapshot, from: Timestamp, mut changes: Vec<TransitionRow>) -> TimeReport {
    let until = snapshot.at;
    changes.retain(|row| row.at >= from && row.at <= until);
    changes.sort_by_key(|row| row.at);
    let checks = snapshot.checks.iter().map(|view| check_time(view, &changes, from, until)).collect();
    changes.retain(|row| snapshot.get(row.transition.id.as_str()).is_some());
    TimeReport { version: 1, from, until, status: snapshot.status, checks, changes }
}

fn check_time(view: &CheckView, changes: &[TransitionRow], from: Timestamp, until: Timestamp) -> CheckTime {
    let own: Vec<&TransitionRow> = changes.iter().filter(|row| row.transition.id == view.id).collect();
    let mut seconds = [0.0; 4];
    let mut add = |status: Status, begin: Timestamp, end: Timestamp| {
        seconds[usize::from(status.exit_code())] += end.duration_since(begin).as_secs_f64().max(0.0);
    };
    // Before its first change within the span a check was what it changed from; without any, what it has been since. What is
    // unknown until the first change was not observed: the monitor did not run yet, or the check was not there.
    let (mut status, mut since) = match own.first() {
        Some(first) if first.transition.from == Status::Unknown => (Status::Unknown, first.at),
        Some(first) => (first.transition.from, from),
        None => (view.status, view.since.max(from)),
    };
    for row in &own {
        add(status, since, row.at);
        (status, since) = (counted(&row.transition), row.at);
    }
    add(status, since, until);
    let (working, broken) = (seconds[0] + seconds[1], seconds[2]);
    let alarm = |row: &&&TransitionRow| row.transition.to == Status::Critical && row.transition.muted.is_none();
    let hint = view.last.as_ref().and_then(|last| last.report.hint.as_ref()).filter(|_| view.status != Status::Healthy);
    CheckTime {
        id: view.id.clone(),
        status: view.status,
        seconds,
        availability: (working + broken > 0.0).then(|| working / (working + broken)),
        alarms: own.iter().filter(alarm).count(),
        summary: view.summary().to_owned(),
        hint: hint.map(|hint| hint.text.clone().into_owned()),
    }
}

/// As what the time after a change counts: a check that another one took down is down, and planned work is no outage.
const fn counted(change: &Transition) -> Status {
    match (&change.muted, change.to) {
        (Some(Muted::Cause { .. }), _) => Status::Critical,
        (Some(Muted::Maintenance | Muted::Paused { .. }), Status::Warning | Status::Critical) => Status::Unknown,
        (_, to) => to,
    }
}

impl fmt::Display for TimeReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let span = self.until.duration_since(self.from).as_secs_f64();
        writeln!(f, "{}: {} checks, the last {}", self.status, self.checks.len(), show_seconds(span))?;
        let width = self.checks.iter().map(|check| check.id.as_str().len()).max().unwrap_or(0).min(40);
        for check in &self.checks {
            let available = check.availability.map_or_else(|| "-".to_owned(), |share| format!("{:.3}%", share * 100.0));
            write!(f, "{:<8}  {:<width$}  available {available:>8}", check.status, check.id)?;
            for (status, seconds) in Status::ALL.into_iter().zip(check.seconds).skip(1).filter(|(_, s)| *s >= 1.0) {
                write!(f, "  {status} {}", show_seconds(seconds))?;
            }
            writeln!(f, "  {} alarm{}", check.alarms, if check.alarms == 1 { "" } else { "s" })?;
            if check.status != Status::Healthy {
                writeln!(f, "          {}", check.summary)?;
                if let Some(hint) = &check.hint {
                    writeln!(f, "          -> {hint}")?;
                }
            }
        }
        for row in &self.changes {
            let change = &row.transition;
            writeln!(f, "{}", transition_line(row.at, change, Style::default()))?;
        }
        Ok(())
    }
}

/// The longest span that is reported on.
pub const LONGEST: Duration = Duration::from_hours(400 * 24);

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::view::Phase;
    use crate::model::{CheckSpec, Report};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn time_is_counted_by_state() {
        let id = CheckId::new("api").unwrap();
        let view = CheckView {
            id: id.clone(),
            status: Status::Healthy,
            hard: Status::Healthy,
            phase: Phase::Hard,
            since: at(400),
            flapping: false,
            stale: false,
            proven: true,
            muted: None,
            spec: Arc::new(CheckSpec::every(Duration::from_secs(10))),
            last: None,
            runs: 1,
            skipped: 0,
            next: None,
        };
        let row = |second, from, to| TransitionRow {
            at: at(second),
            transition: Transition {
                id: id.clone(),
                from,
                to,
                summary: Report::unknown("x").summary.into(),
                muted: None,
                flapping: false,
            },
        };
        let snapshot = Snapshot::new(at(1000), 1, vec![Arc::new(view)]);
        let changes = vec![
            row(400, Status::Critical, Status::Healthy),
            row(300, Status::Healthy, Status::Critical),
            row(50, Status::Unknown, Status::Healthy),
        ];
        let report = time_report(&snapshot, at(100), changes);
        assert_eq!(report.checks[0].seconds.map(|s| s as u64), [800, 0, 100, 0]);
        assert_eq!((report.checks[0].alarms, report.changes.len()), (1, 2));
        assert!((report.checks[0].availability.unwrap() - 800.0 / 900.0).abs() < 1e-9);
        let report = time_report(&snapshot, at(500), Vec::new());
        assert_eq!(report.checks[0].seconds.map(|s| s as u64), [500, 0, 0, 0]);
    }
}
