//! Why the engine thinks what it thinks of a check.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::quantity::show_seconds;
use crate::model::report::printable;
use crate::model::view::{CheckView, Muted, Phase};
use crate::model::{CheckId, Status};

/// Everything the engine knows about a check: inputs, gate, dependencies, next run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// Its state.
    pub view: Arc<CheckView>,
    /// The last known result by itself.
    pub last_known: Status,
    /// Weighted changes among the last 20 results, in percent.
    pub flap_percent: f64,
    /// Its parents and their states.
    pub parents: Vec<(CheckId, Status)>,
    /// The checks that depend on it, directly or not.
    pub dependants: Vec<CheckId>,
    /// Why a change is not told yet.
    pub postponed: Option<String>,
    /// What is going on with it now.
    pub now: String,
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let view = &self.view;
        let gate = &view.spec.gate;
        writeln!(f, "{} is {} since {:.0}", view.id, view.status, view.since)?;
        writeln!(f, "  last result   {}", printable(view.summary()))?;
        if let Some(last) = &view.last {
            let took = show_seconds(last.duration.as_secs_f64());
            let late = show_seconds(last.late_by.as_secs_f64());
            writeln!(f, "                {}, began {:.0}, took {took}, {late} late", last.report.status, last.started)?;
            for metric in &last.report.metrics {
                writeln!(f, "                {}", printable(&metric.to_string()))?;
            }
            if let Some(hint) = &last.report.hint {
                writeln!(f, "  what to do    {}", printable(&hint.text))?;
            }
        }
        write!(f, "  gate          confirmed {}; ", view.hard)?;
        match view.phase {
            Phase::Pending => writeln!(f, "nothing measured yet")?,
            Phase::Hard => writeln!(f, "the last result agrees")?,
            Phase::Soft { toward, seen, needed } => writeln!(f, "{seen} of {needed} results say {toward}")?,
        }
        match gate.window {
            Some((bad, of)) => writeln!(f, "                fails at {bad} bad results of {of}")?,
            None => writeln!(f, "                fails after {} bad results", gate.fail_after)?,
        }
        writeln!(f, "                recovers after {} better ones", gate.recover_after)?;
        if let Some(flap) = &gate.flap {
            let state = if view.flapping { "flapping" } else { "steady" };
            let (percent, high, low) = (self.flap_percent, flap.high, flap.low);
            writeln!(f, "                {state}: {percent:.0}% changes (flaps above {high}%, until {low}%)")?;
        }
        if view.stale {
            writeln!(f, "  stale         no known result for longer than {}", seconds(view.spec.stale_after))?;
        }
        match &view.muted {
            Some(Muted::Cause { root }) => writeln!(f, "  root cause    {root}; nobody is told about this check")?,
            Some(Muted::Maintenance) => writeln!(f, "  maintenance   a window is open; nobody is told")?,
            Some(Muted::Paused { reason }) => writeln!(f, "  paused        {}", printable(reason))?,
            None => {}
        }
        if let Some(postponed) = &self.postponed {
            writeln!(f, "  postponed     {postponed}")?;
        }
        for (parent, status) in &self.parents {
            writeln!(f, "  depends on    {parent} ({status})")?;
        }
        if !self.dependants.is_empty() {
            let names: Vec<_> = self.dependants.iter().take(10).map(CheckId::as_str).collect();
            let more = self.dependants.len() - names.len();
            let tail = if more > 0 { format!(" and {more} more") } else { String::new() };
            writeln!(f, "  needed by     {}{tail}", names.join(", "))?;
        }
        let every = seconds(view.spec.interval);
        let (timeout, retry) = (seconds(view.spec.timeout), seconds(view.spec.retry_interval));
        writeln!(f, "  runs          every {every}, at most {timeout}, every {retry} while unsure")?;
        writeln!(f, "                {} so far, {} left out because one was still running", view.runs, view.skipped)?;
        write!(f, "  now           {}", self.now)
    }
}

fn seconds(duration: std::time::Duration) -> String {
    show_seconds(duration.as_secs_f64())
}
