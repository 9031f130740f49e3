//! `stratheal check`.

use std::process::ExitCode;

use stratheal_core::engine::once::run_once;
use stratheal_core::model::Status;
use stratheal_core::model::view::CheckView;

use crate::args::{CheckOptions, Common};
use crate::failure::{Failure, code};
use crate::{output, place, runtime};

/// All checks of the configuration, run once: what each is called, and what it found.
pub(crate) async fn once(common: &Common) -> Result<Vec<(String, Status, String)>, Failure> {
    let config = place::written_configuration(common)?;
    let snapshot = run_once(config.checks, place::limits()).await?;
    let told = |view: &std::sync::Arc<CheckView>| (view.id.to_string(), view.status, view.summary().to_owned());
    Ok(snapshot.checks.iter().map(told).collect())
}

pub(crate) fn run(common: &Common, options: &CheckOptions) -> Result<ExitCode, Failure> {
    let config = place::configuration(common)?;
    let registrations = options.selection.registrations(config.checks)?;
    let snapshot = runtime()?.block_on(run_once(registrations, place::limits()))?;
    output::print(&output::render(&snapshot, None, options.format, common))?;
    Ok(code(snapshot.status))
}
