//! Services and healing beside process supervisors: `cargo bench -p stratheal-benches --bench healing`.
//!
//! This program plays every part but the peers': it is started again by itself, as the tool and as the server that is looked after.
//! `docs/benchmarks.md` says how to read the tables, [`stratheal_benches::healing::settings`] what can be set.

use std::process::ExitCode;

use stratheal_benches::failure::Failure;
use stratheal_benches::healing::settings::Settings;
use stratheal_benches::healing::{report, server};
use stratheal_benches::launcher;
use stratheal_benches::program::{self, block_on, block_on_threads, say};

fn main() -> ExitCode {
    program::run(play)
}

fn play(arguments: &[String]) -> Result<(), Failure> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        [launcher::ARGUMENT, ..] => Err(launcher::launch(&arguments[1..])),
        [server::ROLE, port, _folder] => block_on(server::serve(port)),
        _ if program::is_wanted(arguments) => {
            let settings = Settings::read(|name| std::env::var(name).ok())?;
            block_on_threads(report::run(&settings))
        }
        _ => say("run it with: cargo bench -p stratheal-benches --bench healing"),
    }
}
