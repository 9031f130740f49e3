//! Listing what lies in a folder of the store. Others may add and delete meanwhile: what has gone is passed over.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{ContentId, Kind, Store, StoreError};

/// The paths in a folder, in a stable order; none where the folder is missing.
pub(super) fn entries(folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let listed = match fs::read_dir(folder) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        listed => listed.map_err(StoreError::at("list", folder))?,
    };
    let mut paths = Vec::new();
    for entry in listed {
        paths.push(entry.map_err(StoreError::at("list", folder))?.path());
    }
    paths.sort_unstable();
    Ok(paths)
}

/// The bytes of the files in and below a path, as far as they can be seen.
pub(super) fn bytes_below(path: &Path) -> u64 {
    let mut waiting = vec![path.to_owned()];
    let mut bytes = 0;
    while let Some(path) = waiting.pop() {
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_dir() => waiting.extend(entries(&path).unwrap_or_default()),
            Ok(metadata) => bytes += metadata.len(),
            Err(_) => {}
        }
    }
    bytes
}

impl Store {
    /// The ids of everything of a kind, with what stands beside it under the same name.
    pub(super) fn ids(&self, kind: Kind) -> Result<Vec<(ContentId, PathBuf)>, StoreError> {
        let mut found = Vec::new();
        for shelf in entries(&self.folder().join(kind.folder()))? {
            let Some(first) = shelf.file_name().and_then(|name| name.to_str()).map(str::to_owned) else { continue };
            for path in entries(&shelf)? {
                let rest = path.file_name().and_then(|name| name.to_str());
                // What has another name (a sidecar, something foreign) is not an object.
                if let Some(id) = rest.and_then(|rest| format!("{first}{rest}").parse().ok()) {
                    found.push((id, path));
                }
            }
        }
        Ok(found)
    }
}
