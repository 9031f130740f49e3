//! `stratheal status`.

use std::process::ExitCode;

use stratheal_core::control::{ControlError, Request, Response};

use crate::args::{Common, StatusOptions};
use crate::failure::{Failure, code};
use crate::{output, place, runtime};

pub(crate) fn run(common: &Common, options: &StatusOptions) -> Result<ExitCode, Failure> {
    let answers = runtime()?.block_on(place::ask_all(common, &[Request::Snapshot, Request::Vitals]))?;
    let [Response::Snapshot(snapshot), Response::Vitals(vitals)] = answers.as_slice() else {
        return Err(ControlError::Protocol.into());
    };
    let snapshot = options.selection.snapshot(snapshot)?;
    output::print(&output::render(&snapshot, Some(vitals), options.format, common))?;
    Ok(code(snapshot.status))
}
