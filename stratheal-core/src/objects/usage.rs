//! How much there is.

use std::fs;

use serde::Serialize;

use super::tree::Marker;
use super::walk::{bytes_below, entries};
use super::{Kind, Store, StoreError};

/// Some things, and their bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Counted {
    /// How many.
    pub count: usize,
    /// Their bytes. Files that are shared with environments by hard links count in full.
    pub bytes: u64,
}

impl Counted {
    const fn add(&mut self, bytes: u64) {
        self.count += 1;
        self.bytes += bytes;
    }
}

/// How much there is in a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Usage {
    /// Whole files.
    pub packs: Counted,
    /// Files with what no pack holds.
    pub segments: Counted,
    /// Unpacked packs.
    pub trees: Counted,
    /// Downloads that were begun.
    pub partials: Counted,
    /// What is being written, and what died while it was.
    pub scratch: Counted,
    /// Damaged objects.
    pub quarantine: Counted,
}

impl Usage {
    /// All bytes.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.packs.bytes
            + self.segments.bytes
            + self.trees.bytes
            + self.partials.bytes
            + self.scratch.bytes
            + self.quarantine.bytes
    }
}

impl Store {
    /// Counts what is there. Looks at each object once, and at no content.
    ///
    /// # Errors
    /// [`StoreError`] when a folder cannot be listed.
    pub fn usage(&self) -> Result<Usage, StoreError> {
        let mut usage = Usage::default();
        for (_, path) in self.ids(Kind::Pack)? {
            usage.packs.add(fs::symlink_metadata(&path).map_or(0, |found| found.len()));
        }
        for (_, path) in self.ids(Kind::Tree)? {
            usage.trees.add(Marker::read(&path).map_or_else(|| bytes_below(&path), |marker| marker.bytes));
        }
        let others = [
            ("segments", &mut usage.segments),
            ("partials", &mut usage.partials),
            ("scratch", &mut usage.scratch),
            ("quarantine", &mut usage.quarantine),
        ];
        for (folder, counted) in others {
            for path in entries(&self.folder().join(folder))? {
                counted.add(bytes_below(&path));
            }
        }
        Ok(usage)
    }
}

#[cfg(feature = "snapshot")]
impl Store {
    /// The bytes of packs that have no other name, such as one in another store.
    ///
    /// # Errors
    /// [`StoreError`] when they cannot be listed.
    pub(crate) fn unshared_bytes(&self) -> Result<u64, StoreError> {
        let packs = self.ids(Kind::Pack)?;
        let found = packs.iter().filter_map(|(_, path)| std::fs::symlink_metadata(path).ok());
        #[cfg(unix)]
        let found = found.filter(|found| std::os::unix::fs::MetadataExt::nlink(found) == 1);
        Ok(found.map(|found| found.len()).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_counted_once() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        assert_eq!(store.usage().unwrap().packs, Counted::default());
        store.put("a", "", b"one").unwrap();
        store.put("b", "", b"three").unwrap();
        store.put("b", "", b"three").unwrap();
        let mut segment = store.segment().unwrap();
        segment.add(&crate::objects::Packed::new(crate::objects::ContentId::of(b"four"), b"four")).unwrap();
        let bytes = segment.finish(false).unwrap();
        fs::create_dir(folder.path().join("partials")).unwrap();
        fs::write(folder.path().join("partials/x.part"), [0; 100]).unwrap();
        let usage = store.usage().unwrap();
        assert_eq!(usage.packs, Counted { count: 2, bytes: 8 });
        assert_eq!(usage.segments, Counted { count: 1, bytes });
        assert_eq!(usage.partials, Counted { count: 1, bytes: 100 });
        assert_eq!(usage.bytes(), 108 + bytes + usage.scratch.bytes);
    }
}
