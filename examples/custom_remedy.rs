//! A remedy of one's own: make room by emptying a cache folder. Its plan is shown; nothing is done.
//!
//! ```console
//! $ cargo run -p stratheal-examples --bin custom_remedy -- FOLDER
//! ```
#![expect(clippy::print_stdout, reason = "an example shows what it would do")]

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use stratheal_core::contract::{FnCheck, Remedy, RemedyContext, RemedyError};
use stratheal_core::engine::{Registration, once::run_once, permits::Limits};
use stratheal_core::model::plan::{Plan, Receipt, Risk, Step, StepState, Target};
use stratheal_core::model::{CheckId, CheckSpec, RemedyId, Report};

/// Removes the files of a cache folder.
#[derive(Debug)]
struct EmptyCache(RemedyId, PathBuf);

#[async_trait]
impl Remedy for EmptyCache {
    fn id(&self) -> &RemedyId {
        &self.0
    }

    fn risk(&self) -> Risk {
        Risk::Local
    }

    /// Looks and lists: every target by name. An empty list means that there is nothing to do.
    async fn plan(&self, _cx: &RemedyContext) -> Result<Plan, RemedyError> {
        let gone = |error: std::io::Error| RemedyError::NotApplicable { why: format!("no cache folder: {error}") };
        let files = std::fs::read_dir(&self.1).map_err(gone)?.take(1000).flatten().filter_map(|entry| {
            let bytes = entry.metadata().ok().filter(std::fs::Metadata::is_file)?.len();
            Some(Target::new("file", entry.path().display().to_string()).bytes(bytes))
        });
        let targets: Vec<_> = files.collect();
        let steps = targets.iter().map(|target| Step::new(&target.name, "remove it")).collect();
        let summary = format!("empty {}", self.1.display());
        Ok(Plan { targets, steps, ..Plan::new(summary) })
    }

    /// Does one step, which may be asked for twice. Whether it healed anything is for the check to say.
    async fn step(&self, _cx: &RemedyContext, step: &Step) -> Result<Receipt, RemedyError> {
        match std::fs::remove_file(&step.name) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(RemedyError::failed(step, error)),
            _ => Ok(Receipt::default()),
        }
    }

    /// Tells from outside whether a step was done: asked after a crash.
    async fn probe(&self, _cx: &RemedyContext, step: &Step) -> Result<StepState, RemedyError> {
        Ok(if std::path::Path::new(&step.name).exists() { StepState::NotDone } else { StepState::Done })
    }

    async fn undo(&self, _cx: &RemedyContext, step: &Step) -> Result<(), RemedyError> {
        Err(RemedyError::CannotUndo { step: step.name.clone() })
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).map(PathBuf::from).ok_or("say which folder: custom_remedy FOLDER")?;
    let check = FnCheck::new(CheckId::new("disk")?, || async { Ok(Report::critical("the disk is full")) });
    let registration = Registration::new(check, CheckSpec::every(Duration::from_secs(30)));
    let snapshot = run_once(vec![registration], Limits::default()).await?;

    let state = snapshot.get("disk").ok_or("the check ran")?.clone();
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    let remedy = EmptyCache(RemedyId::new("empty-cache")?, folder);
    let plan = remedy.plan(&RemedyContext::new(state, deadline)).await?;
    println!("{} ({:?}): {} files", plan.summary, remedy.risk(), plan.targets.len());
    for Target { kind, name, bytes, .. } in &plan.targets {
        println!("  {kind} {name}, {} bytes", bytes.unwrap_or_default());
    }
    Ok(())
}
