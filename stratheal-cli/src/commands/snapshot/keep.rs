//! `stratheal snapshot label`, `pin`, `unpin`, `remove` and `gc`.

use std::process::ExitCode;

use serde_json::json;
use stratheal_core::model::quantity::{show_bytes, show_count};
use stratheal_core::snapshot::{Collection, Retention, Selector, Snapshots};

use super::failure::of;
use super::open::Opened;
use crate::args::{Common, GcOptions, LabelOptions, OneOptions, Packages, PlainFormat};
use crate::failure::Failure;
use crate::output;

/// The number that a word means in this project.
fn number(opened: &Opened, word: &str) -> Result<u64, Failure> {
    let selector = Opened::selector(word);
    if let Selector::Number(number) = selector {
        return Ok(number);
    }
    Ok(opened.snapshots.find(&selector, Some(&opened.root)).map_err(of)?.number)
}

pub(super) fn label(common: &Common, packages: &Packages, options: &LabelOptions) -> Result<ExitCode, Failure> {
    let opened = Opened::new(common, packages, None)?;
    let number = number(&opened, &options.snapshot)?;
    let changed = opened.snapshots.set_label(&Selector::Number(number), options.label.as_deref()).map_err(of)?;
    let text = match &changed.label {
        Some(label) => format!("snapshot {number} is called {label}"),
        None => format!("snapshot {number} has no name"),
    };
    said(common, &text)
}

pub(super) fn pin(
    common: &Common,
    packages: &Packages,
    options: &OneOptions,
    pinned: bool,
) -> Result<ExitCode, Failure> {
    let opened = Opened::new(common, packages, None)?;
    let number = number(&opened, &options.snapshot)?;
    opened.snapshots.set_pinned(&Selector::Number(number), pinned).map_err(of)?;
    said(
        common,
        &format!(
            "snapshot {number} {}",
            if pinned { "stays until it is unpinned" } else { "may go when its time has come" }
        ),
    )
}

pub(super) fn remove(common: &Common, packages: &Packages, options: &OneOptions) -> Result<ExitCode, Failure> {
    let opened = Opened::new(common, packages, None)?;
    let number = number(&opened, &options.snapshot)?;
    let Collection { bytes, .. } = opened.snapshots.remove(number).map_err(of)?;
    said(common, &format!("snapshot {number} is gone, and {} with it", show_bytes(bytes as f64)))
}

pub(super) fn gc(common: &Common, packages: &Packages, options: &GcOptions) -> Result<ExitCode, Failure> {
    let snapshots: Snapshots = Opened::new(common, packages, None)?.snapshots;
    let retention = Retention {
        last: options.keep_last,
        hourly: options.keep_hourly,
        daily: options.keep_daily,
        weekly: options.keep_weekly,
    };
    let collection = if options.plan {
        snapshots.collection_plan(&retention).map_err(of)?
    } else if snapshots.list().map_err(of)?.0.is_empty() {
        // Nothing is made where there is none.
        Collection::default()
    } else {
        snapshots.collect(&retention).map_err(of)?
    };
    if options.format == PlainFormat::Json {
        output::print(&format!("{:#}", json!(collection)))?;
        return Ok(ExitCode::SUCCESS);
    }
    let numbers: Vec<String> = collection.removed.iter().map(u64::to_string).collect();
    let named = if numbers.is_empty() { String::new() } else { format!(": {}", numbers.join(", ")) };
    let count = show_count(collection.removed.len(), "snapshot");
    let text = if options.plan {
        format!("{count} would go{named}; nothing was changed")
    } else {
        format!("{count} gone{named}; {} freed", show_bytes(collection.bytes as f64))
    };
    said(common, &text)
}

fn said(common: &Common, text: &str) -> Result<ExitCode, Failure> {
    if !common.quiet {
        output::print(text)?;
    }
    Ok(ExitCode::SUCCESS)
}
