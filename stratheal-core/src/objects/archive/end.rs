//! The records that end an archive: whether every reader finds the same directory by them.
//!
//! Source: sections 4.3.14 to 4.3.16 of the ZIP specification (APPNOTE). Archives with more than 65,535 entries have two more records
//! in front of the last one, for numbers that it has no room for; it says all ones instead.

use std::io::{self, Read, Seek, SeekFrom};

use super::ArchiveError;

/// The length of the last record without a comment.
const END: usize = 22;

/// The lengths of the record with the large numbers, and of the one that says where that is.
const LARGE: usize = 56;
const LOCATOR: usize = 20;

/// All of them, with the longest comment.
const LONGEST: u64 = (LARGE + LOCATOR + END) as u64 + 0xffff;

/// What was read by means of these records.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found<'a> {
    /// Where the directory begins.
    pub(super) directory: u64,
    /// How many entries it has.
    pub(super) entries: u64,
    /// The comment behind the last record.
    pub(super) comment: &'a [u8],
}

/// The last bytes of an archive.
pub(super) fn read_end<R: Read + Seek>(reader: &mut R, size: u64) -> io::Result<Vec<u8>> {
    reader.seek(SeekFrom::Start(size.saturating_sub(LONGEST)))?;
    let mut end = Vec::new();
    reader.take(LONGEST).read_to_end(&mut end)?;
    reader.rewind()?;
    Ok(end)
}

/// Whether the record that was used is the one at the very end, where all readers look first. One further in front, with something
/// behind it, or one hidden in the comment would make another archive of it for some of them; so would numbers of which some readers
/// take one and some the other.
pub(super) fn one_end(end: &[u8], archive_size: u64, found: Found<'_>) -> Result<(), ArchiveError> {
    judge(end, archive_size, found)
        .map_err(|reason| ArchiveError::Inconsistent { entry: None, reason: reason.to_owned() })
}

fn judge(end: &[u8], archive_size: u64, found: Found<'_>) -> Result<(), &'static str> {
    const STRANGER: &str = "its end does not belong to its directory";
    if found.comment.windows(4).any(|window| window == b"PK\x05\x06") {
        return Err("its comment looks like the end of another archive");
    }
    let at = end.len().checked_sub(END + found.comment.len());
    let (before, record) = at.map(|at| end.split_at(at)).ok_or("something stands behind its end")?;
    let record = Numbers(record);
    if !record.0.starts_with(b"PK\x05\x06") {
        return Err("something stands behind its end");
    }
    if record.two(20) != found.comment.len() as u64 {
        return Err(STRANGER);
    }
    let is_at = archive_size - (END + found.comment.len()) as u64;
    let (size, place) = (record.four(12), record.four(16));
    let locator = before.len().checked_sub(LOCATOR).map(|at| before.split_at(at));
    let Some((before, locator)) = locator.filter(|(_, locator)| locator.starts_with(b"PK\x06\x07")) else {
        return if place == found.directory && found.directory + size == is_at { Ok(()) } else { Err(STRANGER) };
    };
    let is_large = record.two(10) == 0xffff || size == 0xffff_ffff || place == 0xffff_ffff;
    if !is_large {
        // Some readers look at it all the same.
        return Err("it has a record for large archives, and its end does not ask for one");
    }
    let large = before.len().checked_sub(LARGE).map(|at| &before[at..]);
    let large = large.filter(|large| large.starts_with(b"PK\x06\x06")).ok_or(STRANGER)?;
    let (large, locator) = (Numbers(large), Numbers(locator));
    let large_at = is_at.checked_sub((LOCATOR + LARGE) as u64).ok_or(STRANGER)?;
    // Nothing is in between, and all of it is on one disk.
    let is_plain = large.eight(4) == (LARGE - 12) as u64 && large.four(16) == 0 && large.four(20) == 0;
    let is_located = locator.four(4) == 0 && locator.eight(8) == large_at && locator.four(16) <= 1;
    if !is_plain || !is_located {
        return Err("its record for large archives is not where it should be");
    }
    let (here, all, large_size, large_place) = (large.eight(24), large.eight(32), large.eight(40), large.eight(48));
    let says = |short: u64, none: u64, long: u64| short == none || short == long;
    let is_same = [(4, 0), (6, 0), (8, here), (10, all)].iter().all(|(at, long)| says(record.two(*at), 0xffff, *long))
        && says(size, 0xffff_ffff, large_size)
        && says(place, 0xffff_ffff, large_place);
    if !is_same {
        return Err("its end and its record for large archives disagree");
    }
    let fits = here == found.entries
        && all == found.entries
        && large_place == found.directory
        && found.directory.checked_add(large_size) == Some(large_at);
    if fits { Ok(()) } else { Err(STRANGER) }
}

/// A record of numbers, the low byte first.
struct Numbers<'a>(&'a [u8]);

impl Numbers<'_> {
    /// The number in these bytes. All of a record is there: what is not reads as all ones, which fits nothing.
    fn number(&self, at: usize, bytes: usize) -> u64 {
        let found = self.0.get(at..at + bytes);
        found.map_or(u64::MAX, |found| found.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
    }

    fn two(&self, at: usize) -> u64 {
        self.number(at, 2)
    }

    fn four(&self, at: usize) -> u64 {
        self.number(at, 4)
    }

    fn eight(&self, at: usize) -> u64 {
        self.number(at, 8)
    }
}
