//! Why an archive is refused.

use crate::base::class::ErrorClass;

/// Why an archive is refused. Each names the entry it is about.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// It is no zip archive, or a damaged one.
    #[error("it is no readable zip archive: {reason}")]
    Malformed {
        /// What is wrong with it.
        reason: String,
    },
    /// The header in front of an entry and the central directory disagree, entries overlap, or one is hidden. Two readers would
    /// see two different archives.
    #[error("its directory and its entries disagree{}: {reason}", entry.as_ref().map(|e| format!(" about `{e}`")).unwrap_or_default())]
    Inconsistent {
        /// The entry, where it can be told.
        entry: Option<String>,
        /// How they disagree.
        reason: String,
    },
    /// Two entries have the same name.
    #[error("two of its entries have the same name")]
    Duplicate,
    /// Two entries have names that are one on some systems, or one is a file and the folder of another.
    #[error("its entries `{first}` and `{second}` cannot both be unpacked on every system")]
    Collision {
        /// One of them.
        first: String,
        /// The other one.
        second: String,
    },
    /// A name leads out of the archive, or is dangerous or meaningless as a path.
    #[error("its entry `{entry}` has a name that is refused: {reason}")]
    Name {
        /// The name, escaped and cut.
        entry: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// An entry is a link, a device or encrypted.
    #[error("its entry `{entry}` is {what}, which is refused")]
    Special {
        /// The entry.
        entry: String,
        /// What it is.
        what: &'static str,
    },
    /// There is no such entry.
    #[error("it has no entry `{entry}`")]
    NoEntry {
        /// The entry.
        entry: String,
    },
    /// An entry, or all of them, would become larger than allowed.
    #[error("{what} unpacks to {size} bytes, and {limit} are allowed")]
    TooLarge {
        /// The entry, or the archive.
        what: String,
        /// Its size in bytes, as far as known.
        size: u64,
        /// How many are allowed.
        limit: u64,
    },
    /// It has more entries than allowed.
    #[error("it has {count} entries, and {limit} are allowed")]
    TooMany {
        /// How many.
        count: usize,
        /// How many are allowed.
        limit: usize,
    },
    /// The data of an entry cannot be unpacked, or has the wrong checksum.
    #[error("its entry `{entry}` is damaged: {reason}")]
    Damaged {
        /// The entry.
        entry: String,
        /// What is wrong with it.
        reason: String,
    },
    /// It is no wheel.
    #[error("it is no wheel: {reason}")]
    NotAWheel {
        /// What is missing.
        reason: String,
    },
}

impl ArchiveError {
    /// What kind of trouble it is.
    #[must_use]
    pub const fn class(&self) -> ErrorClass {
        match self {
            Self::NoEntry { .. } | Self::TooLarge { .. } | Self::TooMany { .. } => ErrorClass::Permanent,
            _ => ErrorClass::Corrupt,
        }
    }
}
