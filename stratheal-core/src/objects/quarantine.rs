//! Damaged objects, kept for a while so that somebody can see what happened to them.

use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::scratch::remove;
use super::walk::{bytes_below, entries};
use super::{ContentId, Kind, Store, StoreError};
use crate::base::fs::read_text;

/// How many damaged objects are kept, and how many bytes of them. The oldest go first.
const MOST_KEPT: usize = 32;
const MOST_BYTES: u64 = 512 * 1024 * 1024;

/// A damaged object that was taken out of the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantined {
    /// What it was.
    pub kind: Kind,
    /// What it should have been, or whose file it was.
    pub id: ContentId,
    /// Why it is here.
    pub reason: String,
    /// When that was found.
    pub when: Timestamp,
}

impl Store {
    /// Takes something damaged out of the store. Where that fails, it stays, and is found damaged again.
    pub(super) fn quarantine(&self, kind: Kind, id: &ContentId, path: &Path, reason: &str) {
        tracing::warn!(kind = kind.word(), %id, reason, "damaged: taken out of the store");
        self.forget(kind, id);
        let moved = self.move_to_quarantine(kind, id, path, reason).and_then(|()| self.bound_quarantine().map(drop));
        if let Err(error) = moved {
            tracing::warn!(kind = kind.word(), %id, error = crate::base::class::chain(&error), "cannot quarantine");
        }
    }

    fn move_to_quarantine(&self, kind: Kind, id: &ContentId, path: &Path, reason: &str) -> Result<(), StoreError> {
        let folder = self.quarantine_folder();
        let when = self.now();
        let quarantined = Quarantined { kind, id: *id, reason: reason.chars().take(1_000).collect(), when };
        // The time comes first, so that the names are in the order of the finds.
        let base = format!("{:020}-{id}", when.as_nanosecond());
        let taken = |number: &u32| !folder.join(format!("{base}-{number}")).exists();
        let name = format!("{base}-{}", (0..1_000).find(taken).unwrap_or(1_000));
        match self.put_in_place(path, &folder.join(&name)) {
            // Somebody else was faster.
            Err(StoreError::Storage { source, .. }) if source.kind() == io::ErrorKind::NotFound => return Ok(()),
            moved => moved?,
        }
        let text = serde_json::to_string(&quarantined).unwrap_or_default();
        self.write_whole(&folder.join(format!("{name}.json")), &text)
    }

    /// Deletes the oldest until the rest is within its bounds. Answers how many, and their bytes.
    pub(super) fn bound_quarantine(&self) -> Result<(usize, u64), StoreError> {
        let listed = entries(&self.quarantine_folder())?;
        let is_note = |path: &Path| path.extension().is_some_and(|extension| extension == "json");
        let (notes, kept): (Vec<_>, Vec<_>) = listed.into_iter().partition(|path| is_note(path));
        let mut kept: Vec<_> = kept.into_iter().map(|path| (bytes_below(&path), path)).collect();
        let mut bytes: u64 = kept.iter().map(|(bytes, _)| bytes).sum();
        let mut removed = (0, 0);
        while kept.len() > MOST_KEPT || bytes > MOST_BYTES {
            let (size, path) = kept.remove(0);
            bytes -= size;
            drop_file(&path)?;
            removed = (removed.0 + 1, removed.1 + size);
        }
        // What happened stays readable for longer than the thing itself.
        let surplus = notes.len().saturating_sub(8 * MOST_KEPT);
        notes[..surplus].iter().try_for_each(|note| drop_file(note))?;
        Ok(removed)
    }

    /// What is in the quarantine, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be listed.
    pub fn quarantined(&self) -> Result<Vec<Quarantined>, StoreError> {
        let notes = entries(&self.quarantine_folder())?;
        let read = |path: &PathBuf| serde_json::from_str(&read_text(path, 16 * 1024).ok()?).ok();
        Ok(notes.iter().filter(|path| path.extension().is_some_and(|e| e == "json")).filter_map(read).collect())
    }

    pub(super) fn quarantine_folder(&self) -> PathBuf {
        self.folder().join("quarantine")
    }
}

fn drop_file(path: &Path) -> Result<(), StoreError> {
    match remove(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(StoreError::at("delete", path)(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn it_is_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        for number in 0..300_u32 {
            let scratch = store.scratch().unwrap();
            fs::write(scratch.path(), number.to_string()).unwrap();
            store.quarantine(Kind::Pack, &ContentId::of(b"x"), scratch.path(), &format!("number {number}"));
        }
        let listed = store.quarantined().unwrap();
        assert_eq!(listed.len(), 8 * MOST_KEPT);
        assert_eq!(listed.last().unwrap().reason, "number 299");
        assert_eq!(entries(&store.quarantine_folder()).unwrap().len(), 9 * MOST_KEPT);
    }
}
