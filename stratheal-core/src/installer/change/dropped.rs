//! Which files go with projects that go.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use crate::installer::installed::{Distribution, Owned, read_record};

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

/// What belongs to the removals and to nobody else. The reason when a project cannot be removed because nobody knows what it owns; of one
/// that is there several times, the others say that. `damaged` are folders of metadata without METADATA, which go as well.
pub(super) fn dropped<'a>(
    removals: &[Distribution],
    damaged: &[PathBuf],
    kept: impl Iterator<Item = &'a Distribution>,
    root: &Path,
) -> Result<Dropped, String> {
    let mut dropped = Dropped::default();
    for removal in removals {
        let cannot = |reason: String| format!("{} cannot be removed: {reason}", removal.name());
        let is_alone = removals.iter().filter(|other| other.name() == removal.name()).count() == 1;
        dropped.folder(&removal.folder, root, is_alone).map_err(cannot)?;
    }
    for folder in damaged {
        dropped.folder(folder, root, false)?;
    }
    if dropped.files.is_empty() {
        return Ok(dropped);
    }
    for kept in kept {
        // One that cannot say what it owns cannot protect it either.
        for file in owned(&kept.folder, root).map(|owned| owned.files).unwrap_or_default() {
            dropped.files.remove(&file);
        }
    }
    Ok(dropped)
}

fn owned(folder: &Path, root: &Path) -> Result<Owned, String> {
    let (rows, _) = read_record(folder)?;
    let packages = folder.parent().and_then(|packages| packages.strip_prefix(root).ok());
    let packages = packages.ok_or_else(|| "it lies outside the environment".to_owned())?;
    Ok(Owned::of(&rows, packages, root))
}

impl Dropped {
    /// Adds a folder of metadata, and what its RECORD lists.
    fn folder(&mut self, folder: &Path, root: &Path, needs_record: bool) -> Result<(), String> {
        let inside = folder.strip_prefix(root).map_err(|_| "it lies outside the environment".to_owned())?;
        match owned(folder, root) {
            Ok(owned) => {
                self.files.extend(owned.files);
                self.outside.extend(owned.outside);
            }
            Err(reason) if needs_record => return Err(reason),
            Err(reason) => tracing::debug!(folder = %folder.display(), reason, "nobody knows its files"),
        }
        self.folders.push(inside.to_owned());
        Ok(())
    }

    /// Whether an entry goes.
    pub(super) fn takes(&self, path: &Path) -> bool {
        self.files.contains(path) || self.folders.iter().any(|folder| path.starts_with(folder))
    }
}
