//! `stratheal rollback`.

use std::process::ExitCode;

use serde_json::json;
use stratheal_core::installer::Moment as Switching;
use stratheal_core::model::quantity::{show_bytes, show_count};
use stratheal_core::model::report::printable;
use stratheal_core::snapshot::{self, Moment, RolledBack, Selector, SnapshotEvent, Snapshots};
use tokio::sync::broadcast::error::TryRecvError;

use super::failure::of;
use super::open::Opened;
use super::render;
use crate::args::{Common, Packages, PlainFormat, RollbackOptions};
use crate::commands::install::{interruptible, run_to_end};
use crate::failure::Failure;
use crate::{output, place};

pub(crate) fn run(common: &Common, packages: &Packages, options: &RollbackOptions) -> Result<ExitCode, Failure> {
    run_to_end(rollback(common, packages, options))
}

async fn rollback(common: &Common, packages: &Packages, options: &RollbackOptions) -> Result<ExitCode, Failure> {
    let began = tokio::time::Instant::now();
    let Opened { snapshots, root, .. } = Opened::new(common, packages, options.environment.as_deref())?;
    let selector = match &options.snapshot {
        Some(word) => Opened::selector(word),
        None if options.last_good => Selector::LastGood,
        None => {
            let text = "to which snapshot? Name one, as `stratheal snapshot list` shows them, or say --last-good";
            return Err(Failure::Usage(text.to_owned()));
        }
    };
    let wanted = snapshot::RollbackOptions {
        paths: options.path.clone(),
        projects: options.project.clone(),
        keep_edits: options.keep_edits,
        in_place: options.in_place,
        unchecked: options.no_check,
    };
    if options.plan {
        let plan = async { snapshots.rollback_plan(&selector, &root, &wanted).await.map_err(of) };
        let plan = interruptible(plan).await?;
        output::print(&match options.format {
            PlainFormat::Json => format!("{:#}", json!(plan)),
            PlainFormat::Human => render::plan(&plan, common.verbose > 0),
        })?;
        return Ok(ExitCode::SUCCESS);
    }
    let work = async { snapshots.rollback(&selector, &root, &wanted).await.map_err(of) };
    let done = changing(&snapshots, work).await?;
    if done.how.is_some() {
        place::tell_changed(common, &root).await;
    }
    for note in &done.notes {
        output::complain(note);
    }
    output::print(&match options.format {
        PlainFormat::Json => format!("{:#}", json!(done)),
        PlainFormat::Human if common.quiet => String::new(),
        PlainFormat::Human => text(&done, &options.project, began.elapsed().as_secs_f64()),
    })?;
    Ok(ExitCode::SUCCESS)
}

fn text(done: &RolledBack, projects: &[String], took: f64) -> String {
    let (root, number) = (done.root.display(), done.number);
    let paths = done.paths.iter().map(|path| path.display().to_string());
    let parts: Vec<String> = paths.chain(projects.iter().cloned()).map(|part| printable(&part)).collect();
    let what = if parts.is_empty() { root.to_string() } else { format!("{root}: {}", parts.join(", ")) };
    let edits = render::edits(&done.edits, &done.conflicts, done.before);
    let but = if done.edits.is_empty() { "" } else { ", but for what was edited" };
    let is = if parts.len() > 1 { "are" } else { "is" };
    if done.how.is_none() {
        return format!("{edits}{what} {is} as in snapshot {number}{but}: nothing was changed");
    }
    let put = show_count(done.put, "file");
    let kept = if done.kept == 0 { String::new() } else { format!(", {} kept", done.kept) };
    let undo = match done.before {
        Some(before) => format!("\nwhat was there is snapshot {before}: `stratheal rollback {before}` undoes this"),
        None => String::new(),
    };
    format!("{edits}{what} {is} as in snapshot {number} again{but}: {put} put back{kept} ({took:.2} s){undo}")
}

/// Until it is done, or somebody presses Ctrl-C: a switch that has begun is brought to its end, and told.
async fn changing<T>(snapshots: &Snapshots, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let mut events = snapshots.events();
    let done = interruptible(work).await;
    if !matches!(done, Err(Failure::Interrupted)) {
        return done;
    }
    snapshots.settled().await;
    loop {
        match events.try_recv() {
            Ok(SnapshotEvent::Moment { moment: Moment::Cleaning | Moment::Switch { moment: Switching::Cleaning } }) => {
                return Err(Failure::InterruptedLate { what: "the environment was changed, all of it" });
            }
            Ok(_) | Err(TryRecvError::Lagged(_)) => {}
            Err(TryRecvError::Empty | TryRecvError::Closed) => return done,
        }
    }
}

/// The bytes of a plan, for people.
pub(super) fn shown(bytes: u64) -> String {
    show_bytes(bytes as f64)
}
