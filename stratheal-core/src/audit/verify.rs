//! Verifying a whole log.
//!
//! Nothing is locked. Segments that are deleted meanwhile make it begin anew; a line that is being written is not judged.

use std::io;
use std::path::Path;

use serde::Serialize;

use super::AuditError;
use super::head::{Head, RecordHash};
use super::line::{self, Entry, Line};
use super::lines::Piece;
use super::problem::{Problem, What};
use super::prune::Checkpoint;
use super::record::{BEGUN, DAMAGED, SET_ASIDE};
use super::segment::{self, Segment};

/// How many problems are listed.
const MOST_PROBLEMS: usize = 1000;
/// How often it begins anew because segments were deleted meanwhile.
const ATTEMPTS: usize = 5;

/// How a log compares with a head that was written down elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Anchored {
    /// None was given: that the log was cut off at its end or written anew could not be seen.
    #[default]
    NotGiven,
    /// The log has that record.
    Holds,
    /// The log does not have it.
    Broken,
    /// That record was deleted by age, so nothing can be told.
    Pruned,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Verification {
    /// How many records there are.
    pub records: u64,
    /// How many segments.
    pub segments: u64,
    /// How many of the records say that a torn line was set aside, or that damage was found when the log was opened.
    pub notes: u64,
    /// Bytes at the end that are not a whole line: one that is being written, or that a crash left.
    pub unfinished: u64,
    /// The end of the log.
    pub head: Head,
    /// How it compares with the head that was given.
    pub anchored: Anchored,
    /// What is wrong: the first thousand.
    pub problems: Vec<Problem>,
    /// How much more is wrong.
    pub more_problems: u64,
}

impl Verification {
    /// Whether nothing is wrong.
    #[must_use]
    pub const fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }
}

/// Reads a whole log and says what is wrong with it: edits, gaps, another order, missing segments. That it was cut off at its end, or
/// written anew as a whole, is found only against an anchor: a head that was written down elsewhere.
///
/// # Errors
/// [`AuditError`] when it cannot be read, or a later version wrote it. A folder that is missing is an empty log.
pub fn verify(folder: &Path, anchor: Option<&Head>) -> Result<Verification, AuditError> {
    let mut attempt = 0;
    loop {
        attempt += 1;
        let segments = segment::list(folder).map_err(AuditError::storage("list"))?;
        match Walk::new(anchor.copied()).run(&segments) {
            Err(AuditError::Storage { source, .. })
                if source.kind() == io::ErrorKind::NotFound && attempt < ATTEMPTS => {}
            other => return other,
        }
    }
}

struct Walk {
    found: Verification,
    anchor: Option<Head>,
    /// The end so far, as the next record has to have it; `None` before the first.
    end: Option<Head>,
    /// How the log before the first segment ended, and where that is, until a checkpoint confirms it.
    beginning: Option<(u64, Head)>,
}

impl Walk {
    fn new(anchor: Option<Head>) -> Self {
        Self { found: Verification::default(), anchor, end: None, beginning: None }
    }

    fn run(mut self, segments: &[Segment]) -> Result<Verification, AuditError> {
        let mut expected = None;
        for (place, segment) in segments.iter().enumerate() {
            if let Some(expected) = expected.filter(|expected| *expected != segment.number) {
                self.problem(segment.number, 0, What::SegmentMissing { expected });
            }
            expected = segment.number.checked_add(1);
            self.found.segments += 1;
            self.segment(segment, place + 1 == segments.len())?;
        }
        if let Some((segment, _)) = self.beginning {
            self.problem(segment, 0, What::BeginningMissing);
        }
        self.judge_anchor();
        self.found.head = self.end.unwrap_or_default();
        Ok(self.found)
    }

