//! `stratheal pause` and `stratheal resume`.

use std::process::ExitCode;

use stratheal_core::control::{ControlError, Request, Response};

use crate::args::{Common, PauseOptions};
use crate::failure::Failure;
use crate::{output, place, runtime};

pub(crate) fn run(common: &Common, options: &PauseOptions) -> Result<ExitCode, Failure> {
    let (reason, lasting) = (options.reason.clone(), options.lasting);
    done(common, &Request::PauseHealing { by: place::user(), reason, lasting })
}

pub(crate) fn run_resume(common: &Common) -> Result<ExitCode, Failure> {
    done(common, &Request::ResumeHealing { by: place::user() })
}

fn done(common: &Common, request: &Request) -> Result<ExitCode, Failure> {
    let Response::Done(text) = runtime()?.block_on(place::ask(common, request))? else {
        return Err(ControlError::Protocol.into());
    };
    output::print(&text)?;
    Ok(ExitCode::SUCCESS)
}
