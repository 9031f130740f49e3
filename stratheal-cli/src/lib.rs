//! The `stratheal` command line tool as a library, so that it can be tested. It holds no knowledge of its own: it reads options,
//! asks `stratheal-core`, and prints.

mod args;
mod child;
mod ci;
mod commands;
mod conversation;
mod count;
mod exit;
mod failure;
mod lead;
mod logging;
mod monitor;
mod output;
mod place;
mod printer;
mod progress;
mod recording;
mod reload;
mod screen;
mod select;
mod systemd;
mod tally;
mod workspace;

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use clap::error::ErrorKind;

use stratheal_core::service::keeper::{KeeperPlace, Role};

use crate::args::{Arguments, Command};
use crate::failure::Failure;

/// How long the last killed commands have to be gone.
const SETTLE: Duration = Duration::from_secs(1);

/// Runs the tool. The exit code is a status (0 to 3), 3 for whatever could not be done, or one that says why packages could not be had.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    // What a service is before it becomes its program: as little as possible happens there.
    if let Some(role @ Role::Executor) = Role::of(&arguments) {
        return role.run();
    }
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Whoever reads this has closed the terminal if it cannot be printed.
            let _ = error.print();
            let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            return if asked { ExitCode::SUCCESS } else { failure::code(stratheal_core::model::Status::Unknown) };
        }
    };
    let code = dispatch(arguments).unwrap_or_else(|failure| failure.report());
    // Commands that were killed are made sure of on a thread that ends with this program.
    if !stratheal_core::sys::command::settle(SETTLE) {
        tracing::warn!("a killed command may have left processes behind");
    }
    code
}

fn dispatch(arguments: Arguments) -> Result<ExitCode, Failure> {
    let Arguments { common, packages, command } = arguments;
    logging::begin(&common, matches!(command, Command::Up(_)));
    match command {
        Command::Check(options) => commands::check::run(&common, &options),
        Command::Up(options) => commands::up::run(&common, &packages, &options),
        Command::Wait(options) => commands::wait::run(&common, &options),
        Command::Status(options) => commands::status::run(&common, &options),
        Command::Explain(options) => commands::explain::run(&common, &options),
        Command::Report(options) => commands::report::run(&common, &options),
        Command::Service { command } => commands::service::run(&common, &command.unwrap_or_default()),
        Command::Logs(options) => commands::service::run_logs(&common, &options),
        Command::Heal(options) => commands::heal::run(&common, &packages, &options),
        Command::Incidents { command } => commands::incidents::run(&common, &command.unwrap_or_default()),
        Command::Remedy { command } => commands::heal::run_remedy(&common, &packages, &command.unwrap_or_default()),
        Command::Pause(options) => commands::pause::run(&common, &options),
        Command::Resume => commands::pause::run_resume(&common),
        Command::Audit { command } => commands::audit::run(&common, &command.unwrap_or_default()),
        Command::Run(options) => commands::run::run(&common, &packages, &options),
        Command::Install(options) => commands::install::run(&common, &packages, &options),
        Command::Sync(options) => {
            commands::install::run(&common, &packages, &args::InstallOptions { exact: true, ..options })
        }
        Command::Lock(options) => commands::install::run_lock(&common, &packages, &options),
        Command::Uninstall(options) => commands::install::run_uninstall(&common, &packages, &options),
        Command::Verify(options) => commands::install::run_verify(&common, &packages, &options),
        Command::Repair(options) => commands::install::run_repair(&common, &packages, &options),
        Command::Snapshot(command) => commands::snapshot::run(&common, &packages, &command),
        Command::Rollback(options) => commands::snapshot::run_rollback(&common, &packages, &options),
        Command::Index(command) => commands::index::run(&common, &packages, &command),
        Command::Warm(options) => commands::warm::run(&common, &packages, &options),
        Command::Doctor(options) => commands::doctor::run(&common, &packages, &options),
        Command::Demo(options) => commands::demo::run(&common, &packages, &options),
        Command::Init(options) => commands::init::run(&common, &options),
        Command::Config(command) => commands::config::run(&common, &command),
        Command::Completions(options) => commands::completions::run(&options),
        Command::Keeper(options) => {
            let place = KeeperPlace::given(options.folder, options.socket);
            Ok(Role::Keeper { place, arguments: Vec::new() }.run())
        }
        Command::Executor(_) => Ok(Role::Executor.run()),
    }
}

/// A runtime for the tool's own waiting; checks run on the engine's threads.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| Failure::io("start", error))
}

/// A runtime for work with packages: what fetches and what serves must not wait for each other.
fn runtime_with_threads() -> Result<tokio::runtime::Runtime, Failure> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.enable_all().thread_name("stratheal").build().map_err(|error| Failure::io("start", error))
}
