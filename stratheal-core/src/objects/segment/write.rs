//! Writing a segment.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};

use sha2::{Digest, Sha256};

use super::form::{Coding, MAGIC, Place, encode};
use crate::objects::scratch::Scratch;
use crate::objects::stamp::set_mode;
use crate::objects::{ContentId, Store, StoreError};

/// Read-only, as everything in a store.
const MODE: u32 = 0o444;

/// How hard it packs: the quickest level that packs sources to a third.
const LEVEL: i32 = 1;

/// Packing must save an eighth, or the object is kept as it is and is read faster.
const fn is_worth_it(packed: u64, size: u64) -> bool {
    packed + size / 8 <= size
}

/// How much is moved at a time.
const PIECE: usize = 128 << 10;

/// An object that is ready for a segment. Packing is work of a processor, and can be done by several threads at the same time.
#[derive(Debug)]
pub struct Packed<'a> {
    id: ContentId,
    size: u64,
    coding: Coding,
    bytes: Cow<'a, [u8]>,
}

impl<'a> Packed<'a> {
    /// Packs bytes, whose SHA-256 is known.
    #[must_use]
    pub fn new(id: ContentId, bytes: &'a [u8]) -> Self {
        let size = bytes.len() as u64;
        // What is small is not worth a thought.
        let packed = (bytes.len() > 128).then(|| zstd::bulk::compress(bytes, LEVEL).ok()).flatten();
        match packed.filter(|packed| is_worth_it(packed.len() as u64, size)) {
            Some(packed) => Self { id, size, coding: Coding::Zstd, bytes: packed.into() },
            None => Self { id, size, coding: Coding::Plain, bytes: bytes.into() },
        }
    }
}

/// Collects objects, and puts them into the store as one segment when it is finished. Dropped without that, it leaves nothing.
#[derive(Debug)]
pub struct SegmentWriter {
    store: Store,
    scratch: Scratch,
    file: BufWriter<File>,
    at: u64,
    rows: Vec<(ContentId, Place)>,
    there: HashSet<ContentId>,
}

impl Store {
    /// Begins a segment.
    ///
    /// # Errors
    /// [`StoreError`] when no file can be made.
    pub fn segment(&self) -> Result<SegmentWriter, StoreError> {
        let scratch = self.scratch()?;
        let opened = OpenOptions::new().read(true).write(true).create_new(true).open(scratch.path());
        let file = opened.map_err(StoreError::at("make a file", scratch.path()))?;
        let mut file = BufWriter::with_capacity(PIECE, file);
        file.write_all(MAGIC).map_err(StoreError::at("write", scratch.path()))?;
        let at = MAGIC.len() as u64;
        Ok(SegmentWriter { store: self.clone(), scratch, file, at, rows: Vec::new(), there: HashSet::new() })
    }
}

impl SegmentWriter {
    /// Adds an object. One that is there already is not added twice.
    ///
    /// # Errors
    /// [`StoreError`], among others [`StoreError::DiskFull`].
    pub fn add(&mut self, object: &Packed<'_>) -> Result<(), StoreError> {
        if !self.there.insert(object.id) {
            return Ok(());
        }
        self.file.write_all(&object.bytes).map_err(StoreError::at("write", self.scratch.path()))?;
        self.row(object.id, object.bytes.len() as u64, object.size, object.coding);
        Ok(())
    }

    /// Adds what a reader gives, piece by piece, and answers what it was. What `is_wanted` says no to is taken back.
    ///
    /// # Errors
    /// What the reader says, or what writing says.
    pub fn add_from(
        &mut self,
        reader: &mut dyn Read,
        is_wanted: impl FnOnce(&ContentId) -> bool,
    ) -> Result<ContentId, StoreError> {
        let begins = self.at;
        let mut hasher = Sha256::new();
        let copied = (|| {
            let mut encoder = zstd::stream::write::Encoder::new(Counting { inner: &mut self.file, count: 0 }, LEVEL)?;
            let (mut piece, mut size) = (vec![0; PIECE], 0);
            loop {
                let count = match reader.read(&mut piece) {
                    Ok(0) => break,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    count => count?,
                };
                size += count as u64;
                hasher.update(&piece[..count]);
                encoder.write_all(&piece[..count])?;
            }
            Ok((encoder.finish()?.count, size))
        })();
        let (stored, size) = copied.map_err(StoreError::at("write", self.scratch.path()))?;
        let found = ContentId::new(hasher.finalize().into());
        if is_wanted(&found) && self.there.insert(found) {
            self.row(found, stored, size, Coding::Zstd);
        } else {
            self.file.seek(SeekFrom::Start(begins)).map_err(StoreError::at("write", self.scratch.path()))?;
        }
        Ok(found)
    }

    /// Adds an object as another segment has it.
    pub(super) fn add_stored(&mut self, id: ContentId, place: Place, bytes: &[u8]) -> Result<(), StoreError> {
        self.add(&Packed { id, size: place.size, coding: place.coding, bytes: bytes.into() })
    }

    fn row(&mut self, id: ContentId, stored: u64, size: u64, coding: Coding) {
        self.rows.push((id, Place { offset: self.at, stored, size, coding }));
        self.at += stored;
    }

    /// The bytes that are in it until now, packed.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.at
    }

    /// Puts it into the store, unless it is empty. With `durable` it is on the disk then, also after a power loss. Answers its bytes.
    ///
    /// # Errors
    /// [`StoreError`], among others [`StoreError::DiskFull`]. Nothing is left then.
    pub fn finish(mut self, durable: bool) -> Result<u64, StoreError> {
        if self.rows.is_empty() {
            return Ok(0);
        }
        let end = encode(&self.rows, self.at);
        let written = self.file.write_all(&end).and_then(|()| {
            let size = self.at + end.len() as u64;
            let file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
            // Something that was taken back may have been longer.
            file.set_len(size)?;
            set_mode(&file, MODE)?;
            if durable {
                file.sync_all()?;
            }
            Ok(size)
        });
        let size = written.map_err(StoreError::at("write", self.scratch.path()))?;
        let name = format!("{}.segment", ContentId::of(&end));
        self.store.put_in_place(self.scratch.path(), &self.store.segments_folder().join(name))?;
        Ok(size)
    }
}

struct Counting<'a> {
    inner: &'a mut BufWriter<File>,
    count: u64,
}

impl Write for Counting<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.count += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
