//! `stratheal wait`.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use stratheal_core::engine::Registration;
use stratheal_core::engine::once::run_once;
use stratheal_core::model::Status;
use stratheal_core::model::view::Snapshot;
use tokio::time::Instant;

use crate::args::{Common, Format, WaitOptions};
use crate::failure::{Failure, code};
use crate::{output, place, runtime};

pub(crate) fn run(common: &Common, options: &WaitOptions) -> Result<ExitCode, Failure> {
    let config = place::configuration(common)?;
    let registrations = options.selection.registrations(config.checks)?;
    if registrations.is_empty() {
        return Err(Failure::Usage("there is nothing to wait for: the configuration has no checks".to_owned()));
    }
    let last = runtime()?.block_on(wait(registrations, options))?;
    let Some(snapshot) = last else {
        output::complain("the deadline passed before any result was there");
        return Ok(code(Status::Unknown));
    };
    if !common.quiet {
        output::print(&output::render(&snapshot, None, Format::Human, common))?;
    }
    let content = enough(snapshot.status, options.allow_warning);
    Ok(code(if content { Status::Healthy } else { snapshot.status }))
}

const fn enough(status: Status, allow_warning: bool) -> bool {
    matches!(status, Status::Healthy) || (allow_warning && matches!(status, Status::Warning))
}

/// Tries until the result is good enough or time is up; the last whole result.
async fn wait(registrations: Vec<Registration>, options: &WaitOptions) -> Result<Option<Arc<Snapshot>>, Failure> {
    let deadline = Instant::now() + options.timeout;
    let mut last = None;
    loop {
        let attempt = run_once(registrations.clone(), place::limits());
        let Ok(snapshot) = tokio::time::timeout_at(deadline, attempt).await else { return Ok(last) };
        let snapshot = snapshot?;
        let done = enough(snapshot.status, options.allow_warning);
        last = Some(snapshot);
        let pause = options.interval.max(Duration::from_millis(50));
        if done || Instant::now() + pause >= deadline {
            return Ok(last);
        }
        tokio::time::sleep(pause).await;
    }
}
