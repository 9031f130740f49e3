//! What an unpacked tree holds: the guard of each of its files.

use std::fs::Metadata;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::base::fs::read_text;
use crate::objects::ContentId;
use crate::objects::archive::check_path;
use crate::objects::stamp::{Owner, Stamp, mode};

/// The largest manifest that is read: that of 200,000 files.
const LARGEST: u64 = 256 * 1024 * 1024;

/// A file of a tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreeFile {
    /// Its path below the tree: plain components, `/` between them.
    pub path: String,
    /// Its SHA-256.
    pub sha256: ContentId,
    /// Its permission bits: 0644, or 0755 when the archive says that it can be executed.
    pub mode: u32,
    pub(super) stamp: Stamp,
}

impl TreeFile {
    /// Its size in bytes.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.stamp.size
    }

    /// Its modification time, in nanoseconds since 1970. It stays the same when the tree is unpacked again.
    #[must_use]
    pub const fn mtime_ns(&self) -> i64 {
        self.stamp.mtime_ns
    }

    /// Whether a file looks as this one did when it was unpacked.
    pub(super) fn is_as(&self, metadata: &Metadata, owner: Owner) -> bool {
        metadata.is_file()
            && Stamp::of(metadata) == self.stamp
            && mode(metadata) == self.expected_mode()
            && Owner::of(metadata) == owner
    }

    const fn expected_mode(&self) -> u32 {
        if cfg!(unix) { self.mode } else { 0 }
    }
}

/// Something that a wheel's RECORD says, and that is not so. The wheel is what it is: its own hash was verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case", tag = "problem")]
#[non_exhaustive]
pub enum RecordProblem {
    /// The file has another hash or size.
    #[error("{path} has another hash or size than its RECORD says")]
    Differs {
        /// The file.
        path: String,
    },
    /// The file is not in the wheel.
    #[error("{path} is in its RECORD and not in the wheel")]
    Missing {
        /// The file.
        path: String,
    },
    /// The file is in the wheel, and RECORD does not list it.
    #[error("{path} is in the wheel and not in its RECORD")]
    Unlisted {
        /// The file.
        path: String,
    },
    /// The file has no hash, or one of another algorithm.
    #[error("{path} has no SHA-256 in its RECORD")]
    Unchecked {
        /// The file.
        path: String,
    },
    /// RECORD cannot be read at all.
    #[error("its RECORD cannot be read: {reason}")]
    Unreadable {
        /// What is wrong with it.
        reason: String,
    },
}

/// All of a tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    version: u32,
    pub(super) owner: Owner,
    pub(super) files: Vec<TreeFile>,
    pub(super) problems: Vec<RecordProblem>,
}

impl Manifest {
    const VERSION: u32 = 1;

    pub(super) const fn new(owner: Owner, files: Vec<TreeFile>, problems: Vec<RecordProblem>) -> Self {
        Self { version: Self::VERSION, owner, files, problems }
    }

    /// Reads a manifest; a text that is none is `None`, with the reason in the log.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let found: Result<Self, _> = serde_json::from_str(text);
        let found = found.inspect_err(|error| tracing::debug!(%error, "not a manifest")).ok()?;
        // It becomes paths: nothing in it is believed that an archive would not be.
        let good = found.version == Self::VERSION && found.files.iter().all(|file| check_path(&file.path).is_ok());
        good.then_some(found)
    }

    /// Reads a manifest that has this hash.
    pub(super) fn read(path: &Path, expected: &ContentId) -> Option<Self> {
        let text = read_text(path, LARGEST).inspect_err(|error| tracing::debug!(%error, "no manifest")).ok()?;
        // One flipped digit would make a good file look damaged, for ever.
        (ContentId::of(text.as_bytes()) == *expected).then(|| Self::parse(&text)).flatten()
    }

    pub(super) fn to_text(&self) -> String {
        // Nothing in it can fail to be written as JSON.
        serde_json::to_string(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn example(path: &str) -> Manifest {
        let stamp = Stamp { size: 1, mtime_ns: 2 };
        let file = TreeFile { path: path.to_owned(), sha256: ContentId::of(b"x"), mode: 0o644, stamp };
        Manifest::new(Owner { uid: 1, gid: 2 }, vec![file], vec![RecordProblem::Missing { path: "y".to_owned() }])
    }

    #[test]
    fn what_is_written_is_read_and_paths_are_checked() {
        assert_eq!(Manifest::parse(&example("a/b").to_text()), Some(example("a/b")));
        for path in ["../a", "/a", "a//b", ""] {
            assert_eq!(Manifest::parse(&example(path).to_text()), None, "{path}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,80}", at in 0..500_usize, byte: u8) {
            Manifest::parse(&text);
            let mut bytes = example("a").to_text().into_bytes();
            let at = at % bytes.len();
            bytes[at] = byte;
            if let Ok(text) = std::str::from_utf8(&bytes) {
                Manifest::parse(text);
            }
        }
    }
}
