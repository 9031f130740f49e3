//! `stratheal report`.

use std::process::ExitCode;
use std::sync::Arc;

use stratheal_core::contract::history::{Query, TransitionRow};
use stratheal_core::control::{ControlError, Request, Response};
use stratheal_core::engine::once::run_once;
use stratheal_core::format::{LONGEST, time_report};
use stratheal_core::history::HistoryReader;
use stratheal_core::model::view::Snapshot;
use stratheal_core::state::StateFolder;

use crate::args::{Common, PlainFormat, ReportOptions};
use crate::failure::{Failure, code};
use crate::{output, place, runtime};

/// The most changes that are asked for; with more, the oldest are missing.
const MOST_CHANGES: usize = 100_000;

pub(crate) fn run(common: &Common, options: &ReportOptions) -> Result<ExitCode, Failure> {
    if options.since > LONGEST {
        return Err(Failure::Usage("history is kept for 400 days at most: choose a shorter --since".to_owned()));
    }
    let (snapshot, changes) = runtime()?.block_on(gather(common))?;
    let snapshot = options.selection.snapshot(&snapshot)?;
    let Ok(from) = snapshot.at.checked_sub(options.since) else {
        return Err(Failure::Usage("--since reaches back before the beginning of time".to_owned()));
    };
    let report = time_report(&snapshot, from, changes);
    let text = match options.format {
        PlainFormat::Human => report.to_string(),
        PlainFormat::Json => {
            serde_json::to_string_pretty(&report).map_err(|error| Failure::io("write the report", error.into()))?
        }
    };
    output::print(&text)?;
    Ok(code(report.status))
}

/// The state and the changes that led to it: from the running monitor, else from what the last one recorded and a single run.
async fn gather(common: &Common) -> Result<(Arc<Snapshot>, Vec<TransitionRow>), Failure> {
    let query = Query { limit: MOST_CHANGES, ..Query::default() };
    let questions = [Request::Snapshot, Request::Transitions { query: query.clone() }];
    match place::ask_all(common, &questions).await {
        Ok(answers) => match <[Response; 2]>::try_from(answers) {
            Ok([Response::Snapshot(snapshot), Response::Transitions(changes)]) => Ok((snapshot, changes)),
            _ => Err(ControlError::Protocol.into()),
        },
        Err(Failure::NotRunning { state }) => {
            let recorded = StateFolder::peek(&state)?.history();
            output::complain("no monitor is running: this is what the last one recorded, and a single run now");
            let changes = HistoryReader::new(&recorded)?.transitions(&query).await?;
            let config = place::configuration(common)?;
            Ok((run_once(config.checks, place::limits()).await?, changes))
        }
        Err(failure) => Err(failure),
    }
}
