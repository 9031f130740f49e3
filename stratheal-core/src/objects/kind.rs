//! The two kinds of whole files that the store keeps, and where they lie.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::ContentId;

/// What something in the store is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Kind {
    /// A whole file as it was fetched or built: a wheel, a source distribution.
    Pack,
    /// The files of a pack, unpacked.
    Tree,
}

impl Kind {
    /// The folder of the store that holds it.
    pub(super) const fn folder(self) -> &'static str {
        match self {
            Self::Pack => "packs",
            Self::Tree => "trees",
        }
    }

    /// The word for people.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pack => "pack",
            Self::Tree => "tree",
        }
    }

    /// Where the object lies below the store's folder. The first byte is a folder of its own, because some file systems are slow
    /// with very many entries in one.
    pub(super) fn place(self, id: &ContentId) -> PathBuf {
        let digits = id.to_string();
        let mut path = PathBuf::with_capacity(80);
        path.push(self.folder());
        path.push(&digits[..2]);
        path.push(&digits[2..]);
        path
    }
}
