//! `stratheal index`.

mod accept;
mod carry;
mod prune;
mod serve;
mod status;

use std::process::ExitCode;

use stratheal_core::base::class::chain;
use stratheal_core::fetch::Cause;
use stratheal_core::objects::{Store, StoreError};
use stratheal_core::workspace::Workspace;

use crate::args::{Common, IndexCommand, Packages};
use crate::failure::Failure;
use crate::workspace;

pub(crate) fn run(common: &Common, packages: &Packages, command: &IndexCommand) -> Result<ExitCode, Failure> {
    match command {
        IndexCommand::Serve(options) => serve::run(common, packages, options),
        IndexCommand::Status(options) => status::run(common, packages, options),
        IndexCommand::Prune(options) => prune::run(&workspace::open(common, packages)?, options),
        IndexCommand::Export(options) => carry::export(common, &workspace::open(common, packages)?, options),
        IndexCommand::Import(options) => carry::import(common, &workspace::open(common, packages)?, options),
        IndexCommand::Accept(options) => accept::run(common, packages, options),
    }
}

/// The store of a cache.
fn store(workspace: &Workspace) -> Result<Store, Failure> {
    Store::open(&workspace.cache.join("objects")).map_err(|error| stored(&error))
}

fn stored(error: &StoreError) -> Failure {
    Failure::Caused { cause: Cause::Disk, text: chain(error) }
}
