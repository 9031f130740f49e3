//! Where the next environment is built: beside the environment, in a folder that git ignores.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::base::fs::named;
use crate::installer::stage::{remove_stage, remove_tree};

/// A folder for one next environment. Deleted when it is dropped, with whatever lies in it then.
#[derive(Debug)]
pub(super) struct StageFolder {
    path: PathBuf,
}

impl StageFolder {
    /// Chooses a place. `number` tells apart what one process stages at the same time.
    pub(super) fn plan(root: &Path, number: u64) -> Self {
        let parent = root.parent().unwrap_or(Path::new("/")).join(".stratheal/stage");
        let name = root.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Self { path: parent.join(format!("{name}-{}-{number}", std::process::id())) }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes it, empty. The environment's parents are made as well.
    pub(super) fn make(&self) -> io::Result<()> {
        let Some(stages) = self.path.parent() else { return Ok(()) };
        let Some(own) = stages.parent() else { return Ok(()) };
        fs::create_dir_all(stages).map_err(|error| named(stages, &error))?;
        let ignore = own.join(".gitignore");
        if !ignore.exists() {
            fs::write(&ignore, "*\n").map_err(|error| named(&ignore, &error))?;
        }
        remove_tree(&self.path)?;
        fs::create_dir(&self.path).map_err(|error| named(&self.path, &error))
    }
}

impl Drop for StageFolder {
    fn drop(&mut self) {
        if let Err(error) = remove_stage(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "what was staged cannot be deleted");
        }
    }
}
