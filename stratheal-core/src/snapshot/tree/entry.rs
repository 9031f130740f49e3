//! An entry of a tree, and the tree.

use std::path::{Path, PathBuf};

use crate::objects::ContentId;
use crate::snapshot::Extended;

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
    /// Capabilities, access lists, and what users have attached.
    pub extended: Extended,
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
    /// Whether it has holes: then it comes back with holes, wherever a block is zeros.
    pub sparse: bool,
    /// The first path of the tree that is a name of the same file, if this is a further one (a hard link).
    pub first: Option<PathBuf>,
}

/// A file of a wheel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WheelFile {
    /// The wheel: its place among those of the tree.
    pub wheel: u32,
    /// The path in it.
    pub path: String,
}

impl Content {
    /// A file with one name, and without holes.
    #[must_use]
    pub const fn new(size: u64, sha256: ContentId, wheel: Option<WheelFile>) -> Self {
        Self { size, sha256, wheel, sparse: false, first: None }
    }
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

/// The entry at a path, among sorted ones.
pub(in crate::snapshot) fn find<'t>(entries: &'t [Entry], path: &Path) -> Option<&'t Entry> {
    let path = path.as_os_str().as_encoded_bytes();
    let found = entries.binary_search_by(|entry| entry.path.as_os_str().as_encoded_bytes().cmp(path));
    found.ok().map(|at| &entries[at])
}

/// Whether an entry can be the first name of the file that `other` is a further name of.
pub(in crate::snapshot) fn is_first(entry: Option<&Entry>, other: &Entry) -> bool {
    let Some((entry, (one, other_one))) = entry.and_then(|entry| Some((entry, entry.content().zip(other.content())?)))
    else {
        return false;
    };
    let is_same_content = (one.size, one.sha256, one.sparse) == (other_one.size, other_one.sha256, other_one.sparse);
    let is_same = is_same_content && entry.attributes == other.attributes && entry.extended == other.extended;
    one.first.is_none() && is_same
}

impl Tree {
    /// The entry at a path.
    #[must_use]
    pub fn entry(&self, path: &Path) -> Option<&Entry> {
        find(&self.entries, path)
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
