//! One run of one check: deadline, panic, and what the ending means.

use std::borrow::Cow;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use tokio::time::Instant;

use crate::base::blocking::{BlockingPool, panic_text};
use crate::base::class::chain;
use crate::contract::{CheckContext, CheckError, HealthCheck};
use crate::model::quantity::show_seconds;
use crate::model::view::{Execution, Outcome};
use crate::model::{CheckSpec, Hint, Report, Status};

/// How a run ended.
#[derive(Debug)]
pub(crate) enum Ending {
    Done(Report),
    Failed(CheckError),
    TimedOut,
    Panicked(String),
}

/// What a run needs beside the check.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) timeout: Duration,
    pub(crate) on_timeout: Status,
    pub(crate) previous: Option<Arc<Execution>>,
    pub(crate) one_shot: bool,
    pub(crate) pool: BlockingPool,
}

/// Runs a check once, until its deadline, which counts from now: waiting for a turn is no part of a run.
pub(crate) async fn execute(check: &dyn HealthCheck, order: Order) -> Ending {
    let deadline = Instant::now() + order.timeout;
    let cx = CheckContext::new(deadline, order.previous, order.one_shot, order.pool)
        .time_limit(order.timeout, order.on_timeout);
    // Nothing of a check that panicked is looked at again but the check itself, whose own state is its own business.
    let run = AssertUnwindSafe(check.check(&cx)).catch_unwind();
    match tokio::time::timeout_at(deadline, run).await {
        Ok(Ok(Ok(report))) => Ending::Done(report),
        Ok(Ok(Err(error))) => Ending::Failed(error),
        Ok(Err(panic)) => Ending::Panicked(panic_text(panic.as_ref())),
        Err(_) => Ending::TimedOut,
    }
}

/// What an ending means: its outcome, and a report in any case.
pub(crate) fn interpret(ending: Ending, spec: &CheckSpec) -> (Outcome, Report) {
    let (outcome, report) = match ending {
        Ending::Done(report) => (Outcome::Done, report.bounded()),
        Ending::Failed(CheckError::Reported(report)) => {
            (Outcome::Failed, Report { status: spec.on_error, ..*report }.bounded())
        }
        Ending::Failed(error) => {
            let report = Report::new(spec.on_error, chain(&error)).code(error.code());
            (Outcome::Failed, report.bounded())
        }
        Ending::TimedOut => {
            let limit = show_seconds(spec.timeout.as_secs_f64());
            (Outcome::TimedOut, Report::new(spec.on_timeout, format!("no answer within {limit}")).code("timeout"))
        }
        Ending::Panicked(message) => {
            let report = Report::unknown(format!("the check panicked: {message}"))
                .code("panicked")
                .hint("this is a fault of the check, not of what it checks: report it to its author");
            (Outcome::Panicked, report.bounded())
        }
    };
    (outcome, with_hint(report, spec))
}

/// The report of a check that does not give its thread back.
pub(crate) fn stuck(since: Duration) -> Report {
    Report::unknown(format!("has been blocking its thread for {}", show_seconds(since.as_secs_f64())))
        .code("stuck")
        .hint("make the check asynchronous, or run its blocking part through `CheckContext::blocking`")
}

/// The report of a run that failed while this program was late, twice.
pub(crate) fn late(failure: &Report) -> Report {
    Report::unknown(format!("this program was too late to tell: {}", failure.summary)).code("late")
}

/// Gives a bad report the configured hint: whoever wrote that down knows more about the place than the check does.
fn with_hint(mut report: Report, spec: &CheckSpec) -> Report {
    if report.status != Status::Healthy
        && let Some(hint) = &spec.hint
    {
        let remedy = hint.remedy.clone().or_else(|| report.hint.take().and_then(|own| own.remedy));
        report.hint = Some(Box::new(Hint { text: hint.text.clone(), remedy }));
    }
    // A literal needs no room of its own; `String`s that were grown give theirs back.
    if let Cow::Owned(summary) = &mut report.summary {
        summary.shrink_to_fit();
    }
    report.metrics.shrink_to_fit();
    report
}
