//! `stratheal check`.

use std::process::ExitCode;

use stratheal_core::engine::once::run_once;

use crate::args::{CheckOptions, Common};
use crate::failure::{Failure, code};
use crate::{output, place, runtime};

pub(crate) fn run(common: &Common, options: &CheckOptions) -> Result<ExitCode, Failure> {
    let config = place::configuration(common)?;
    let registrations = options.selection.registrations(config.checks)?;
    let snapshot = runtime()?.block_on(run_once(registrations, place::limits()))?;
    output::print(&output::render(&snapshot, None, options.format, common))?;
    Ok(code(snapshot.status))
}
