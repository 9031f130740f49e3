//! Which files go with projects that go.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use crate::installer::installed::{Distribution, Owned};

/// What goes, and what should and cannot.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Dropped {
    /// Files, relative to the root.
    pub(super) files: HashSet<PathBuf>,
    /// Folders that go with everything in them, relative to the root.
    pub(super) folders: Vec<PathBuf>,
    /// Rows of RECORDs that lead out of the environment.
    pub(super) outside: Vec<String>,
}

/// What belongs to the removals and to nobody else. The reason when a project cannot be removed because nobody knows what it owns.
pub(super) fn dropped<'a>(
    removals: &[Distribution],
    kept: impl Iterator<Item = &'a Distribution>,
    root: &Path,
) -> Result<Dropped, String> {
    let mut dropped = Dropped::default();
    if removals.is_empty() {
        return Ok(dropped);
    }
    for removal in removals {
        let cannot = |reason: String| format!("{} cannot be removed: {reason}", removal.name());
        let owned = owned(removal, root).map_err(cannot)?;
        let folder =
            removal.folder.strip_prefix(root).map_err(|_| cannot("it lies outside the environment".to_owned()))?;
        dropped.files.extend(owned.files);
        dropped.folders.push(folder.to_owned());
        dropped.outside.extend(owned.outside);
    }
    for kept in kept {
        // One that cannot say what it owns cannot protect it either.
        for file in owned(kept, root).map(|owned| owned.files).unwrap_or_default() {
            dropped.files.remove(&file);
        }
    }
    Ok(dropped)
}

fn owned(distribution: &Distribution, root: &Path) -> Result<Owned, String> {
    let rows = distribution.record()?;
    let packages = distribution.folder.parent().and_then(|packages| packages.strip_prefix(root).ok());
    let packages = packages.ok_or_else(|| "it lies outside the environment".to_owned())?;
    Ok(Owned::of(&rows, packages, root))
}

impl Dropped {
    /// Whether an entry goes.
    pub(super) fn takes(&self, path: &Path) -> bool {
        self.files.contains(path) || self.folders.iter().any(|folder| path.starts_with(folder))
    }
}
