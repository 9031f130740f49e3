//! What was hashed before, so that it need not be hashed again.
//!
//! An entry says: the file with this device, inode, size, modification and change time had this content. That is true whatever RECORD
//! says today and whatever the file is called. A file that changed shortly before it was looked at may change again within the same
//! tick of the file system's clock, and is not remembered.

use std::collections::HashMap;
use std::fs;
use std::io::{self, Read};
use std::path::Path;

use jiff::Timestamp;

use super::stat::Stat;
use crate::base::fs::replace_unsynced;
use crate::objects::ContentId;

/// What the file begins with; another version has another one.
const MAGIC: &[u8; 8] = b"SHSTAT2\n";

/// The bytes of an entry.
const ENTRY: usize = 5 * 8 + 1 + 32;

/// The most entries.
const MOST: usize = 1_000_000;

/// How long before it is looked at a file must have been changed last.
const SETTLED_NS: i64 = 2_000_000_000;

/// Files that were hashed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct StatCache {
    known: HashMap<(u64, u64), Known>,
}

/// What is known of a file that looks so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Known {
    stat: Stat,
    content: ContentId,
    /// Whether somebody has seen that it has no extended attributes.
    is_bare: bool,
}

impl StatCache {
    /// Reads one; what is missing or damaged is empty.
    pub(crate) fn read(path: &Path) -> Self {
        let read = || -> io::Result<Vec<u8>> {
            let mut bytes = Vec::new();
            let limit = MAGIC.len() + MOST * ENTRY + 32;
            fs::File::open(path)?.take(limit as u64).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        let bytes = read().inspect_err(|error| tracing::debug!(%error, "nothing is known about files"));
        bytes.ok().and_then(|bytes| Self::parse(&bytes)).unwrap_or_default()
    }

    /// What a file with this look contains, if that is known.
    pub(crate) fn content(&self, stat: &Stat) -> Option<ContentId> {
        self.get(stat).map(|known| known.content)
    }

    /// Whether a file with this look is known to have no extended attributes.
    #[cfg(feature = "snapshot")]
    pub(crate) fn is_bare(&self, stat: &Stat) -> bool {
        self.get(stat).is_some_and(|known| known.is_bare)
    }

    fn get(&self, stat: &Stat) -> Option<&Known> {
        self.known.get(&(stat.device, stat.inode)).filter(|known| known.stat.is_as(stat))
    }

    /// Adds a file that was hashed, unless it changed just before `began`, when it was looked at.
    pub(crate) fn add(&mut self, stat: Stat, id: ContentId, began: Timestamp) {
        self.add_seen(stat, id, false, began);
    }

    /// The same, with whether it was seen that it has no extended attributes.
    pub(crate) fn add_seen(&mut self, stat: Stat, content: ContentId, is_bare: bool, began: Timestamp) {
        let began = i64::try_from(began.as_nanosecond()).unwrap_or(i64::MAX);
        let settled = began.saturating_sub(SETTLED_NS);
        let fresh = settled..began.saturating_add(SETTLED_NS);
        let is_settled = stat.ctime_ns != 0 && stat.ctime_ns < settled && !fresh.contains(&stat.mtime_ns);
        if is_settled && self.known.len() < MOST {
            self.known.insert((stat.device, stat.inode), Known { stat, content, is_bare });
        }
    }

    /// Forgets every file but these.
    #[cfg(feature = "snapshot")]
    pub(crate) fn keep_only<'a>(&mut self, files: impl Iterator<Item = &'a Stat>) {
        let known = std::mem::take(&mut self.known);
        let kept = files.filter_map(|stat| known.get_key_value(&(stat.device, stat.inode)));
        self.known = kept.map(|(key, entry)| (*key, *entry)).collect();
    }

    pub(crate) fn len(&self) -> usize {
        self.known.len()
    }

