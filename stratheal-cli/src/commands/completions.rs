//! `stratheal completions`.

use std::process::ExitCode;

use clap::CommandFactory;

use crate::args::{Arguments, CompletionOptions};
use crate::failure::Failure;
use crate::output;

pub(crate) fn run(options: &CompletionOptions) -> Result<ExitCode, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(options.shell, &mut Arguments::command(), "stratheal", &mut script);
    output::print(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::SUCCESS)
}
