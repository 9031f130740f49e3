//! Snapshots around commands of others: what `run -- pip install ...` did can be seen, and undone.

use std::path::PathBuf;

use stratheal_core::base::class::chain;
use stratheal_core::snapshot::{CreateOptions, Created, Reason, SnapshotError, Snapshots};
use stratheal_core::workspace::Workspace;

use crate::output;

/// An environment that a command may change.
#[derive(Debug)]
pub(crate) struct Watched {
    snapshots: Snapshots,
    root: PathBuf,
    project: Option<PathBuf>,
    change: String,
    before: Option<u64>,
}

impl Watched {
    /// Keeps the environment as it is before the command, if there is one and that is wanted. What goes wrong is told, and keeps nobody
    /// from anything.
    pub(crate) async fn begin(workspace: &Workspace, command: &str, off: bool) -> Option<Self> {
        let environment = workspace.python().environment?;
        if off || !environment.join("pyvenv.cfg").is_file() {
            return None;
        }
        let (snapshots, root) = workspace.automatic_snapshots(&environment)?;
        let project = workspace.config.as_ref().map(|config| config.folder().to_owned());
        let mut watched = Self { snapshots, root, project, change: command.to_owned(), before: None };
        let reason = Reason::Before { change: watched.change.clone() };
        watched.before = Some(watched.keep(reason).await?.snapshot.number);
        Some(watched)
    }

    /// Keeps it as it is after the command, if that has changed it.
    pub(crate) async fn end(self) {
        if self.root.join("pyvenv.cfg").is_file() {
            self.keep(Reason::After { change: self.change.clone(), before: self.before }).await;
        }
    }

    async fn keep(&self, reason: Reason) -> Option<Created> {
        let options =
            CreateOptions { reason, project: self.project.clone(), durable: false, ..CreateOptions::default() };
        let made = self.snapshots.create(&self.root, &options).await;
        made.inspect_err(|error: &SnapshotError| {
            output::complain(&format!("no snapshot of {}: {}", self.root.display(), chain(error)));
        })
        .ok()
    }
}
