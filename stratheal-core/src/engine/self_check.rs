//! `stratheal.self`: the engine reports on itself like on anything else.
//!
//! A monitor that is late, blocked or blind must say so, or its silence is taken for health.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use jiff::Timestamp;

use super::vitals::Vitals;
use crate::base::blocking::BlockingPool;
use crate::base::clock::Clock;
use crate::contract::{CheckContext, CheckError, CheckKind, HealthCheck};
use crate::model::quantity::show_seconds;
use crate::model::{CheckId, CheckSpec, GatePolicy, Metric, Report, Unit};

/// The id of the check.
pub const SELF_ID: &str = "stratheal.self";

/// Ids that begin with this belong to the engine.
pub const RESERVED_PREFIX: &str = "stratheal.";

/// Lateness beyond this, for 99 of 100 starts over a minute, is Critical.
pub const LATE: Duration = Duration::from_secs(1);

/// How long a past disturbance is mentioned.
const MENTIONED: Duration = Duration::from_mins(1);

/// How often and how it runs. It takes part in no probe: an application is not unready because its monitor is late.
#[must_use]
pub fn spec() -> CheckSpec {
    CheckSpec {
        gate: GatePolicy { fail_after: 1, recover_after: 2, window: None, flap: None },
        probes: Vec::new(),
        tags: vec!["self".to_owned()],
        ..CheckSpec::every(Duration::from_secs(5))
    }
}

/// The check.
pub struct SelfCheck {
    id: CheckId,
    vitals: Arc<ArcSwap<Vitals>>,
    clock: Arc<dyn Clock>,
}

impl SelfCheck {
    pub(crate) const fn new(id: CheckId, vitals: Arc<ArcSwap<Vitals>>, clock: Arc<dyn Clock>) -> Self {
        Self { id, vitals, clock }
    }
}

impl fmt::Debug for SelfCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SelfCheck").finish_non_exhaustive()
    }
}

#[async_trait]
impl HealthCheck for SelfCheck {
    fn id(&self) -> &CheckId {
        &self.id
    }

    fn kind(&self) -> CheckKind {
        CheckKind::Host
    }

    async fn check(&self, _cx: &CheckContext) -> Result<Report, CheckError> {
        Ok(judge(&self.vitals.load(), self.clock.now()))
    }
}

/// What the numbers mean. Pure.
///
/// ```
/// use stratheal_core::engine::{self_check::judge, vitals::Vitals};
/// use stratheal_core::model::Status;
/// let late = Vitals { lateness_p99: std::time::Duration::from_secs(3), ..Vitals::default() };
/// assert_eq!(judge(&late, jiff::Timestamp::UNIX_EPOCH).status, Status::Critical);
/// ```
#[must_use]
pub fn judge(vitals: &Vitals, now: Timestamp) -> Report {
    let recent = |at: Timestamp| now.duration_since(at).unsigned_abs() < MENTIONED;
    let report = if !vitals.blocking.is_empty() {
        Report::critical(format!("blocks its thread: {}", list(&vitals.blocking)))
            .code("blocking")
            .hint("make the check asynchronous, or run its blocking part through `CheckContext::blocking`")
    } else if vitals.stuck.len() >= BlockingPool::MAX_STUCK {
        Report::critical(format!("{} threads are stuck: {}", vitals.stuck.len(), keys(vitals)))
            .code("threads-stuck")
            .hint("find out why these do not return; a dead network mount is the usual reason")
    } else if vitals.lateness_p99 > LATE {
        let late = show_seconds(vitals.lateness_p99.as_secs_f64());
        Report::critical(format!("checks begin up to {late} late"))
            .code("late")
            .hint("this machine is too busy for so many checks: raise intervals or give it more processor time")
    } else if !vitals.unknown.is_empty() {
        Report::critical(format!("cannot be measured: {}", list(&vitals.unknown)))
            .code("unknown")
            .hint("`stratheal explain ID` says why each of them cannot be measured")
    } else if let Some(why) = vitals.history.as_ref().and_then(|history| history.failing.as_ref()) {
        Report::warning(format!("history is not recorded: {why}"))
            .code("history")
            .hint("make room or make the state folder writable; checking goes on meanwhile")
    } else if !vitals.stuck.is_empty() {
        Report::warning(format!("does not return: {}", keys(vitals))).code("stuck")
    } else if let Some((_, by)) = vitals.delayed.filter(|(at, _)| recent(*at)) {
        let delay = show_seconds(by.as_secs_f64());
        Report::warning(format!("this program did not run for {delay}; targets were not blamed")).code("delayed")
    } else if let Some((_, seconds)) = vitals.clock_jumped.filter(|(at, _)| recent(*at)) {
        Report::warning(format!("the wall clock was set by {}", show_seconds(seconds))).code("clock-jumped")
    } else {
        Report::healthy(format!("{} checks on time", vitals.checks))
    };
    report
        .metric(Metric::seconds("lateness_p50", vitals.lateness_p50))
        .metric(Metric::seconds("lateness_p99", vitals.lateness_p99))
        .metric(Metric::new("running", vitals.running as f64, Unit::Number))
        .metric(Metric::new("waiting", vitals.waiting as f64, Unit::Number))
        .metric(Metric::new("runs", vitals.runs as f64, Unit::Counter))
        .metric(Metric::new("skipped", vitals.skipped as f64, Unit::Counter))
        .metric(Metric::new("repeated", vitals.repeated as f64, Unit::Counter))
}

const NAMED: usize = 5;

fn list(ids: &[CheckId]) -> String {
    let named: Vec<_> = ids.iter().take(NAMED).map(CheckId::as_str).collect();
    more(&named, ids.len())
}

fn keys(vitals: &Vitals) -> String {
    let named: Vec<_> = vitals.stuck.iter().take(NAMED).map(|(key, _)| key.as_ref()).collect();
    more(&named, vitals.stuck.len())
}

fn more(named: &[&str], all: usize) -> String {
    let shown = named.join(", ");
    if all > named.len() { format!("{shown} and {} more", all - named.len()) } else { shown }
}