    fn segment(&mut self, segment: &Segment, is_last: bool) -> Result<(), AuditError> {
        let mut lines = match segment.lines() {
            // A link or a folder in the place of a segment is tampering; a file that may not be read is not.
            Err(error) if !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied) => {
                self.problem(segment.number, 0, What::Unreadable { why: error.to_string() });
                return Ok(());
            }
            other => other.map_err(AuditError::storage("open"))?,
        };
        let mut number = 0;
        while let Some(piece) = lines.next().map_err(AuditError::storage("read"))? {
            number += 1;
            if number == 1
                && let Some(found) = line::later_version(&piece.bytes)
            {
                return Err(AuditError::TooNew { file: segment.name(), found });
            }
            if !piece.is_ended {
                self.tail(segment.number, number, &piece, is_last);
                return Ok(());
            }
            self.line(segment, number, &piece)?;
        }
        if number == 0 && !is_last {
            self.problem(segment.number, 0, What::Header);
        }
        Ok(())
    }

    /// A crash leaves the beginning of a line; a whole one with something behind it was made by somebody.
    fn tail(&mut self, segment: u64, line: u64, piece: &Piece, is_last: bool) {
        let without_last = piece.bytes.split_last().map_or(&[][..], |(_, rest)| rest);
        if !is_last {
            self.problem(segment, line, What::Unfinished);
        } else if matches!(line::parse(without_last), Line::Sound(_)) {
            self.problem(segment, line, What::Alien);
        } else {
            self.found.unfinished = piece.length;
        }
    }

    fn line(&mut self, segment: &Segment, line: u64, piece: &Piece) -> Result<(), AuditError> {
        let entry = match line::parse(&piece.bytes) {
            Line::TooNew(found) => return Err(AuditError::TooNew { file: segment.name(), found }),
            Line::Alien => {
                self.problem(segment.number, line, What::Alien);
                return Ok(());
            }
            Line::Edited(entry) => {
                self.problem(segment.number, line, What::Edited { seq: entry.seq });
                entry
            }
            Line::Sound(entry) => entry,
        };
        self.found.records += 1;
        if line == 1 && (entry.action != BEGUN || entry.detail.get("segment") != Some(&segment.number.into())) {
            self.problem(segment.number, line, What::Header);
        }
        match self.end {
            None => self.first(segment.number, &entry),
            Some(end) => {
                if let Some(what) = misplaced(end, &entry) {
                    self.problem(segment.number, line, what);
                }
            }
        }
        self.checkpoint(segment.number, line, &entry);
        if matches!(entry.action.as_str(), SET_ASIDE | DAMAGED) {
            self.found.notes += 1;
        }
        self.compare(&entry.head());
        self.end = Some(entry.head());
        Ok(())
    }

    /// The first record of a log is number 1, or it follows what a checkpoint says was deleted.
    fn first(&mut self, segment: u64, entry: &Entry) {
        let before = Head { seq: entry.seq.saturating_sub(1), hash: entry.prev };
        if segment != 1 || before != Head::default() {
            self.beginning = Some((segment, before));
            self.compare(&before);
        }
    }

    fn checkpoint(&mut self, segment: u64, line: u64, entry: &Entry) {
        let Some(checkpoint) = Checkpoint::of(entry) else { return };
        let Some((first, before)) = self.beginning else { return };
        if checkpoint.through_segment + 1 == first {
            if checkpoint.head() == before {
                self.beginning = None;
            } else {
                self.problem(segment, line, What::Checkpoint { seq: checkpoint.through_seq });
            }
        } else if checkpoint.through_segment >= first {
            // It says that more was deleted than is missing: deleting was interrupted.
            self.beginning = None;
        }
    }

    /// Compares a place of the chain with the anchor.
    fn compare(&mut self, here: &Head) {
        if let Some(anchor) = self.anchor.filter(|anchor| anchor.seq == here.seq) {
            if anchor.hash == here.hash {
                self.found.anchored = Anchored::Holds;
            } else if self.found.anchored != Anchored::Holds {
                self.found.anchored = Anchored::Broken;
            }
        }
    }

    fn judge_anchor(&mut self) {
        let Some(anchor) = self.anchor else { return };
        let last = self.end.unwrap_or_default().seq;
        match self.found.anchored {
            Anchored::Holds | Anchored::Pruned => {}
            Anchored::NotGiven if anchor == Head::default() => self.found.anchored = Anchored::Holds,
            Anchored::NotGiven if anchor.seq > last => {
                self.found.anchored = Anchored::Broken;
                self.problem(0, 0, What::Truncated { anchor, last });
            }
            Anchored::NotGiven if anchor.hash != RecordHash::default() && self.found.problems.is_empty() => {
                // A sound chain has every number from its first on.
                self.found.anchored = Anchored::Pruned;
            }
            Anchored::NotGiven | Anchored::Broken => {
                self.found.anchored = Anchored::Broken;
                self.problem(0, 0, What::Rewritten { anchor });
            }
        }
    }

    fn problem(&mut self, segment: u64, line: u64, what: What) {
        if self.found.problems.len() < MOST_PROBLEMS {
            self.found.problems.push(Problem { segment, line, what });
        } else {
            self.found.more_problems += 1;
        }
    }
}

/// What is wrong with the place of a record behind this end.
fn misplaced(end: Head, entry: &Entry) -> Option<What> {
    let (expected, found) = (end.seq.saturating_add(1), entry.seq);
    match found {
        _ if found > expected => Some(What::Gap { expected, found }),
        _ if found < expected => Some(What::OutOfOrder { expected, found }),
        _ => (entry.prev != end.hash).then_some(What::Unchained { seq: found }),
    }
}
