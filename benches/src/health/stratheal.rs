//! This project's engine: a small program that does nothing but run the checks.
//!
//! It keeps a history that counts bad results by check, which the engine feeds with every run that counts; nothing else is
//! switched off or on.

use std::collections::HashMap;
use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use stratheal_core::checks::command::{Command, CommandOptions};
use stratheal_core::checks::http::{HttpMeasure, HttpOptions};
use stratheal_core::checks::{Conditions, Judged};
use stratheal_core::contract::History;
use stratheal_core::contract::history::{Entry, HistoryError, HistoryState, Query, RollupRow, RunRow, TransitionRow};
use stratheal_core::engine::{Engine, Registration};
use stratheal_core::model::{CheckId, CheckSpec, Status};
use tokio::signal::unix::{SignalKind, signal};

use super::failures::Failures;
use super::monitor::{FAILURES, Launch, Task};
use super::scenario::{Kind, Scenario, target_of};
use crate::failure::Failure;

/// The hidden argument of this role. It is followed by the name of the scenario, the file that says what to check, and the file to
/// write the failures to.
pub const ROLE: &str = "__stratheal";

/// Writes what to check.
///
/// # Errors
/// When that fails.
pub fn prepare(task: Task<'_>) -> Result<Launch, Failure> {
    let Task { scenario, place, folder } = task;
    let targets = folder.join("targets.txt");
    let lines: Vec<String> = (0..scenario.checks).map(|target| place.of(target)).collect();
    std::fs::write(&targets, lines.join("\n"))?;
    let program = std::env::current_exe()?;
    let argv = vec![program.into(), ROLE.into(), scenario.name.into(), targets.into(), folder.join(FAILURES).into()];
    Ok(Launch { argv, scraper: None })
}

/// Watches until told to end, then writes what it called bad.
///
/// # Errors
/// When the checks cannot be made.
pub async fn watch(scenario: Scenario, targets: &Path, failures: PathBuf) -> Result<(), Failure> {
    let mut end = signal(SignalKind::terminate())?;
    let mut spec = CheckSpec::every(scenario.interval);
    spec.timeout = scenario.timeout;
    let spec = Arc::new(spec);
    let text = std::fs::read_to_string(targets)?;
    let registrations = (0..)
        .zip(text.lines())
        .map(|(target, line)| register(scenario, target, line, &spec))
        .collect::<Result<Vec<_>, _>>()?;
    drop(text);
    let counted = Arc::new(CountedFailures::default());
    let engine = Engine::builder().register_all(registrations).history(counted.clone()).build();
    let handle = engine.and_then(Engine::start).map_err(|error| Failure::new(error.to_string()))?;
    end.recv().await;
    // For whoever wonders about the table: what the engine thinks of itself.
    writeln!(io::stdout(), "{:#?}\n{}", handle.vitals(), counted.counted().first.join("\n"))?;
    handle.shutdown(Duration::ZERO).await;
    std::fs::write(failures, counted.failures().to_string())?;
    Ok(())
}

fn register(scenario: Scenario, target: u32, line: &str, spec: &Arc<CheckSpec>) -> Result<Registration, Failure> {
    let id = CheckId::new(&Scenario::name_of(target)).map_err(|error| Failure::new(error.to_string()))?;
    match scenario.kind {
        Kind::Http { .. } => {
            let measure = HttpMeasure::new(HttpOptions::new(line)).map_err(|e| Failure::new(e.to_string()))?;
            Ok(Registration::new(Judged::new(id, measure, Conditions::default()), spec.clone()))
        }
        Kind::Command => {
            let mut words = line.split(' ');
            let program = words.next().ok_or_else(|| Failure::new("an empty command"))?;
            let measure = Command::new(CommandOptions::new(program, words));
            Ok(Registration::new(Judged::new(id, measure, Conditions::default()), spec.clone()))
        }
    }
}

/// A history that only counts, and keeps what the first bad results said.
#[derive(Default)]
struct CountedFailures(Mutex<Counted>);

#[derive(Default)]
struct Counted {
    by_check: HashMap<CheckId, u64>,
    first: Vec<String>,
}

impl Counted {
    /// So many bad results are shown in full.
    const SHOWN: usize = 20;
}

impl CountedFailures {
    fn failures(&self) -> Failures {
        let mut failures = Failures::default();
        for (id, count) in &self.counted().by_check {
            if let Some(target) = target_of(id.as_str()) {
                (0..*count).for_each(|_| failures.note(target));
            }
        }
        failures
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for CountedFailures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CountedFailures").finish_non_exhaustive()
    }
}

#[async_trait]
impl History for CountedFailures {
    fn append(&self, entry: Entry) {
        if let Entry::Ran { id, execution } = entry
            && execution.report.status != Status::Healthy
        {
            let mut counted = self.counted();
            if counted.first.len() < Counted::SHOWN {
                counted.first.push(format!("{id}: {execution:?}"));
            }
            *counted.by_check.entry(id).or_default() += 1;
        }
    }

    async fn runs(&self, _query: &Query) -> Result<Vec<RunRow>, HistoryError> {
        Ok(Vec::new())
    }

    async fn transitions(&self, _query: &Query) -> Result<Vec<TransitionRow>, HistoryError> {
        Ok(Vec::new())
    }

    async fn rollups(&self, _query: &Query) -> Result<Vec<RollupRow>, HistoryError> {
        Ok(Vec::new())
    }

    fn state(&self) -> HistoryState {
        HistoryState::default()
    }

    async fn flush(&self, _limit: Duration) -> Result<(), HistoryError> {
        Ok(())
    }
}
