//! The command line tool `stratheal`, played by the benchmark program itself, so that both are built in the same way.
//!
//! What the tool starts of itself, to keep services, it starts without the hidden argument: it knows of none.

use std::ffi::OsString;
use std::process::ExitCode;

use stratheal_core::service::keeper::Role;

/// The hidden argument of this role. It is followed by the arguments of the tool.
pub const ROLE: &str = "__tool";

/// Runs the tool, or what it starts of itself, if that is what the arguments say.
#[must_use]
pub fn run(arguments: &[String]) -> Option<ExitCode> {
    let (first, rest) = arguments.split_first()?;
    let called = |with: &[String]| -> Vec<OsString> {
        std::iter::once("stratheal").chain(with.iter().map(String::as_str)).map(OsString::from).collect()
    };
    let words = if first == ROLE { called(rest) } else { called(arguments) };
    (first == ROLE || Role::of(&words).is_some()).then(|| stratheal_cli::run(words))
}
