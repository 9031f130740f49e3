//! Snapshots of environments of a workspace.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Workspace, WorkspaceError, place};
use crate::contract::EnvironmentGuard;
use crate::objects::Store;
use crate::snapshot::{Automatic, Retention, Snapshots};

impl Workspace {
    /// The snapshots that belong to an environment's folder, there or not; its path without links beside them.
    ///
    /// # Errors
    /// [`WorkspaceError::System`] when the path cannot be made absolute.
    pub fn snapshots(&self, target: &Path) -> Result<(Snapshots, PathBuf), WorkspaceError> {
        let root = self.root(target)?;
        Ok((self.open_snapshots(&root), root))
    }

    /// The folder of the environment that a path means, without links in it; it need not be there. The path may be that of an interpreter.
    ///
    /// # Errors
    /// [`WorkspaceError::System`] when the path cannot be made absolute.
    pub fn root(&self, target: &Path) -> Result<PathBuf, WorkspaceError> {
        root_of(target).map_err(|source| WorkspaceError::System { action: "find the environment", source })
    }

    /// The snapshots of an environment that are made by themselves; `None` when none are wanted.
    #[must_use]
    pub fn automatic_snapshots(&self, target: &Path) -> Option<(Snapshots, PathBuf)> {
        let settings = self.config.as_ref().map(|config| config.snapshots).unwrap_or_default();
        self.snapshots(target).ok().filter(|_| settings.automatic)
    }

    /// Who makes snapshots around the changes of an environment; nobody, where none are wanted.
    #[must_use]
    pub fn guard(&self, target: &Path) -> Option<Arc<dyn EnvironmentGuard>> {
        let (snapshots, _) = self.automatic_snapshots(target)?;
        Some(Arc::new(snapshots))
    }

    fn open_snapshots(&self, root: &Path) -> Snapshots {
        let state = place::snapshots(self.choices.state.as_deref(), self.config.as_ref(), root);
        // Without a cache that can be used, wheels are kept and put back file by file.
        let cache = Store::open(&self.cache.join("objects"));
        let cache = cache.inspect_err(|error| tracing::debug!(%error, "the download cache is not used")).ok();
        let snapshots = Snapshots::open(&state, &place::user_state(&self.cache), cache);
        let settings = self.config.as_ref().map(|config| config.snapshots).unwrap_or_default();
        let project = self.config.as_ref().map(|config| config.folder().to_owned());
        let retention = Retention {
            last: settings.keep_last,
            hourly: settings.keep_hourly,
            daily: settings.keep_daily,
            weekly: settings.keep_weekly,
        };
        snapshots.set_automatic(Automatic { retention, budget: settings.budget, project });
        snapshots
    }
}

fn root_of(path: &Path) -> io::Result<PathBuf> {
    let path = std::path::absolute(path)?;
    let above = path.parent().and_then(Path::parent).filter(|above| above.join("pyvenv.cfg").is_file());
    let folder = if path.is_dir() { &path } else { above.unwrap_or(&path) };
    let parent = folder.parent().and_then(|parent| parent.canonicalize().ok());
    Ok(match (folder.canonicalize(), parent, folder.file_name()) {
        (Ok(real), ..) => real,
        (Err(_), Some(parent), Some(name)) => parent.join(name),
        _ => folder.to_owned(),
    })
}
