//! `stratheal up`: the whole program with its defaults, the history on disk, the endpoints and the control socket included.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use stratheal_core::base::clock::SystemClock;
use stratheal_core::contract::History;
use stratheal_core::contract::history::Query;
use stratheal_core::history::{Retention, SqliteHistory};
use stratheal_core::model::{CheckId, Status};

use super::failures::Failures;
use super::monitor::{Launch, Place, Task};
use super::scenario::Scenario;
use super::{command_targets, http_targets};
use crate::failure::Failure;
use crate::tool;

const STATE: &str = "state";
/// How long what was recorded may take to be readable.
const FLUSH: Duration = Duration::from_secs(5);

/// Writes its configuration.
///
/// # Errors
/// When that fails.
pub fn prepare(task: Task<'_>) -> Result<Launch, Failure> {
    let configuration = task.folder.join("stratheal.toml");
    fs::write(&configuration, configure(task))?;
    let argv = vec![
        std::env::current_exe()?.into(),
        tool::ROLE.into(),
        "up".into(),
        "--config".into(),
        configuration.into(),
        "--state-dir".into(),
        task.folder.join(STATE).into(),
        "--listen".into(),
        "127.0.0.1:0".into(),
    ];
    Ok(Launch { argv, scraper: None })
}

fn configure(task: Task<'_>) -> String {
    let Task { scenario, place, .. } = task;
    let mut text = String::new();
    for target in 0..scenario.checks {
        let what = match place {
            Place::Http(addresses) => format!("http = {:?}", http_targets::url(addresses, target)),
            Place::Commands(folder) => format!("command = {:?}", command_targets::argv(folder, target)),
        };
        // Writing into a String cannot fail.
        let _ = writeln!(
            text,
            "[checks.{}]\n{what}\ninterval = \"{}s\"\ntimeout = \"{}s\"\n",
            Scenario::name_of(target),
            scenario.interval.as_secs(),
            scenario.timeout.as_secs()
        );
    }
    text
}

/// Counts the bad runs in its history.
///
/// # Errors
/// When the history cannot be read.
pub async fn failures(scenario: &Scenario, folder: &Path) -> Result<Failures, Failure> {
    let problem = |error: &dyn std::error::Error| Failure::new(format!("the history cannot be read: {error}"));
    let file = folder.join(STATE).join("history.db");
    let history = SqliteHistory::open(&file, Retention::default(), Arc::new(SystemClock)).map_err(|e| problem(&e))?;
    history.flush(FLUSH).await.map_err(|error| problem(&error))?;
    let mut failures = Failures::default();
    for target in 0..scenario.checks {
        let id = CheckId::new(&Scenario::name_of(target)).map_err(|error| problem(&error))?;
        let runs = history.runs(&Query { id: Some(id), ..Query::default() }).await.map_err(|error| problem(&error))?;
        runs.iter().filter(|run| run.status != Status::Healthy).for_each(|_| failures.note(target));
    }
    Ok(failures)
}
