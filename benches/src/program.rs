//! What the benchmark programs have in common.

use std::future::Future;
use std::io::{self, Write};
use std::process::ExitCode;

use crate::failure::Failure;
use crate::tool;

/// Runs a benchmark program, or the tool if that is what its arguments say: `play` gets the arguments.
pub fn run(play: impl FnOnce(&[String]) -> Result<(), Failure>) -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(code) = tool::run(&arguments) {
        return code;
    }
    match play(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            // With no place to complain there is still the exit code.
            drop(writeln!(io::stderr(), "error: {problem}"));
            ExitCode::FAILURE
        }
    }
}

/// Whether a person asked for the benchmark. `cargo test --all-targets` starts benchmarks as well, but without this argument.
#[must_use]
pub fn is_wanted(arguments: &[String]) -> bool {
    arguments.iter().any(|argument| argument == "--bench")
}

/// Runs a future on this thread.
///
/// # Errors
/// Those of the future, or when there is no runtime to be had.
pub fn block_on(future: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(future)
}

/// Runs a future on as many threads as there are processors.
///
/// # Errors
/// Those of the future, or when there is no runtime to be had.
pub fn block_on_threads(future: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(future)
}

/// Prints a line.
///
/// # Errors
/// When there is nowhere to print.
pub fn say(line: &str) -> Result<(), Failure> {
    Ok(writeln!(io::stdout(), "{line}")?)
}