    pub(crate) fn write(&self, path: &Path) -> io::Result<()> {
        replace_unsynced(path, &self.to_bytes())
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(MAGIC.len() + self.known.len() * ENTRY + 32);
        bytes.extend_from_slice(MAGIC);
        for Known { stat, content, is_bare } in self.known.values() {
            for number in [stat.device, stat.inode, stat.size] {
                bytes.extend_from_slice(&number.to_le_bytes());
            }
            for time in [stat.mtime_ns, stat.ctime_ns] {
                bytes.extend_from_slice(&time.to_le_bytes());
            }
            bytes.push(u8::from(*is_bare));
            bytes.extend_from_slice(content.as_bytes());
        }
        // A flipped bit must not make a damaged file look good.
        let sum = ContentId::of(&bytes);
        bytes.extend_from_slice(sum.as_bytes());
        bytes
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let (content, sum) = bytes.split_last_chunk::<32>()?;
        let entries = content.strip_prefix(MAGIC)?;
        if ContentId::of(content).as_bytes() != sum || entries.len() % ENTRY != 0 {
            return None;
        }
        let mut known = HashMap::with_capacity(entries.len() / ENTRY);
        for entry in entries.chunks_exact(ENTRY) {
            let (numbers, content) = entry.split_last_chunk::<32>()?;
            let (is_bare, numbers) = numbers.split_last()?;
            let mut numbers = numbers.chunks_exact(8).filter_map(|eight| eight.try_into().ok());
            let mut next = || numbers.next().map(u64::from_le_bytes);
            let (device, inode, size) = (next()?, next()?, next()?);
            let (mtime_ns, ctime_ns) = (next()?.cast_signed(), next()?.cast_signed());
            let stat = Stat { device, inode, size, mtime_ns, ctime_ns, links: 0, mode: 0 };
            let content = ContentId::new(*content);
            known.insert((device, inode), Known { stat, content, is_bare: *is_bare == 1 });
        }
        Some(Self { known })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stat(inode: u64, ctime_ns: i64) -> Stat {
        Stat { device: 1, inode, size: 3, mtime_ns: 5, ctime_ns, links: 0, mode: 0 }
    }

    #[test]
    fn only_what_is_settled_is_remembered() {
        let began = Timestamp::from_second(1_000).unwrap();
        let second = 1_000_000_000;
        for (ctime, mtime, remembered) in [
            (997, 5, true),
            (998, 5, false),
            (999, 5, false),
            (1_001, 5, false),
            (0, 5, false),
            (997, 999, false),
            // A time in the future says nothing about when it was written.
            (997, 2_000, true),
        ] {
            let mut cache = StatCache::default();
            let stat = Stat { mtime_ns: mtime * second, ..stat(1, ctime * second) };
            cache.add(stat, ContentId::of(b"x"), began);
            assert_eq!(cache.content(&stat).is_some(), remembered, "{ctime} {mtime}");
        }
    }

    #[cfg(feature = "snapshot")]
    #[test]
    fn nobody_else_says_that_a_file_has_no_attributes() {
        let (mut cache, began) = (StatCache::default(), Timestamp::from_second(1_000).unwrap());
        cache.add(stat(1, 7), ContentId::of(b"x"), began);
        cache.add_seen(stat(2, 7), ContentId::of(b"x"), true, began);
        cache.add_seen(stat(3, 7), ContentId::of(b"x"), false, began);
        let cache = StatCache::parse(&cache.to_bytes()).unwrap();
        assert_eq!([1, 2, 3, 4].map(|inode| cache.is_bare(&stat(inode, 7))), [false, true, false, false]);
        assert!(!cache.is_bare(&stat(2, 8)), "it was changed since");
    }

    #[test]
    fn any_difference_counts() {
        let mut cache = StatCache::default();
        let known = stat(1, 7);
        cache.add(known, ContentId::of(b"x"), Timestamp::from_second(1_000).unwrap());
        assert_eq!(cache.content(&Stat { links: 9, ..known }), Some(ContentId::of(b"x")));
        for other in [
            Stat { device: 2, ..known },
            Stat { inode: 2, ..known },
            Stat { size: 2, ..known },
            Stat { mtime_ns: 2, ..known },
            Stat { ctime_ns: 2, ..known },
        ] {
            assert_eq!(cache.content(&other), None);
        }
    }

    #[cfg(feature = "snapshot")]
    #[test]
    fn what_is_gone_is_forgotten() {
        let mut cache = StatCache::default();
        for inode in 1..4 {
            cache.add(stat(inode, 7), ContentId::of(b"x"), Timestamp::from_second(1_000).unwrap());
        }
        cache.keep_only([stat(2, 7), stat(9, 7)].iter());
        assert_eq!((cache.len(), cache.content(&stat(2, 7)).is_some()), (1, true));
    }

    proptest! {
        #[test]
        fn comes_back_and_no_flipped_bit_does(inodes in proptest::collection::btree_set(any::<u64>(), 0..9), at: usize, bit in 0..8_u8) {
            let mut cache = StatCache::default();
            for inode in inodes {
                cache.add(stat(inode, -7), ContentId::of(&inode.to_le_bytes()), Timestamp::from_second(1_000).unwrap());
            }
            let mut bytes = cache.to_bytes();
            prop_assert_eq!(StatCache::parse(&bytes), Some(cache));
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            prop_assert_eq!(StatCache::parse(&bytes), None);
        }

        #[test]
        fn never_panics(bytes: Vec<u8>) {
            let _ = (StatCache::parse(&bytes), StatCache::parse(&[MAGIC.as_slice(), &bytes].concat()));
        }
    }
}
