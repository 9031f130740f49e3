//! Which hash each file had, and which changes a person accepted: kept beside the page, in files of their own, because a cached page
//! may be dropped at any time and these must not.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::folder::Folders;
use crate::base::fs::{named, read_text, replace_unsynced, write_atomic};
use crate::index::{ProjectName, SeenFiles};
use crate::objects::ContentId;

/// The largest file that is read, in bytes.
const MOST: u64 = 64 << 20;
/// The most changes of one project that can be accepted.
const MOST_ACCEPTED: usize = 10_000;

/// What is remembered about the files of a project.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Memory {
    pub(super) seen: SeenFiles,
    /// The new hash of each file whose change was accepted, by name.
    pub(super) accepted: BTreeMap<String, ContentId>,
}

impl Folders {
    /// What is remembered about a project. Blocks on files.
    pub(super) fn remembered(&self, project: &ProjectName) -> Memory {
        // Where several folders know the project, the one that is written to is right.
        let first = |kind: &str| self.paths(project, kind).find(|path| path.exists());
        let seen = first("seen").and_then(|path| read(&path)).unwrap_or_default();
        let accepted = first("accepted").and_then(|path| read(&path)).unwrap_or_default();
        Memory { seen, accepted }
    }

    /// Keeps the hashes of a project. Blocks on files.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn remember(&self, project: &ProjectName, seen: &SeenFiles) -> io::Result<()> {
        let Some(path) = self.paths(project, "seen").next() else { return Ok(()) };
        write(&path, seen, replace_unsynced)
    }

    /// Keeps that a person accepts a file with this hash. Blocks on files.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn accept(&self, project: &ProjectName, file: &str, hash: ContentId) -> io::Result<()> {
        let Some(path) = self.paths(project, "accepted").next() else { return Ok(()) };
        let mut accepted = self.remembered(project).accepted;
        if accepted.len() >= MOST_ACCEPTED && !accepted.contains_key(file) {
            return Err(io::Error::other(format!("{}: {MOST_ACCEPTED} changes were accepted already", path.display())));
        }
        accepted.insert(file.to_owned(), hash);
        write(&path, &accepted, write_atomic)
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    let text =
        read_text(path, MOST).inspect_err(|error| tracing::warn!(%error, "remembered hashes cannot be read")).ok()?;
    let parsed = serde_json::from_str(&text);
    parsed.inspect_err(|error| tracing::warn!(path = %path.display(), %error, "remembered hashes are damaged")).ok()
}

fn write(path: &Path, value: &impl Serialize, by: fn(&Path, &[u8]) -> io::Result<()>) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| named(folder, &error))?;
    }
    by(path, &serde_json::to_vec(value).map_err(io::Error::other)?)
}
