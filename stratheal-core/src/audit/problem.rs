//! What can be wrong with a log.

use std::fmt;

use serde::Serialize;

use super::head::Head;

/// Something wrong with a log, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The number of the segment; 0 for the log as a whole.
    pub segment: u64,
    /// The line in it, from 1; 0 for the segment as a whole.
    pub line: u64,
    /// What is wrong.
    pub what: What,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.segment, self.line) {
            (0, _) => write!(f, "the log {}", self.what),
            (segment, 0) => write!(f, "segment {segment:06} {}", self.what),
            (segment, line) => write!(f, "segment {segment:06}, line {line} {}", self.what),
        }
    }
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "problem", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum What {
    /// A line is no record.
    #[error("is no record")]
    Alien,
    /// The hash of a record does not fit its content.
    #[error("was edited: record {seq} does not fit its own hash")]
    Edited {
        /// The number it says it has.
        seq: u64,
    },
    /// A record does not follow the one before it, though its number does.
    #[error("does not fit what is before it: record {seq} was made behind another one")]
    Unchained {
        /// Its number.
        seq: u64,
    },
    /// Records are missing.
    #[error("follows a gap: record {expected} should be here, not {found}")]
    Gap {
        /// The number that should come.
        expected: u64,
        /// The number that came.
        found: u64,
    },
    /// A record stands behind a later one, or comes twice.
    #[error("is out of order: record {expected} should be here, not {found}")]
    OutOfOrder {
        /// The number that should come.
        expected: u64,
        /// The number that came.
        found: u64,
    },
    /// Segments are missing.
    #[error("follows a gap: segment {expected:06} is missing")]
    SegmentMissing {
        /// The first that is missing.
        expected: u64,
    },
    /// The first segments are missing, and no checkpoint says that they were deleted.
    #[error("is the first, and no checkpoint says that those before it were deleted")]
    BeginningMissing,
    /// A checkpoint does not fit what is there.
    #[error("is a checkpoint that does not fit: record {seq} had another hash")]
    Checkpoint {
        /// The number of the last record that was deleted.
        seq: u64,
    },
    /// A segment does not begin with the record that every segment begins with, or with that of another one.
    #[error("does not begin as a segment does")]
    Header,
    /// A segment that is not the last one does not end with a line feed.
    #[error("is not whole")]
    Unfinished,
    /// What should be a segment is not a plain file.
    #[error("cannot be read: {why}")]
    Unreadable {
        /// What the system says.
        why: String,
    },
    /// The log ends before the record that was written down elsewhere.
    #[error("was cut off: it ends with record {last}, and record {} was written down elsewhere", anchor.seq)]
    Truncated {
        /// What was written down.
        anchor: Head,
        /// The last record there is.
        last: u64,
    },
    /// The record that was written down elsewhere has another hash.
    #[error("was written anew: record {} is not the one that was written down elsewhere", anchor.seq)]
    Rewritten {
        /// What was written down.
        anchor: Head,
    },
}
