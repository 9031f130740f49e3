//! What supervision works with in this program.

use std::path::Path;
use std::sync::Arc;

use stratheal_core::base::class::chain;
use stratheal_core::engine::EngineHandle;
use stratheal_core::service::KeeperProgram;
use stratheal_core::supervision::{Means, Say, opener};

use crate::args::{Common, Packages};
use crate::failure::Failure;
use crate::{place, printer, workspace};

/// The program itself keeps services; what happens is printed.
pub(crate) fn means(
    common: &Common,
    packages: &Packages,
    state: &Path,
    engine: EngineHandle,
) -> Result<Means, Failure> {
    let keeper = KeeperProgram::current().map_err(|error| Failure::io("find this program", error))?;
    let say: Say = if common.quiet { Arc::new(|_| {}) } else { Arc::new(printer::line) };
    let (common, packages) = (common.clone(), packages.clone());
    let open = opener(move || workspace::open(&common, &packages).map_err(|failure| chain(&failure)));
    let apart = place::socket(state).with_extension("services");
    Ok(Means { engine, state: state.to_owned(), apart, keeper, open, say })
}
