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
            output::print(&format!(
                "{}: valid, {checks} check{}",
                config.file.display(),
                if checks == 1 { "" } else { "s" }
            ))?;
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
