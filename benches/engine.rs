//! What the engine itself costs: `cargo bench -p stratheal-benches --bench engine`. Takes about five minutes.

use std::process::ExitCode;

use stratheal_benches::engine::{idle, oneshot, overhead, readers};
use stratheal_benches::failure::Failure;
use stratheal_benches::launcher;
use stratheal_benches::program::{self, block_on, block_on_threads, say};

fn main() -> ExitCode {
    program::run(play)
}

fn play(arguments: &[String]) -> Result<(), Failure> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        [launcher::ARGUMENT, ..] => Err(launcher::launch(&arguments[1..])),
        [overhead::ROLE, "here", ..] => block_on(overhead::play(&arguments[1..])),
        [overhead::ROLE, ..] => block_on_threads(overhead::play(&arguments[1..])),
        [readers::ROLE] => block_on(readers::play()),
        [idle::ROLE, kind] => block_on(idle::play(kind)),
        _ if program::is_wanted(arguments) => block_on(async {
            say(&readers::table().await?.to_string())?;
            say(&oneshot::table().await?.to_string())?;
            say(&idle::table().await?.to_string())?;
            say(&overhead::table().await?.to_string())
        }),
        _ => say("run it with: cargo bench -p stratheal-benches --bench engine"),
    }
}
