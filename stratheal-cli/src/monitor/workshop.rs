//! The environment that remedies work on, as `install` and `repair` would open it.

use stratheal_core::base::class::chain;
use stratheal_core::remedies::environment::{OpenWorkshop, Workshop};
use stratheal_core::workspace::{Asked, Ways, python};

use crate::args::{Common, Packages};
use crate::failure::Failure;
use crate::workspace;

/// Opens the project's environment, each time anew.
pub(super) fn opener(common: &Common, packages: &Packages) -> OpenWorkshop {
    let (common, packages) = (common.clone(), packages.clone());
    OpenWorkshop::new(move || open(&common, &packages).map_err(|failure| chain(&failure)))
}

fn open(common: &Common, packages: &Packages) -> Result<Workshop, Failure> {
    let workspace = workspace::open(common, packages)?;
    let path = workspace.target(None).path;
    let (snapshots, environment) = workspace.automatic_snapshots(&path).unzip();
    // What belongs into the environment when it is made anew. The installer makes no snapshots by itself: the healer has them made.
    let read = workspace.read(&Asked { or_installed: true, ..Asked::default() })?;
    Ok(Workshop {
        installer: workspace.installer(&read.files, Ways::default(), None)?.installer,
        snapshots,
        environment: environment.unwrap_or(path),
        base: python::in_path(),
        input: read.input,
        folder: workspace.folder(),
    })
}
