//! What a bundle holds.

use std::collections::HashSet;
use std::io;

use serde::{Deserialize, Serialize};

use crate::base::class::{ErrorClass, of_io};
use crate::objects::archive::check_path;
use crate::objects::{ContentId, StoreError};

/// The name of the first member.
pub(super) const MANIFEST: &str = "stratheal-bundle.json";

/// The largest manifest that is read, in bytes, and the most entries.
pub(super) const LARGEST_MANIFEST: u64 = 64 * 1024 * 1024;
const MOST_ENTRIES: usize = 200_000;

/// The kind of an entry that goes into the store itself.
pub(super) const PACK: &str = "pack";

/// A file in a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// What it is: `pack`, or a word of whoever wrote it, who places it.
    pub kind: String,
    /// A relative path of plain components. Of a pack, its file name.
    pub path: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its SHA-256.
    pub sha256: ContentId,
}

impl Entry {
    /// The name of the member that holds it.
    pub(super) fn member(&self, number: usize) -> String {
        format!("{number:06}-{}", self.sha256)
    }
}

/// Why a bundle cannot be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// It is no bundle.
    #[error("this is no bundle of stratheal: {reason}")]
    NotABundle {
        /// What is wrong with it.
        reason: String,
    },
    /// A later version of this program wrote it.
    #[error("this bundle has format {found}, and this version knows {known}: use a newer stratheal")]
    NewerFormat {
        /// Its format.
        found: u32,
        /// The newest format this version reads.
        known: u32,
    },
    /// One of its entries is refused.
    #[error("the entry `{path}` of the bundle is refused: {reason}")]
    Refused {
        /// The entry's path, escaped and cut.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// It says that it holds more than is allowed.
    #[error("the bundle unpacks to {size} bytes, and {limit} are allowed")]
    TooLarge {
        /// What its manifest says.
        size: u64,
        /// How much is allowed.
        limit: u64,
    },
    /// It ends too early, or cannot be read.
    #[error("the bundle cannot be read to its end: copy it again; what came before `{at}` was taken over")]
    Unreadable {
        /// What could not be read.
        at: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It cannot be written.
    #[error("the bundle cannot be written")]
    Unwritable {
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The store could not be used.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl BundleError {
    /// What kind of trouble it is.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::NotABundle { .. } | Self::Refused { .. } | Self::Unreadable { .. } => ErrorClass::Corrupt,
            Self::NewerFormat { .. } | Self::TooLarge { .. } => ErrorClass::Permanent,
            Self::Unwritable { source } => of_io(source),
            Self::Store(error) => error.class(),
        }
    }

    pub(super) fn refused(path: &str, reason: impl Into<String>) -> Self {
        let path = path.chars().take(120).flat_map(char::escape_debug).collect();
        Self::Refused { path, reason: reason.into() }
    }
}

/// All of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    version: u32,
    pub(super) entries: Vec<Entry>,
}

impl Manifest {
    const VERSION: u32 = 1;

    /// Checks what will be written as strictly as what is read.
    pub(super) fn new(entries: Vec<Entry>) -> Result<Self, BundleError> {
        Self { version: Self::VERSION, entries }.checked()
    }

    pub(super) fn parse(text: &[u8]) -> Result<Self, BundleError> {
        #[derive(Deserialize)]
        struct Version {
            version: u32,
        }
        let not_a_bundle = |error: serde_json::Error| BundleError::NotABundle { reason: error.to_string() };
        // The version first: a later form may have other fields.
        let Version { version: found } = serde_json::from_slice(text).map_err(not_a_bundle)?;
        if found > Self::VERSION {
            return Err(BundleError::NewerFormat { found, known: Self::VERSION });
        }
        serde_json::from_slice::<Self>(text).map_err(not_a_bundle)?.checked()
    }

    /// The bytes of all entries.
    pub(super) fn bytes(&self) -> u64 {
        self.entries.iter().fold(0, |sum, entry| sum.saturating_add(entry.size))
    }

    fn checked(self) -> Result<Self, BundleError> {
        if self.entries.len() > MOST_ENTRIES {
            let reason = format!("it has {} entries, and {MOST_ENTRIES} are allowed", self.entries.len());
            return Err(BundleError::NotABundle { reason });
        }
        let mut seen = HashSet::new();
        let mut packs = HashSet::new();
        for entry in &self.entries {
            check_path(&entry.path).map_err(|reason| BundleError::refused(&entry.path, reason))?;
            let is_word = entry.kind.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
            if !is_word || entry.kind.is_empty() || entry.kind.len() > 40 {
                return Err(BundleError::refused(&entry.path, "its kind is no word"));
            }
            // Two packs may have one name: of two indexes, or built twice. No two may have one content.
            let is_new = if entry.kind == PACK {
                packs.insert(entry.sha256)
            } else {
                seen.insert((entry.kind.as_str(), entry.path.to_lowercase()))
            };
            if !is_new {
                return Err(BundleError::refused(&entry.path, "it is there twice"));
            }
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(kind: &str, path: &str, content: &str) -> Entry {
        Entry { kind: kind.into(), path: path.into(), size: 1, sha256: ContentId::of(content.as_bytes()) }
    }

    #[test]
    fn what_is_taken() {
        for (entries, good) in [
            (vec![entry("pack", "a.whl", "1"), entry("pack", "a.whl", "2"), entry("index", "a/b", "1")], true),
            (vec![entry("pack", "a.whl", "1"), entry("pack", "b.whl", "1")], false),
            (vec![entry("index", "a", "1"), entry("index", "A", "2")], false),
            (vec![entry("index", "../a", "1")], false),
            (vec![entry("index", "/a", "1")], false),
            (vec![entry("pack", "", "1")], false),
            (vec![entry("Index", "a", "1")], false),
            (vec![entry("", "a", "1")], false),
        ] {
            assert_eq!(Manifest::new(entries.clone()).is_ok(), good, "{entries:?}");
            let text = serde_json::to_vec(&Manifest { version: 1, entries }).unwrap();
            assert_eq!(Manifest::parse(&text).is_ok(), good);
        }
        let newer = br#"{"version": 2, "contents": []}"#;
        assert!(matches!(Manifest::parse(newer), Err(BundleError::NewerFormat { found: 2, known: 1 })));
    }

    proptest! {
        #[test]
        fn never_panics(text: Vec<u8>, at in 0..300_usize, byte: u8) {
            drop(Manifest::parse(&text));
            let manifest = Manifest::new(vec![entry("pack", "a.whl", "1")]).unwrap();
            let mut bytes = serde_json::to_vec(&manifest).unwrap();
            let at = at % bytes.len();
            bytes[at] = byte;
            drop(Manifest::parse(&bytes));
        }
    }
}
