//! Where the next environment is built: beside the environment, in a folder that git ignores.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::base::fs::named;
use crate::installer::stage::remove_tree;

/// A folder for one next environment. Deleted when it is dropped, with whatever lies in it then.
#[derive(Debug)]
pub(super) struct StageFolder {
    path: PathBuf,
    /// The folders that were made for it, the innermost first.
    made: Vec<PathBuf>,
}

impl StageFolder {
    /// Chooses a place. `number` tells apart what one process stages at the same time.
    pub(super) fn plan(root: &Path, number: u64) -> Self {
        let parent = root.parent().unwrap_or(Path::new("/")).join(".stratheal/stage");
        let name = root.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Self { path: parent.join(format!("{name}-{}-{number}", std::process::id())), made: Vec::new() }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes it, empty. The environment's parents are made as well.
    pub(super) fn make(&mut self) -> io::Result<()> {
        let Some(stages) = self.path.parent() else { return Ok(()) };
        let Some(own) = stages.parent() else { return Ok(()) };
        self.made = [stages, own].into_iter().filter(|folder| !folder.exists()).map(Path::to_owned).collect();
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
        let mut swept = remove_tree(&self.path);
        for folder in &self.made {
            // The state of other parts may lie there by now.
            let others = fs::read_dir(folder).map(|all| all.flatten().any(|one| one.file_name() != ".gitignore"));
            if !others.unwrap_or(true) && swept.is_ok() {
                swept = remove_tree(folder);
            }
        }
        if let Err(error) = swept {
            tracing::warn!(path = %self.path.display(), %error, "what was staged cannot be deleted");
        }
    }
}
