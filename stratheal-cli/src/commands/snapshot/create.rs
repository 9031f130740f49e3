//! `stratheal snapshot create`.

use std::process::ExitCode;

use serde_json::json;
use stratheal_core::model::quantity::{show_bytes, show_count};
use stratheal_core::snapshot;

use super::failure::of;
use super::open::Opened;
use crate::args::{Common, CreateOptions, Packages, PlainFormat};
use crate::commands::install::interruptible;
use crate::failure::Failure;
use crate::output;

pub(super) async fn create(common: &Common, packages: &Packages, options: &CreateOptions) -> Result<ExitCode, Failure> {
    let began = tokio::time::Instant::now();
    let Opened { workspace, snapshots, root } = Opened::new(common, packages, options.environment.as_deref())?;
    let wanted = snapshot::CreateOptions {
        label: options.label.clone(),
        project: workspace.config.as_ref().map(|config| config.folder().to_owned()),
        strict: options.strict,
        ..snapshot::CreateOptions::default()
    };
    let made = interruptible(async { snapshots.create(&root, &wanted).await.map_err(of) }).await?;
    let one = &made.snapshot;
    let text = match options.format {
        PlainFormat::Json => format!("{:#}", json!(made)),
        PlainFormat::Human if common.quiet => String::new(),
        PlainFormat::Human if !made.is_new => {
            format!("nothing has changed since snapshot {} of {}", one.number, root.display())
        }
        PlainFormat::Human => {
            let (files, bytes) = (show_count(one.files, "file"), show_bytes(one.bytes as f64));
            let (added, took) = (show_bytes(made.stored as f64), began.elapsed().as_secs_f64());
            format!("snapshot {} of {}: {files}, {bytes}, {added} of it new ({took:.2} s)", one.number, root.display())
        }
    };
    output::print(&text)?;
    if !one.fuzzy.is_empty() && made.is_new {
        output::complain(&format!("changed while it was looked at: {}", one.fuzzy.join(", ")));
    }
    Ok(ExitCode::SUCCESS)
}
