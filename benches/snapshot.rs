//! Snapshots beside copies, archives and backup programs: `cargo bench -p stratheal-benches --bench snapshot`.
//!
//! `docs/benchmarks.md` says how to read the tables, [`stratheal_benches::fetch::settings`] what can be set.

use std::process::ExitCode;

use stratheal_benches::failure::Failure;
use stratheal_benches::fetch::settings::Settings;
use stratheal_benches::launcher;
use stratheal_benches::program::{self, block_on_threads, say};
use stratheal_benches::snapshot::report;

fn main() -> ExitCode {
    program::run(play)
}

fn play(arguments: &[String]) -> Result<(), Failure> {
    match arguments {
        [role, ..] if role == launcher::ARGUMENT => Err(launcher::launch(&arguments[1..])),
        _ if program::is_wanted(arguments) => {
            let settings = Settings::read(5, |name| std::env::var(name).ok())?;
            block_on_threads(report::run(&settings))
        }
        _ => say("run it with: cargo bench -p stratheal-benches --bench snapshot"),
    }
}
