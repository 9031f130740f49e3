//! `stratheal snapshot list`, `show`, `diff` and `verify`.

use std::io::Write;
use std::process::ExitCode;

use serde_json::json;
use stratheal_core::snapshot::{Reason, Selector, Snapshot};

use super::failure::of;
use super::open::Opened;
use super::render;
use crate::args::{Common, DiffOptions, ListOptions, Packages, PlainFormat, ShowOptions, VerifySnapshotOptions};
use crate::commands::install::interruptible;
use crate::exit;
use crate::failure::Failure;
use crate::output;

pub(super) fn list(common: &Common, packages: &Packages, options: &ListOptions) -> Result<ExitCode, Failure> {
    let Opened { snapshots, root, .. } = Opened::new(common, packages, options.environment.as_deref())?;
    let (mut all, damaged) = snapshots.list().map_err(of)?;
    if options.environment.is_some() {
        all.retain(|one| one.root == root);
    }
    output::print(&match options.format {
        PlainFormat::Json => format!("{:#}", json!({ "snapshots": all, "unreadable": damaged })),
        PlainFormat::Human => render::list(&all, &damaged),
    })?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn show(common: &Common, packages: &Packages, options: &ShowOptions) -> Result<ExitCode, Failure> {
    let Opened { snapshots, root, .. } = Opened::new(common, packages, None)?;
    let snapshot = snapshots.find(&Opened::selector(&options.snapshot), Some(&root)).map_err(of)?;
    if let Some(file) = &options.file {
        let inside = file.strip_prefix(&snapshot.root).unwrap_or(file);
        // All of it or nothing: what is damaged must not look like the file.
        let mut content = Vec::new();
        snapshots.read(&snapshot, inside, &mut content).map_err(of)?;
        std::io::stdout().lock().write_all(&content).map_err(|error| Failure::io("print", error))?;
        return Ok(ExitCode::SUCCESS);
    }
    output::print(&match options.format {
        PlainFormat::Json => format!("{:#}", json!(snapshot)),
        PlainFormat::Human => render::one(&snapshot),
    })?;
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn diff(common: &Common, packages: &Packages, options: &DiffOptions) -> Result<ExitCode, Failure> {
    let Opened { snapshots, root, .. } = Opened::new(common, packages, None)?;
    let find = |selector: &Selector| snapshots.find(selector, Some(&root)).map_err(of);
    let (before, after) = if options.last {
        let newest = find(&Selector::Newest)?;
        (find(&earlier(&newest)?)?, Some(newest))
    } else {
        let before = find(&options.before.as_deref().map_or(Selector::Newest, Opened::selector))?;
        let after = options.after.as_deref().map(|word| find(&Opened::selector(word))).transpose()?;
        (before, after)
    };
    let difference = match &after {
        Some(after) => snapshots.diff(&before, after).map_err(of)?,
        None => interruptible(async { snapshots.diff_now(&before, &before.root).await.map_err(of) }).await?,
    };
    let later = after.as_ref().map_or_else(|| "now".to_owned(), |after| format!("snapshot {}", after.number));
    output::print(&match options.format {
        PlainFormat::Json => format!("{:#}", json!(difference)),
        PlainFormat::Human => {
            render::difference(&difference, &format!("snapshot {}", before.number), &later, common.verbose > 0)
        }
    })?;
    Ok(ExitCode::SUCCESS)
}

/// What was there before the change that a snapshot was made after.
fn earlier(newest: &Snapshot) -> Result<Selector, Failure> {
    match &newest.reason {
        Reason::After { before: Some(before), .. } => Ok(Selector::Number(*before)),
        _ => Err(Failure::Usage(format!(
            "snapshot {} was not made after a change: name two snapshots (`stratheal snapshot list`)",
            newest.number
        ))),
    }
}

pub(super) async fn verify(
    common: &Common,
    packages: &Packages,
    options: &VerifySnapshotOptions,
) -> Result<ExitCode, Failure> {
    let Opened { snapshots, root, .. } = Opened::new(common, packages, None)?;
    let mut numbers = Vec::new();
    for word in &options.snapshots {
        numbers.push(match Opened::selector(word) {
            Selector::Number(number) => number,
            selector => snapshots.find(&selector, Some(&root)).map_err(of)?.number,
        });
    }
    let found = interruptible(async { snapshots.verify(&numbers).await.map_err(of) }).await?;
    let is_whole = found.iter().all(stratheal_core::snapshot::SnapshotVerified::is_whole);
    output::print(&match options.format {
        PlainFormat::Json => format!("{:#}", json!(found)),
        PlainFormat::Human if common.quiet && is_whole => String::new(),
        PlainFormat::Human => render::verified(&found),
    })?;
    Ok(if is_whole { ExitCode::SUCCESS } else { ExitCode::from(exit::DAMAGED) })
}
