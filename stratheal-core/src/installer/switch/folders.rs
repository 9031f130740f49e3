//! How folders look that something is done in: they look so again when it is taken back, and as they should when it is done.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::base::fs::named;
use crate::base::times::{modified_ns, set_modified};
use crate::installer::stage::Attributes;

/// Folders, by their paths in an environment, and how each looks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Folders(Vec<(PathBuf, Look)>);

/// How a folder looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Look {
    #[serde(flatten)]
    pub(crate) attributes: Attributes,
    /// When it was changed last, in nanoseconds since 1970.
    pub(crate) modified_ns: i64,
}

impl Folders {
    #[cfg(feature = "snapshot")]
    pub(crate) const fn new(folders: Vec<(PathBuf, Look)>) -> Self {
        Self(folders)
    }

    /// Looks at folders. What is not there, or is none, is left out.
    pub(in crate::installer) fn of<'a>(root: &Path, folders: impl Iterator<Item = &'a Path>) -> io::Result<Self> {
        let mut looks = Vec::new();
        for folder in folders.collect::<BTreeSet<_>>() {
            let path = root.join(folder);
            match fs::symlink_metadata(&path) {
                Ok(found) if found.is_dir() => {
                    let look = Look { attributes: Attributes::of(&found), modified_ns: modified_ns(&found) };
                    looks.push((folder.to_owned(), look));
                }
                Err(error) if !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                    return Err(named(&path, &error));
                }
                _ => {}
            }
        }
        Ok(Self(looks))
    }

    pub(in crate::installer) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.0.iter().map(|(path, _)| path.as_path())
    }

    /// Makes the folders look so that are there. Those inside first: afterwards one may be closed to whoever does this.
    pub(in crate::installer) fn apply(&self, root: &Path) -> io::Result<()> {
        for (folder, Look { attributes, modified_ns }) in self.0.iter().rev() {
            let path = root.join(folder);
            match attributes.apply(&path).and_then(|()| set_modified(&path, *modified_ns)) {
                Err(error) if !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                    return Err(named(&path, &error));
                }
                _ => {}
            }
        }
        Ok(())
    }
}
