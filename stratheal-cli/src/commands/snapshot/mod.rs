//! `stratheal snapshot` and `stratheal rollback`.

mod create;
mod failure;
mod good;
mod keep;
mod open;
mod proving;
mod render;
mod rollback;
mod show;
mod transfer;
mod watch;

use std::process::ExitCode;

pub(crate) use self::proving::Proving;
pub(crate) use self::rollback::run as run_rollback;
pub(crate) use self::watch::Watched;
use crate::args::{Common, Packages, SnapshotCommand};
use crate::commands::install::run_to_end;
use crate::failure::Failure;

pub(crate) fn run(common: &Common, packages: &Packages, command: &SnapshotCommand) -> Result<ExitCode, Failure> {
    run_to_end(async {
        match command {
            SnapshotCommand::Create(options) => create::create(common, packages, options).await,
            SnapshotCommand::List(options) => show::list(common, packages, options),
            SnapshotCommand::Show(options) => show::show(common, packages, options),
            SnapshotCommand::Diff(options) => show::diff(common, packages, options).await,
            SnapshotCommand::Verify(options) => show::verify(common, packages, options).await,
            SnapshotCommand::Good(options) => good::good(common, packages, options).await,
            SnapshotCommand::Label(options) => keep::label(common, packages, options),
            SnapshotCommand::Pin(options) => keep::pin(common, packages, options, true),
            SnapshotCommand::Unpin(options) => keep::pin(common, packages, options, false),
            SnapshotCommand::Export(options) => transfer::export(common, packages, options).await,
            SnapshotCommand::Import(options) => transfer::import(common, packages, options).await,
            SnapshotCommand::Remove(options) => keep::remove(common, packages, options),
            SnapshotCommand::Gc(options) => keep::gc(common, packages, options),
        }
    })
}
