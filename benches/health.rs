//! The health engine beside its peers: `cargo bench -p stratheal-benches --bench health`.
//!
//! This program plays every part but the peers': it is started again by itself, with a hidden argument, as targets, as stratheal
//! and as scraper. `docs/benchmarks.md` says how to read the table, [`stratheal_benches::health::settings`] what can be set.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use stratheal_benches::failure::Failure;
use stratheal_benches::health::scenario::Scenario;
use stratheal_benches::health::settings::Settings;
use stratheal_benches::health::{command_targets, http_targets, report, scraper, stratheal};
use stratheal_benches::launcher;
use stratheal_benches::program::{self, block_on, say};

fn main() -> ExitCode {
    program::run(play)
}

fn play(arguments: &[String]) -> Result<(), Failure> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        [launcher::ARGUMENT, ..] => Err(launcher::launch(&arguments[1..])),
        [http_targets::ROLE, name] => block_on(http_targets::serve(scenario(name)?)),
        [command_targets::ROLE, name, folder] => block_on(command_targets::watch(scenario(name)?, folder.into())),
        [scraper::ROLE, ..] => block_on(scraper::scrape(&arguments[1..])),
        [stratheal::ROLE, name, targets, failures] => {
            block_on(stratheal::watch(scenario(name)?, Path::new(targets), PathBuf::from(failures)))
        }
        _ if program::is_wanted(arguments) => block_on(report::run(&Settings::read(|name| std::env::var(name).ok())?)),
        _ => say("run it with: cargo bench -p stratheal-benches --bench health"),
    }
}

fn scenario(name: &str) -> Result<Scenario, Failure> {
    let found = Scenario::ALL.into_iter().find(|scenario| scenario.name == name);
    found.ok_or_else(|| Failure::new(format!("there is no scenario `{name}`")))
}
