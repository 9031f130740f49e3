//! `stratheal report`.

use std::process::ExitCode;

use stratheal_core::contract::history::Query;
use stratheal_core::control::{ControlError, Request, Response};
use stratheal_core::format::{LONGEST, time_report};

use crate::args::{Common, PlainFormat, ReportOptions};
use crate::failure::{Failure, code};
use crate::{output, place, runtime};

/// The most changes that are asked for; with more, the oldest are missing.
const MOST_CHANGES: usize = 100_000;

pub(crate) fn run(common: &Common, options: &ReportOptions) -> Result<ExitCode, Failure> {
    if options.since > LONGEST {
        return Err(Failure::Usage("history is kept for 400 days at most: choose a shorter --since".to_owned()));
    }
    let query = Query { limit: MOST_CHANGES, ..Query::default() };
    let answers = runtime()?.block_on(place::ask_all(common, &[Request::Snapshot, Request::Transitions { query }]))?;
    let [Response::Snapshot(snapshot), Response::Transitions(changes)] = answers.as_slice() else {
        return Err(ControlError::Protocol.into());
    };
    let snapshot = options.selection.snapshot(snapshot)?;
    let Ok(from) = snapshot.at.checked_sub(options.since) else {
        return Err(Failure::Usage("--since reaches back before the beginning of time".to_owned()));
    };
    let report = time_report(&snapshot, from, changes.clone());
    let text = match options.format {
        PlainFormat::Human => report.to_string(),
        PlainFormat::Json => {
            serde_json::to_string_pretty(&report).map_err(|error| Failure::io("write the report", error.into()))?
        }
    };
    output::print(&text)?;
    Ok(code(report.status))
}
