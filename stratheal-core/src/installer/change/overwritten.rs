//! Files of projects that stay, where a new project has another one.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::index::ProjectName;
use crate::installer::installed::{Distribution, read_record, resolve};
use crate::installer::stage::{Composition, Entry, Kind};
use crate::objects::{ContentId, RecordHash};

/// The most files that are told.
const MOST: usize = 1_000;

/// A file that is replaced by another project's.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Overwritten {
    /// Relative to the root.
    pub(super) path: PathBuf,
    /// Who has recorded it.
    pub(super) owner: ProjectName,
    /// The addition whose file is there.
    pub(super) by: usize,
}

/// What of the projects that are `kept` is replaced by other content. RECORDs are only read when a new file is where one is already that
/// does not go.
pub(super) fn overwritten(
    current: &[Entry],
    dropped: &HashSet<PathBuf>,
    composition: &Composition,
    kept: &[Distribution],
    root: &Path,
) -> Vec<Overwritten> {
    let replaced = replaced(current, dropped, composition);
    let mut found = Vec::new();
    if replaced.is_empty() {
        return found;
    }
    for owner in kept {
        let packages = owner.folder.parent().and_then(|packages| packages.strip_prefix(root).ok());
        // One that cannot say what it owns cannot miss it either.
        let (Some(packages), Ok((rows, _))) = (packages, read_record(&owner.folder)) else { continue };
        for row in rows {
            let Some(path) = resolve(&row.path, packages, root) else { continue };
            if let Some((by, id)) = replaced.get(path.as_os_str())
                && row.hash != RecordHash::Sha256(*id)
                && found.len() < MOST
            {
                found.push(Overwritten { path, owner: owner.name().clone(), by: *by });
            }
        }
    }
    found
}

/// New files that are where one is that does not go: the addition, and the content.
fn replaced<'a>(
    current: &[Entry],
    dropped: &HashSet<PathBuf>,
    composition: &'a Composition,
) -> HashMap<&'a OsStr, (usize, ContentId)> {
    let stays = |entry: &&Entry| !matches!(entry.kind, Kind::Folder(_)) && !dropped.contains(&entry.path);
    let there: HashSet<&OsStr> = current.iter().filter(stays).map(|entry| entry.path.as_os_str()).collect();
    let new = composition.new.iter().filter(|(_, placed)| there.contains(placed.path.as_os_str()));
    new.map(|(by, placed)| (placed.path.as_os_str(), (*by, placed.id))).collect()
}
