//! What every check must do, whoever wrote it.
//!
//! The rules are those of [`HealthCheck`]: a stable id, a well-formed report, runs one after another, cancellation at any await,
//! an end within its time, and no blocked thread.

use std::future::Future;
use std::task::{Context, Waker};
use std::time::Duration;

use tokio::time::Instant;

use super::context;
use crate::contract::HealthCheck;
use crate::model::Report;

/// A rule that a check breaks.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Violation {
    /// Its id changes from call to call.
    #[error("the id changed from `{0}` to `{1}`: it must be the same at every call")]
    UnstableId(String, String),
    /// It did not end within its time.
    #[error("it did not end within {0:?}: leave off in time, or be cancelled at an await")]
    TooLong(Duration),
    /// It held its thread.
    #[error("it held its thread for {0:?} without an await: use `CheckContext::blocking`")]
    Blocks(Duration),
    /// Its report was cut: it is larger than the engine keeps.
    #[error("its report is larger than the engine keeps, or its summary has several lines")]
    Oversized,
    /// A metric is no number.
    #[error("its metric `{0}` is not a finite number: leave it out when it is not known")]
    NotANumber(String),
    /// Two metrics share a name.
    #[error("it has two metrics named `{0}`")]
    DuplicateMetric(String),
    /// Its summary says nothing.
    #[error("its summary is empty: say in one line what was found")]
    EmptySummary,
    /// Its code is not for programs.
    #[error("its code `{0}` is not made of lowercase letters, digits and `-`")]
    Code(String),
    /// A run after a cancelled one failed in another way than before.
    #[error("after a cancelled run it answers differently: it left something behind")]
    LeavesTraces,
}

/// How long a check may hold its thread: half of what the engine tolerates.
const HOLD: Duration = Duration::from_millis(25);

/// Runs a check as the engine would, also in the ways that are rare in practice, and returns every rule it breaks.
///
/// The check is run several times and cancelled at each of its first awaits. What it checks should be in a steady state meanwhile.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// use std::time::Duration;
/// use stratheal_core::contract::FnCheck;
/// use stratheal_core::model::{CheckId, Report};
/// use stratheal_core::testing::check_conforms;
/// let check = FnCheck::new(CheckId::new("fine").unwrap(), || async { Ok(Report::healthy("fine")) });
/// assert_eq!(check_conforms(&check, Duration::from_secs(1)).await, []);
/// # }
/// ```
pub async fn check_conforms(check: &dyn HealthCheck, timeout: Duration) -> Vec<Violation> {
    let mut violations = Vec::new();
    let id = check.id().clone();
    let before = run(check, timeout, &mut violations).await;
    for awaits in 0..8 {
        cancel_after(check, timeout, awaits).await;
    }
    let after = run(check, timeout, &mut violations).await;
    if before.as_ref().map(|report| report.status) != after.as_ref().map(|report| report.status) {
        violations.push(Violation::LeavesTraces);
    }
    if *check.id() != id {
        violations.push(Violation::UnstableId(id.to_string(), check.id().to_string()));
    }
    each_once(violations)
}

/// What is broken in several runs is told once; of held threads, the first.
fn each_once(violations: Vec<Violation>) -> Vec<Violation> {
    let holds = |violation: &Violation| matches!(violation, Violation::Blocks(_));
    let mut once: Vec<Violation> = Vec::with_capacity(violations.len());
    for violation in violations {
        if !once.iter().any(|known| *known == violation || (holds(known) && holds(&violation))) {
            once.push(violation);
        }
    }
    once
}

async fn run(check: &dyn HealthCheck, timeout: Duration, violations: &mut Vec<Violation>) -> Option<Report> {
    let cx = context(timeout);
    let mut longest = Duration::ZERO;
    let mut future = check.check(&cx);
    let watched = std::future::poll_fn(|task| {
        let began = Instant::now();
        let poll = future.as_mut().poll(task);
        longest = longest.max(began.elapsed());
        poll
    });
    let ended = tokio::time::timeout(timeout, watched).await;
    if longest > HOLD {
        violations.push(Violation::Blocks(longest));
    }
    match ended {
        Err(_) => {
            violations.push(Violation::TooLong(timeout));
            None
        }
        Ok(Err(_)) => None,
        Ok(Ok(report)) => {
            judge(&report, violations);
            Some(report)
        }
    }
}

/// Polls a run a few times and drops it, as a deadline or a shutdown would.
async fn cancel_after(check: &dyn HealthCheck, timeout: Duration, awaits: usize) {
    let cx = context(timeout);
    let mut future = check.check(&cx);
    for _ in 0..awaits {
        let mut task = Context::from_waker(Waker::noop());
        if Future::poll(future.as_mut(), &mut task).is_ready() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

fn judge(report: &Report, violations: &mut Vec<Violation>) {
    if report.summary.trim().is_empty() {
        violations.push(Violation::EmptySummary);
    }
    if report.clone().bounded() != *report {
        violations.push(Violation::Oversized);
    }
    let lowercase = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if report.code.is_empty() || !report.code.bytes().all(lowercase) {
        violations.push(Violation::Code(report.code.to_string()));
    }
    for (place, metric) in report.metrics.iter().enumerate() {
        if !metric.value.is_finite() {
            violations.push(Violation::NotANumber(metric.name.to_string()));
        }
        if report.metrics[..place].iter().any(|other| other.name == metric.name) {
            violations.push(Violation::DuplicateMetric(metric.name.to_string()));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::contract::FnCheck;
    use crate::model::{CheckId, Metric, Unit};

    const SECOND: Duration = Duration::from_secs(1);

    fn id() -> CheckId {
        CheckId::new("subject").unwrap()
    }

    #[tokio::test]
    async fn finds_each_fault() {
        let sloppy = FnCheck::new(id(), || async {
            let mut report =
                Report::healthy("two\nlines").code("Not A Code").metric(Metric::new("a", f64::NAN, Unit::Number));
            report.metrics.push(Metric::new("a", 1.0, Unit::Number));
            Ok(report)
        });
        let found = check_conforms(&sloppy, SECOND).await;
        for expected in [
            Violation::Oversized,
            Violation::Code("Not A Code".to_owned()),
            Violation::NotANumber("a".to_owned()),
            Violation::DuplicateMetric("a".to_owned()),
        ] {
            assert_eq!(
                found.iter().filter(|violation| **violation == expected).count(),
                1,
                "{expected:?} in {found:?}"
            );
        }

        let endless = FnCheck::new(id(), std::future::pending);
        let short = Duration::from_millis(20);
        assert!(check_conforms(&endless, short).await.contains(&Violation::TooLong(short)));

        let runs = AtomicUsize::new(0);
        let moody = FnCheck::new(id(), move || {
            let first = runs.fetch_add(1, Ordering::SeqCst) == 0;
            async move { Ok(if first { Report::healthy("fine") } else { Report::critical("broken") }) }
        });
        assert_eq!(check_conforms(&moody, SECOND).await, [Violation::LeavesTraces]);

        let blocking = FnCheck::new(id(), || async {
            let (_sender, receiver) = std::sync::mpsc::channel::<()>();
            let _ = receiver.recv_timeout(Duration::from_millis(60));
            Ok(Report::healthy("fine"))
        });
        let found = check_conforms(&blocking, SECOND).await;
        assert!(matches!(found.as_slice(), [Violation::Blocks(_)]), "{found:?}");
    }
}
