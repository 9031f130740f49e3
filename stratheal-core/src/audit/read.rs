//! Reading a log, for people and for surfaces. Nothing is locked, and nothing is verified but that each line is a record.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;

use jiff::Timestamp;

use super::AuditError;
use super::line::{self, Entry, Line};
use super::lines::Lines;
use super::record::ActorKind;
use super::segment::{self, Segment};
use crate::base::fs::named;

/// The most records that [`last`] answers.
pub const MAX_LAST: usize = 10_000;

/// Which records are meant. What is not set is not asked for; the default means all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// With this action.
    pub action: Option<String>,
    /// About this subject.
    pub subject: Option<String>,
    /// By this kind of actor.
    pub actor: Option<ActorKind>,
    /// Not before.
    pub since: Option<Timestamp>,
    /// Before.
    pub until: Option<Timestamp>,
    /// Only records with a higher number, for those who follow a log.
    pub after: Option<u64>,
}

impl Filter {
    /// Whether a record is meant.
    #[must_use]
    pub fn matches(&self, entry: &Entry) -> bool {
        self.action.as_ref().is_none_or(|action| *action == entry.action)
            && self.subject.as_ref().is_none_or(|subject| *subject == entry.subject)
            && self.actor.is_none_or(|kind| kind == entry.actor.kind)
            && self.since.is_none_or(|since| since <= entry.at)
            && self.until.is_none_or(|until| entry.at < until)
            && self.after.is_none_or(|after| after < entry.seq)
    }
}

/// The records of a log that are meant, oldest first. One at a time is in memory. Those that are being deleted meanwhile are left out,
/// and so is a line that is being written.
///
/// # Errors
/// [`AuditError`] when the folder cannot be read. A folder that is missing is an empty log. The iterator answers an error for each
/// line that is no record, and goes on; one for a file that cannot be read, or that a later version wrote, and ends.
pub fn read(folder: &Path, filter: Filter) -> Result<Entries, AuditError> {
    let segments = segment::list(folder).map_err(AuditError::storage("list"))?;
    Ok(Entries { segments: segments.into(), filter, current: None })
}

/// The last records of a log that are meant, oldest first: at most `count`, and at most [`MAX_LAST`]. Lines that are no records are
/// passed over; [`verify`](super::verify()) tells of them.
///
/// # Errors
/// [`AuditError`] when a file cannot be read, or a later version wrote it.
pub fn last(folder: &Path, filter: &Filter, count: usize) -> Result<Vec<Entry>, AuditError> {
    let count = count.min(MAX_LAST);
    let mut found = VecDeque::new();
    for segment in segment::list(folder).map_err(AuditError::storage("list"))?.into_iter().rev() {
        let room = count - found.len();
        if room == 0 {
            break;
        }
        let here = Entries { segments: [segment].into(), filter: filter.clone(), current: None };
        let mut kept = VecDeque::new();
        for entry in here {
            match entry {
                Ok(entry) => kept.push_back(entry),
                Err(AuditError::Line { .. }) => {}
                Err(error) => return Err(error),
            }
            if kept.len() > room {
                kept.pop_front();
            }
        }
        kept.extend(found);
        found = kept;
    }
    Ok(found.into())
}

/// See [`read`].
#[derive(Debug)]
pub struct Entries {
    segments: VecDeque<Segment>,
    filter: Filter,
    current: Option<(Segment, Lines<BufReader<File>>, u64)>,
}

impl Entries {
    fn step(&mut self) -> Result<Option<Entry>, AuditError> {
        loop {
            let Some((segment, lines, number)) = &mut self.current else {
                let Some(segment) = self.segments.pop_front() else { return Ok(None) };
                match segment.lines() {
                    Ok(lines) => self.current = Some((segment, lines, 0)),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(source) => return Err(self.end(AuditError::Storage { action: "open", source })),
                }
                continue;
            };
            *number += 1;
            let piece = match lines.next() {
                Ok(piece) => piece,
                Err(error) => {
                    let source = named(&segment.path, &error);
                    return Err(self.end(AuditError::Storage { action: "read", source }));
                }
            };
            let Some(piece) = piece.filter(|piece| piece.is_ended) else {
                self.current = None;
                continue;
            };
            match line::parse(&piece.bytes) {
                // An edited record is shown: it is what stands there. That it is edited is for `verify` to say.
                Line::Sound(entry) | Line::Edited(entry) if self.filter.matches(&entry) => return Ok(Some(*entry)),
                Line::Sound(_) | Line::Edited(_) => {}
                Line::Alien => return Err(AuditError::Line { file: segment.name(), line: *number }),
                Line::TooNew(found) => {
                    let error = AuditError::TooNew { file: segment.name(), found };
                    return Err(self.end(error));
                }
            }
        }
    }

    /// Nothing comes after this error.
    fn end(&mut self, error: AuditError) -> AuditError {
        self.segments.clear();
        self.current = None;
        error
    }
}

impl Iterator for Entries {
    type Item = Result<Entry, AuditError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step().transpose()
    }
}
