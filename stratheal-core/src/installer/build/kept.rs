//! Wheels that were built before: a note for each, by what it was made of.

use std::fs;
use std::io;
use std::path::PathBuf;

use pep440_rs::Version;
use serde::{Deserialize, Serialize};

use super::builder::Built;
use crate::base::fs::{read_text, replace_unsynced};
use crate::objects::{ContentId, Store};

/// The largest note, in bytes.
const LARGEST: u64 = 16 << 10;

const VERSION: u32 = 1;

/// The notes, in a folder of a cache.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    folder: PathBuf,
}

#[derive(Debug, Serialize, Deserialize)]
struct Note {
    format: u32,
    name: String,
    version: String,
    wheel: String,
}

impl Kept {
    pub(super) const fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Where the lock for one build lies.
    pub(super) fn lock(&self, key: &ContentId) -> io::Result<PathBuf> {
        fs::create_dir_all(&self.folder)?;
        Ok(self.folder.join(format!("{key}.lock")))
    }

    fn place(&self, key: &ContentId) -> PathBuf {
        self.folder.join(format!("{key}.json"))
    }

    /// What was built, if it was and is still in the store.
    pub(super) fn recall(&self, key: &ContentId, store: &Store) -> Option<Built> {
        let note = Self::parse(&read_text(&self.place(key), LARGEST).ok()?)?;
        let (name, version, id) = note;
        // A store that cannot be read is told about by whoever writes to it.
        let pack = store.pack(&id).ok()??;
        Some(Built { name: name.parse().ok()?, version, pack })
    }

    fn parse(text: &str) -> Option<(String, Version, ContentId)> {
        let note: Note = serde_json::from_str(text).ok()?;
        (note.format == VERSION).then_some(())?;
        Some((note.name, note.version.parse().ok()?, note.wheel.parse().ok()?))
    }

    /// Keeps what was built.
    pub(super) fn keep(&self, key: &ContentId, built: &Built) {
        let note = Note {
            format: VERSION,
            name: built.name.to_string(),
            version: built.version.to_string(),
            wheel: built.pack.id().to_string(),
        };
        let written = serde_json::to_vec(&note).map_err(io::Error::from);
        if let Err(error) = written.and_then(|text| replace_unsynced(&self.place(key), &text)) {
            tracing::debug!(%error, "it cannot be noted what was built");
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,60}", near in "[{}\":,a-z0-9.]{0,80}") {
            let _ = (Kept::parse(&text), Kept::parse(&near));
        }
    }
}
