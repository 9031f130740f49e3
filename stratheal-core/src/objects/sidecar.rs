//! The small file beside each stored one that says when it was last known to be good.
//!
//! It is a help, not the truth: without it the object is hashed, and it is written anew. Its own modification time is when the
//! object was last used, because setting that is one atomic step that needs no rewriting.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::stamp::Stamp;
use crate::base::fs::read_text;

/// A sidecar that is larger than this is no sidecar.
const LARGEST: u64 = 16 * 1024;

/// The longest name and origin that are kept, in characters.
const LONGEST_NAME: usize = 255;
const LONGEST_ORIGIN: usize = 2_000;

/// What is known about a stored file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sidecar {
    /// The version of this form.
    version: u32,
    /// How the file looked when it was last known to be good.
    pub(super) stamp: Stamp,
    /// During which start of the machine that was.
    pub(super) boot: Option<String>,
    /// What the file is called, for people and for later readers of the archive.
    pub(super) name: String,
    /// Where it came from, for people.
    pub(super) from: String,
    /// When it was stored.
    pub(super) stored: Timestamp,
}

impl Sidecar {
    const VERSION: u32 = 1;

    pub(super) fn new(stamp: Stamp, boot: Option<&str>, name: &str, from: &str, stored: Timestamp) -> Self {
        Self {
            version: Self::VERSION,
            stamp,
            boot: boot.map(str::to_owned),
            name: name.chars().take(LONGEST_NAME).collect(),
            from: from.chars().take(LONGEST_ORIGIN).collect(),
            stored,
        }
    }

    /// Reads a sidecar; a text that is none is `None`, with the reason in the log.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let found: Result<Self, _> = serde_json::from_str(text);
        let found = found.inspect_err(|error| tracing::debug!(%error, "not a sidecar")).ok()?;
        (found.version == Self::VERSION).then_some(found)
    }

    pub(super) fn read(path: &Path) -> Option<Self> {
        let text = read_text(path, LARGEST);
        Self::parse(&text.inspect_err(|error| tracing::debug!(%error, "no sidecar")).ok()?)
    }

    pub(super) fn to_text(&self) -> String {
        // Nothing in it can fail to be written as JSON: no maps with odd keys, no numbers that are none.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Where the sidecar of an object lies.
    pub(super) fn place(object: &Path) -> PathBuf {
        object.with_extension("json")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn example() -> Sidecar {
        let stamp = Stamp { size: 3, mtime_ns: 5 };
        Sidecar::new(stamp, Some("boot"), "a.whl", "http://127.0.0.1/", Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(Sidecar::parse(&example().to_text()), Some(example()));
        assert_eq!(Sidecar::parse(&example().to_text().replace("\"version\":1", "\"version\":2")), None);
    }

    #[test]
    fn names_are_cut() {
        let long = "é".repeat(5_000);
        let cut = Sidecar::new(Stamp { size: 0, mtime_ns: 0 }, None, &long, &long, Timestamp::MAX);
        assert!(cut.to_text().len() as u64 <= LARGEST);
        assert_eq!(Sidecar::parse(&cut.to_text()), Some(cut));
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,200}", cut in 0..200_usize, byte: u8) {
            Sidecar::parse(&text);
            let mut bytes = example().to_text().into_bytes();
            let at = cut % bytes.len();
            bytes[at] = byte;
            if let Ok(text) = std::str::from_utf8(&bytes) {
                Sidecar::parse(text);
            }
        }
    }
}
