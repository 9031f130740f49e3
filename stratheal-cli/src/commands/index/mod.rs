//! `stratheal index`.

mod serve;
mod status;

use std::process::ExitCode;

use crate::args::{Common, IndexCommand, Packages};
use crate::failure::Failure;

pub(crate) fn run(common: &Common, packages: &Packages, command: &IndexCommand) -> Result<ExitCode, Failure> {
    match command {
        IndexCommand::Serve(options) => serve::run(common, packages, options),
        IndexCommand::Status(options) => status::run(common, packages, options),
    }
}
