//! Deleting what nobody needs any more.

use std::collections::HashSet;
use std::fs;
use std::io;

use super::form::{FOOTER, MAGIC, Place, ROW};
use super::read::Segment;
use crate::objects::{ContentId, Store, StoreError};

/// So many segments are left apart; beyond, small ones become one.
const MOST_SEGMENTS: usize = 64;

/// What collecting did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct SegmentReport {
    /// Objects that are gone.
    pub objects: usize,
    /// Segments that are gone, those that were written anew among them.
    pub segments: usize,
    /// How many bytes less the segments take.
    pub bytes: u64,
}

/// What becomes of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Stays,
    /// What is needed of it goes into a new one.
    Rewritten,
    Goes,
}

/// Decides by how much of a segment is needed, in bytes, and by how many segments there are. Pure.
fn fate(live: u64, size: u64, is_one_of_many: bool) -> Fate {
    match live {
        0 => Fate::Goes,
        // Less than half: what stays costs less to write than what goes costs to keep.
        live if live < (size - (MAGIC.len() + FOOTER) as u64) / 2 => Fate::Rewritten,
        _ if is_one_of_many && size < 16 << 20 => Fate::Rewritten,
        _ => Fate::Stays,
    }
}

impl Store {
    /// Deletes the objects in segments that are not among `live`, as far as that is worth it: a segment goes when nothing of it is
    /// needed, and is written anew when little is. Nobody else may be writing segments; who reads them meanwhile may be told that an object is
    /// gone, and finds it when it asks anew.
    ///
    /// # Errors
    /// [`StoreError`]; what is needed is there in any case.
    pub fn collect_segments(&self, live: &HashSet<ContentId>) -> Result<SegmentReport, StoreError> {
        let segments = self.segments()?;
        let is_one_of_many = segments.all().len() > MOST_SEGMENTS;
        let mut report = SegmentReport::default();
        let mut gone: Vec<&Segment> = Vec::new();
        let mut rewritten: Option<super::SegmentWriter> = None;
        for (number, segment) in segments.all().iter().enumerate() {
            // What another segment has as well is read from there.
            let needed: Vec<(ContentId, Place)> = segment
                .rows
                .iter()
                .filter(|id| live.contains(id))
                .filter_map(|id| Some((*id, segments.place_in(number, id)?)))
                .collect();
            // With its row of the index.
            let bytes = needed.iter().map(|(_, place)| place.stored + ROW as u64).sum();
            match fate(bytes, segment.size, is_one_of_many) {
                Fate::Stays => continue,
                Fate::Goes => {}
                Fate::Rewritten => {
                    let writer = match &mut rewritten {
                        Some(writer) => writer,
                        none => none.insert(self.segment()?),
                    };
                    for (id, place) in &needed {
                        let stored = segment.stored(*place).map_err(StoreError::at("read a segment", &segment.path))?;
                        writer.add_stored(*id, *place, &stored)?;
                    }
                }
            }
            report.objects += segment.rows.len() - needed.len();
            report.segments += 1;
            report.bytes += segment.size;
            gone.push(segment);
        }
        if let Some(writer) = rewritten {
            // What it replaces is deleted next.
            report.bytes = report.bytes.saturating_sub(writer.finish(true)?);
        }
        for segment in gone {
            match fs::remove_file(&segment.path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                removed => removed.map_err(StoreError::at("delete", &segment.path))?,
            }
        }
        Ok(report)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Packed;
    use super::*;

    fn store() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        (folder, store)
    }

    fn put(store: &Store, contents: &[&[u8]]) -> Vec<ContentId> {
        let mut writer = store.segment().unwrap();
        for content in contents {
            writer.add(&Packed::new(ContentId::of(content), content)).unwrap();
        }
        writer.finish(false).unwrap();
        contents.iter().map(|content| ContentId::of(content)).collect()
    }

    #[test]
    fn objects_come_back_from_the_segment_that_has_them() {
        let (_folder, store) = store();
        let text = b"the same words again and again ".repeat(100);
        let ids = put(&store, &[b"", b"x", &text, &text]);
        let mut writer = store.segment().unwrap();
        let large = (0..400_000_u32).flat_map(u32::to_le_bytes).collect::<Vec<u8>>();
        for is_wanted in [false, true, true] {
            assert_eq!(writer.add_from(&mut large.as_slice(), |_| is_wanted).unwrap(), ContentId::of(&large));
        }
        assert!(writer.finish(true).unwrap() < large.len() as u64);
        let segments = store.segments().unwrap();
        assert_eq!(segments.ids().count(), 4);
        for content in [b"".as_slice(), b"x", &text, &large] {
            assert_eq!(segments.read(&ContentId::of(content), 1 << 30).unwrap(), content);
        }
        assert!(matches!(segments.read(&ids[2], 10), Err(StoreError::Gone { .. })));
        assert!(matches!(segments.read(&ContentId::of(b"y"), 10), Err(StoreError::Gone { .. })));
        assert_eq!(store.segment().unwrap().finish(true).unwrap(), 0, "an empty one is not kept");
    }

    #[test]
    fn what_is_damaged_is_not_handed_out() {
        let (_folder, store) = store();
        let ids = put(&store, &[b"one object", b"another one"]);
        let path = store.segments().unwrap().all()[0].path.clone();
        let good = fs::read(&path).unwrap();
        for at in 0..good.len() {
            let mut bytes = good.clone();
            bytes[at] ^= 1;
            fs::remove_file(&path).unwrap();
            fs::write(&path, bytes).unwrap();
            let segments = store.segments().unwrap();
            let read: Vec<_> = ids.iter().map(|id| segments.read(id, 100)).collect();
            assert!(read.iter().any(Result::is_err), "byte {at}");
            assert!(read.iter().flatten().all(|bytes| ids.contains(&ContentId::of(bytes))));
        }
        for length in 0..good.len() {
            fs::remove_file(&path).unwrap();
            fs::write(&path, &good[..length]).unwrap();
            assert_eq!(store.segments().unwrap().ids().count(), 0, "cut off at {length}");
        }
    }

    #[test]
    fn only_what_is_needed_stays() {
        let (_folder, store) = store();
        let first = put(&store, &[b"a", &vec![1; 100_000], &[2; 3]]);
        let second = put(&store, &[b"b"]);
        let third = put(&store, &[b"c", b"d"]);
        let live = HashSet::from([first[0], third[0], third[1]]);
        let before = store.segments().unwrap().bytes();
        let report = store.collect_segments(&live).unwrap();
        assert_eq!((report.objects, report.segments), (3, 2), "{report:?}");
        let segments = store.segments().unwrap();
        assert_eq!(before - segments.bytes(), report.bytes);
        assert_eq!(segments.ids().copied().collect::<HashSet<_>>(), live);
        assert!(live.iter().all(|id| segments.read(id, 10).is_ok()) && !segments.contains(&second[0]));
        assert_eq!(store.collect_segments(&live).unwrap(), SegmentReport::default(), "nothing is left to do");
    }
}
