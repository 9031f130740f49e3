//! What this user's installations keep outside of the environments: locks, journals, notes. One folder for each environment, found
//! by its real path.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::base::fs::named;
use crate::objects::ContentId;

/// The folder of one environment in the user's state.
#[derive(Debug, Clone)]
pub(in crate::installer) struct Register {
    folder: PathBuf,
}

impl Register {
    /// Finds or makes the folder of an environment. `root` is its real path.
    pub(in crate::installer) fn open(state: &Path, root: &Path) -> io::Result<Self> {
        let key = ContentId::of(root.as_os_str().as_encoded_bytes()).to_string();
        let folder = state.join("environments").join(&key[..32]);
        fs::create_dir_all(&folder).map_err(|error| named(&folder, &error))?;
        let place = folder.join("path");
        // For people, and for whoever looks for all environments of this user.
        if !place.exists() {
            fs::write(&place, root.as_os_str().as_encoded_bytes()).map_err(|error| named(&place, &error))?;
        }
        Ok(Self { folder })
    }

    pub(in crate::installer) fn lock(&self) -> PathBuf {
        self.folder.join("lock")
    }

    pub(in crate::installer) fn holder(&self) -> PathBuf {
        self.folder.join("holder.json")
    }

    /// The plan of a change that is made file by file.
    pub(in crate::installer) fn entries(&self) -> PathBuf {
        self.folder.join("entries.json")
    }

    /// The modules that are being compiled.
    pub(in crate::installer) fn modules(&self) -> PathBuf {
        self.folder.join("modules.txt")
    }

    pub(in crate::installer) fn journal(&self) -> PathBuf {
        self.folder.join("journal.json")
    }
}
