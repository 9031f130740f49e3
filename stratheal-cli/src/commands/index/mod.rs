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

use crate::args::{Common, IndexCommand, Packages};
use crate::failure::Failure;
use crate::fetching::Setup;

pub(crate) fn run(common: &Common, packages: &Packages, command: &IndexCommand) -> Result<ExitCode, Failure> {
    match command {
        IndexCommand::Serve(options) => serve::run(common, packages, options),
        IndexCommand::Status(options) => status::run(common, packages, options),
        IndexCommand::Prune(options) => prune::run(&Setup::read(common, packages)?, options),
        IndexCommand::Export(options) => carry::export(common, &Setup::read(common, packages)?, options),
        IndexCommand::Import(options) => carry::import(common, &Setup::read(common, packages)?, options),
        IndexCommand::Accept(options) => accept::run(common, packages, options),
    }
}

/// The store of a cache.
fn store(setup: &Setup) -> Result<Store, Failure> {
    Store::open(&setup.cache.join("objects")).map_err(|error| stored(&error))
}

fn stored(error: &StoreError) -> Failure {
    Failure::Caused { cause: Cause::Disk, text: chain(error) }
}
