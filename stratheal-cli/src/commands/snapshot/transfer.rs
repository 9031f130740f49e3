//! `stratheal snapshot export` and `import`.

use std::process::ExitCode;

use serde_json::json;
use stratheal_core::model::quantity::{show_bytes, show_count};
use stratheal_core::model::report::printable;

use super::failure::of;
use super::open::Opened;
use crate::args::{Common, ExportSnapshotOptions, ImportSnapshotOptions, Packages, PlainFormat};
use crate::commands::install::interruptible;
use crate::failure::Failure;
use crate::output;

pub(super) async fn export(
    common: &Common,
    packages: &Packages,
    options: &ExportSnapshotOptions,
) -> Result<ExitCode, Failure> {
    let Opened { snapshots, root, .. } = Opened::new(common, packages, None)?;
    let find = |word: &str| snapshots.find(&Opened::selector(word), Some(&root)).map_err(of);
    let snapshot = find(&options.snapshot)?;
    let without = options.without.iter().map(|word| find(word)).collect::<Result<Vec<_>, _>>()?;
    let work = async { snapshots.export(&snapshot, &options.file, &without).await.map_err(of) };
    let done = interruptible(work).await?;
    let text = match options.format {
        PlainFormat::Json => format!("{:#}", json!(done)),
        PlainFormat::Human if common.quiet => String::new(),
        PlainFormat::Human => format!(
            "snapshot {} is in {}: {}, {}, {}",
            snapshot.number,
            done.path.display(),
            show_bytes(done.bytes as f64),
            show_count(done.wheels, "wheel"),
            show_count(done.objects, "other file")
        ),
    };
    output::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn import(
    common: &Common,
    packages: &Packages,
    options: &ImportSnapshotOptions,
) -> Result<ExitCode, Failure> {
    let Opened { snapshots, .. } = Opened::new(common, packages, None)?;
    let done = interruptible(async { snapshots.import(&options.file).await.map_err(of) }).await?;
    let text = match options.format {
        PlainFormat::Json => format!("{:#}", json!(done)),
        PlainFormat::Human if common.quiet => String::new(),
        PlainFormat::Human => format!(
            "snapshot {} of {}: {} added, {} there already",
            done.snapshot.number,
            printable(&done.snapshot.root.display().to_string()),
            show_count(done.added, "file"),
            done.there
        ),
    };
    output::print(&text)?;
    Ok(ExitCode::SUCCESS)
}
