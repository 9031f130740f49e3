//! What files of snapshots contain.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::Write;
use std::path::Path;

use super::tree::{Content, Entry, Tree, Wheel};
use super::{Snapshot, SnapshotError, Snapshots};
use crate::objects::archive::Archive;
use crate::objects::{ContentId, Segments, Store};

/// The largest text that is read, in bytes.
pub(super) const LARGEST_TEXT: u64 = 64 << 20;

/// The most archives that are open at the same time.
const MOST_OPEN: usize = 32;

/// Reads contents, for one thread.
pub(super) struct Contents {
    vault: Store,
    segments: Segments,
    archives: RefCell<HashMap<ContentId, Option<Archive>>>,
}

impl Snapshots {
    pub(super) fn contents(&self) -> Result<Contents, SnapshotError> {
        let vault = self.vault()?;
        Ok(Contents { segments: vault.segments()?, vault, archives: RefCell::default() })
    }

    /// Writes the content of a file of a snapshot somewhere.
    ///
    /// # Errors
    /// [`SnapshotError::NotInside`] when it has no such file, [`SnapshotError::Damaged`] when its content is not what it was.
    pub fn read(&self, snapshot: &Snapshot, path: &Path, to: &mut dyn Write) -> Result<u64, SnapshotError> {
        let tree = self.tree(snapshot)?;
        let missing =
            || SnapshotError::NotInside { number: snapshot.number, what: format!("file `{}`", path.display()) };
        let content = tree.entry(path).and_then(Entry::content).ok_or_else(missing)?;
        if self.contents()?.copy(&tree.wheels, content, to)? {
            return Ok(content.size);
        }
        let reason = format!("the content of {} is gone", path.display());
        Err(SnapshotError::Damaged { number: snapshot.number, reason })
    }
}

impl Contents {
    /// Writes a content somewhere, and checks it on the way. False when it is gone or damaged; then some of it may have been written.
    pub(super) fn copy(&self, wheels: &[Wheel], content: &Content, to: &mut dyn Write) -> Result<bool, SnapshotError> {
        if self.segments.contains(&content.sha256) {
            return match self.segments.copy(&content.sha256, to) {
                Ok(_) => Ok(true),
                Err(crate::objects::StoreError::DestinationFull { source }) => {
                    Err(SnapshotError::storage("write a content", source))
                }
                Err(error) => {
                    tracing::debug!(%error, "a content cannot be read");
                    Ok(false)
                }
            };
        }
        let Some(file) = &content.wheel else { return Ok(false) };
        let mut archives = self.archives.borrow_mut();
        if archives.len() >= MOST_OPEN {
            archives.clear();
        }
        let id = wheels[file.wheel as usize].sha256;
        let archive = match archives.entry(id) {
            std::collections::hash_map::Entry::Occupied(there) => there.into_mut(),
            std::collections::hash_map::Entry::Vacant(place) => {
                let pack = self.vault.pack(&id)?;
                place.insert(pack.and_then(|pack| pack.archive().ok()))
            }
        };
        let Some(archive) = archive else { return Ok(false) };
        let copied = archive.copy(&file.path, to).map_err(|error| SnapshotError::storage("write a content", error))?;
        Ok(copied.is_ok_and(|found| found == content.sha256))
    }

    /// A file as text, if it is one that can be read.
    pub(super) fn text(&self, tree: &Tree, entry: &Entry) -> Option<String> {
        let content = entry.content().filter(|content| content.size <= LARGEST_TEXT)?;
        let mut bytes = Vec::new();
        let read = self.copy(&tree.wheels, content, &mut bytes).ok()?;
        if read { String::from_utf8(bytes).ok() } else { None }
    }
}
