//! The environment that remedies work on, as `install` and `repair` would open it.

use crate::base::class::chain;
use crate::remedies::environment::{OpenWorkshop, Workshop};
use crate::workspace::{Asked, Ways, Workspace, WorkspaceError, python};

/// Opens the environment of a workspace, which is found each time anew. The error of `find` is for people.
pub fn opener(find: impl Fn() -> Result<Workspace, String> + Send + Sync + 'static) -> OpenWorkshop {
    OpenWorkshop::new(move || open(&find()?).map_err(|error| chain(&error)))
}

fn open(workspace: &Workspace) -> Result<Workshop, WorkspaceError> {
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
