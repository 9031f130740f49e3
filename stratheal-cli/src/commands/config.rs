//! `stratheal config`.

use std::process::ExitCode;

use stratheal_core::config;
use stratheal_core::control::{Request, Response};

use crate::args::{Common, ConfigCommand};
use crate::failure::Failure;
use crate::{output, place, runtime};

pub(crate) fn run(common: &Common, command: &ConfigCommand) -> Result<ExitCode, Failure> {
    match command {
        ConfigCommand::Check => {
            let config = place::written_configuration(common)?;
            let checks = config.checks.len();
            let words = match checks {
                0 => "valid, but it has no checks".to_owned(),
                1 => "valid, 1 check".to_owned(),
                more => format!("valid, {more} checks"),
            };
            output::print(&format!("{}: {words}", config.file.display()))?;
        }
        ConfigCommand::Schema => output::print(&format!("{:#}", config::schema()))?,
        ConfigCommand::Reload => {
            let answer = runtime()?.block_on(place::ask(common, &Request::Reload))?;
            if let Response::Done(text) = answer {
                output::print(&text)?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
