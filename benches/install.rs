//! Environments beside uv and pip: `cargo bench -p stratheal-benches --bench install`.
//!
//! `docs/benchmarks.md` says how to read the tables, [`stratheal_benches::fetch::settings`] what can be set.

use std::process::ExitCode;

use stratheal_benches::failure::Failure;
use stratheal_benches::fetch::settings::Settings;
use stratheal_benches::install::report;
use stratheal_benches::launcher;
use stratheal_benches::program::{self, block_on_threads, say};

fn main() -> ExitCode {
    program::run(play)
}

fn play(arguments: &[String]) -> Result<(), Failure> {
    match arguments {
        [role, ..] if role == launcher::ARGUMENT => Err(launcher::launch(&arguments[1..])),
        _ if program::is_wanted(arguments) => {
            let settings = Settings::read(9, |name| std::env::var(name).ok())?;
            block_on_threads(report::run(&settings))
        }
        _ => say("run it with: cargo bench -p stratheal-benches --bench install"),
    }
}
