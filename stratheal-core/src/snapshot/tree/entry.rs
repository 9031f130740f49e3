//! An entry of a tree, and the tree.

use std::path::{Path, PathBuf};

use crate::objects::ContentId;

/// A tree as it was. Entries are sorted by the bytes of their paths, parents before what is in them; the first one is the root itself,
/// with an empty path.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tree {
    /// The wheels that hold some of the files.
    pub wheels: Vec<Wheel>,
    /// Everything that was there.
    pub entries: Vec<Entry>,
}

/// A wheel that a tree refers to.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Wheel {
    /// Its SHA-256.
    pub sha256: ContentId,
    /// Its file name.
    pub name: String,
}

/// Something in a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where, relative to the root: plain components, whatever bytes they are made of.
    pub path: PathBuf,
    /// Whose it is, and its time.
    pub attributes: Attributes,
    /// What it is.
    pub node: Node,
}

/// What is kept of an entry beside its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attributes {
    /// Permission bits.
    pub mode: u32,
    /// The number of its owner.
    pub uid: u32,
    /// The number of its group.
    pub gid: u32,
    /// When it was changed last, in nanoseconds since 1970.
    pub mtime_ns: i64,
}

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// A folder.
    Folder,
    /// A file.
    File(Content),
    /// A symbolic link, with its target as it is written there.
    Link(PathBuf),
    /// A socket, a pipe, a device: it is noted, and not made again.
    Other,
}

/// What a file contains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// Its size in bytes.
    pub size: u64,
    /// Its SHA-256.
    pub sha256: ContentId,
    /// The wheel that holds the same; without one the content lies in a segment.
    pub wheel: Option<WheelFile>,
}

/// A file of a wheel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WheelFile {
    /// The wheel: its place among those of the tree.
    pub wheel: u32,
    /// The path in it.
    pub path: String,
}

impl Entry {
    /// What it contains, if it is a file.
    #[must_use]
    pub const fn content(&self) -> Option<&Content> {
        match &self.node {
            Node::File(content) => Some(content),
            _ => None,
        }
    }
}

impl Tree {
    /// The entry at a path.
    #[must_use]
    pub fn entry(&self, path: &Path) -> Option<&Entry> {
        let path = path.as_os_str().as_encoded_bytes();
        let bytes = |entry: &Entry| entry.path.as_os_str().as_encoded_bytes().to_owned();
        let found = self.entries.binary_search_by(|entry| bytes(entry).as_slice().cmp(path));
        found.ok().map(|at| &self.entries[at])
    }

    /// Its files, with their content.
    pub fn files(&self) -> impl Iterator<Item = (&Entry, &Content)> {
        self.entries.iter().filter_map(|entry| Some((entry, entry.content()?)))
    }

    /// The bytes of its files.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files().fold(0, |sum, (_, content)| sum.saturating_add(content.size))
    }
}
