//! The environment that remedies work on, as `install` and `repair` would open it.

use stratheal_core::remedies::environment::{OpenWorkshop, Workshop};

use crate::args::{Common, Packages};
use crate::commands::install;
use crate::commands::snapshot::snapshots_of;
use crate::failure::Failure;
use crate::fetching::Setup;
use crate::python;

/// Opens the project's environment, each time anew.
pub(super) fn opener(common: &Common, packages: &Packages) -> OpenWorkshop {
    let (common, packages) = (common.clone(), packages.clone());
    OpenWorkshop::new(move || open(&common, &packages).map_err(|failure| stratheal_core::base::class::chain(&failure)))
}

fn open(common: &Common, packages: &Packages) -> Result<Workshop, Failure> {
    let setup = Setup::read(common, packages)?;
    let path = install::Target::existing(&setup, packages, None);
    let snapshots = snapshots_of(common, &setup, &path);
    let environment = snapshots.as_ref().map_or_else(|| path.clone(), |(_, root)| root.clone());
    let (installer, input, folder) = install::for_healing(&setup, packages)?;
    Ok(Workshop {
        installer,
        snapshots: snapshots.map(|(snapshots, _)| snapshots),
        environment,
        base: python::in_path(),
        input,
        folder,
    })
}
