//! Records that could not be written yet.

use std::collections::VecDeque;

use jiff::Timestamp;

use super::record::{Actor, MISSING, Record};

/// Records that wait for room on the disk: the first ones, and the number of those that came when it was full.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    waiting: VecDeque<Record>,
    dropped: u64,
    /// When the first and the last of those came that were dropped.
    between: Option<(Timestamp, Timestamp)>,
}

impl Backlog {
    /// How many records wait at most.
    pub(super) const MOST: usize = 256;

    /// Keeps a record if there is room; says whether there was.
    pub(super) fn keep(&mut self, record: Record) -> bool {
        // Behind a gap nothing is kept, or the note about it would stand in the wrong place.
        if self.dropped == 0 && self.waiting.len() < Self::MOST {
            self.waiting.push_back(record);
            return true;
        }
        self.dropped += 1;
        self.between = Some((self.between.map_or(record.at, |(first, _)| first), record.at));
        false
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    pub(super) const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// What to write next: those that wait, then how many are missing.
    pub(super) fn next(&self) -> Option<Record> {
        if let Some(record) = self.waiting.front() {
            return Some(record.clone());
        }
        let (first, last) = self.between?;
        let record = Record::new(last, Actor::log(), MISSING, "audit").why("the log could not be written");
        Some(record.detail("missing", self.dropped).detail("first", first.to_string()).detail("last", last.to_string()))
    }

    /// What [`next`](Self::next) said is written.
    pub(super) fn written(&mut self) {
        if self.waiting.pop_front().is_none() {
            *self = Self::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_ones_are_kept_and_the_rest_counted() {
        let mut backlog = Backlog::default();
        let record = |n: usize| Record::new(Timestamp::UNIX_EPOCH, Actor::log(), "a", n.to_string());
        let kept = (0..300).filter(|n| backlog.keep(record(*n))).count();
        assert_eq!((kept, backlog.waiting(), backlog.dropped()), (256, 256, 44));
        backlog.written();
        assert!(!backlog.keep(record(300)), "behind a gap nothing is kept");
        let mut last = None;
        while let Some(record) = backlog.next() {
            last = Some(record);
            backlog.written();
        }
        assert_eq!(last.unwrap().detail["missing"], 45);
        assert!(backlog.keep(record(1)));
    }
}
