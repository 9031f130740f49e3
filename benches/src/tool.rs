//! The command line tool `stratheal`, played by the benchmark program itself, so that both are built in the same way.

use std::ffi::OsString;
use std::process::ExitCode;

/// The hidden argument of this role. It is followed by the arguments of the tool.
pub const ROLE: &str = "__tool";

/// Runs the tool, if that is what the arguments say.
#[must_use]
pub fn run(arguments: &[String]) -> Option<ExitCode> {
    let (role, rest) = arguments.split_first()?;
    let words = std::iter::once("stratheal").chain(rest.iter().map(String::as_str));
    (role == ROLE).then(|| stratheal_cli::run(words.map(OsString::from)))
}
