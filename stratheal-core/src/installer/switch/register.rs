//! What this user's installations keep outside of the environments: locks, journals, notes. One folder for each environment, found
//! by its real path.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::base::fs::{named, read_text};
use crate::objects::ContentId;

/// The most environments that are looked for, and the longest path of one, in bytes.
const MOST_ENVIRONMENTS: usize = 10_000;
const LONGEST_PATH: u64 = 16 << 10;

/// The folder of one environment in the user's state.
#[derive(Debug, Clone)]
pub(crate) struct Register {
    folder: PathBuf,
}

impl Register {
    /// Finds or makes the folder of an environment. `root` is its real path.
    pub(crate) fn open(state: &Path, root: &Path) -> io::Result<Self> {
        let Self { folder } = Self::at(state, root);
        fs::create_dir_all(&folder).map_err(|error| named(&folder, &error))?;
        let place = folder.join("path");
        // For people, and for whoever looks for all environments of this user.
        if !place.exists() {
            fs::write(&place, root.as_os_str().as_encoded_bytes()).map_err(|error| named(&place, &error))?;
        }
        Ok(Self { folder })
    }

    /// Whether this program has installed something into an environment with this real path. Makes nothing.
    pub(crate) fn is_noted(state: &Path, root: &Path) -> bool {
        Self::at(state, root).origins().is_file()
    }

    fn at(state: &Path, root: &Path) -> Self {
        let key = ContentId::of(root.as_os_str().as_encoded_bytes()).to_string();
        Self { folder: state.join("environments").join(&key[..32]) }
    }

    pub(crate) fn lock(&self) -> PathBuf {
        self.folder.join("lock")
    }

    pub(crate) fn holder(&self) -> PathBuf {
        self.folder.join("holder.json")
    }

    /// The plan of a change that is made file by file.
    pub(crate) fn entries(&self) -> PathBuf {
        self.folder.join("entries.json")
    }

    /// The modules that are being compiled.
    pub(crate) fn modules(&self) -> PathBuf {
        self.folder.join("modules.txt")
    }

    pub(crate) fn journal(&self) -> PathBuf {
        self.folder.join("journal.json")
    }

    /// The start of the machine under which the environment was changed last.
    pub(crate) fn boot(&self) -> PathBuf {
        self.folder.join("boot")
    }

    /// What the environment was made of.
    pub(crate) fn origins(&self) -> PathBuf {
        self.folder.join("origins.json")
    }

    /// Which files were found to be good, and how they looked then.
    pub(crate) fn stats(&self) -> PathBuf {
        self.folder.join("stats")
    }

    /// What was hashed for snapshots, and how it looked then.
    #[cfg(feature = "snapshot")]
    pub(crate) fn snapshot_stats(&self) -> PathBuf {
        self.folder.join("snapshot-stats")
    }

    /// The environments of this user that are known. Those that cannot be read are left out, and so are those that are gone.
    pub(crate) fn all(state: &Path) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(state.join("environments")) else { return Vec::new() };
        let paths = entries.flatten().take(MOST_ENVIRONMENTS);
        let paths =
            paths.filter_map(|entry| read_text(&entry.path().join("path"), LONGEST_PATH).ok().map(PathBuf::from));
        let mut found: Vec<_> = paths.filter(|path| path.is_absolute() && path.is_dir()).collect();
        found.sort_unstable();
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn environments_that_are_there_are_listed() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("env");
        fs::create_dir(&root).unwrap();
        for path in [root.as_path(), Path::new("/nowhere/env")] {
            Register::open(folder.path(), path).unwrap();
        }
        assert_eq!(Register::all(folder.path()), [root]);
        assert!(Register::all(Path::new("/nowhere")).is_empty());
    }
}
