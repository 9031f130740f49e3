//! Reading objects out of segments.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use sha2::{Digest, Sha256};

use super::form::{Coding, FOOTER, MAGIC, Place, ROW, parse_footer, parse_index};
use crate::objects::partial_position::{read_at, read_once};
use crate::objects::walk::entries;
use crate::objects::{ContentId, Store, StoreError};

/// The largest index, in bytes: that of a million objects.
const LARGEST_INDEX: u64 = 1_000_000 * ROW as u64;

/// How much is moved at a time.
const PIECE: usize = 128 << 10;

/// All segments of a store, as they were when it was asked. Clones share everything.
#[derive(Debug, Clone)]
pub struct Segments {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    segments: Vec<Segment>,
    places: HashMap<ContentId, (u32, Place)>,
}

/// A segment that can be read.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) path: PathBuf,
    pub(super) size: u64,
    pub(super) rows: Vec<ContentId>,
    file: OnceLock<File>,
}

impl Store {
    pub(in crate::objects) fn segments_folder(&self) -> PathBuf {
        self.folder().join("segments")
    }

    /// The segments of this store. Their indexes are read, not their objects. One that is damaged is left out, and named in the log:
    /// what it held is absent.
    ///
    /// # Errors
    /// [`StoreError`] when they cannot be listed or read.
    pub fn segments(&self) -> Result<Segments, StoreError> {
        let mut segments = Vec::new();
        let mut places = HashMap::new();
        for path in entries(&self.segments_folder())? {
            let number = u32::try_from(segments.len()).unwrap_or(u32::MAX);
            match open(&path) {
                // It is opened again when it is read from: there may be more segments than a process may have files.
                Ok(Some((size, rows))) => {
                    places.extend(rows.iter().map(|(id, place)| (*id, (number, *place))));
                    let rows = rows.into_iter().map(|(id, _)| id).collect();
                    segments.push(Segment { path, size, rows, file: OnceLock::new() });
                }
                Ok(None) => tracing::warn!(path = %path.display(), "a segment is damaged, and left out"),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(StoreError::at("read a segment", &path)(error)),
            }
        }
        Ok(Segments { shared: Arc::new(Shared { segments, places }) })
    }
}

/// The rows of an index.
type Rows = Vec<(ContentId, Place)>;

/// Reads the index of a segment, and how large it is; `None` when it is none.
fn open(path: &Path) -> io::Result<Option<(u64, Rows)>> {
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    let least = (MAGIC.len() + FOOTER) as u64;
    if size < least {
        return Ok(None);
    }
    let is_one = read_at(&file, 0, MAGIC.len())? == MAGIC;
    let footer = read_at(&file, size - FOOTER as u64, FOOTER)?;
    let Some((begins, sum)) = parse_footer(&footer).filter(|_| is_one) else { return Ok(None) };
    let length = (size - FOOTER as u64).checked_sub(begins).filter(|length| *length <= LARGEST_INDEX);
    let Some(length) = length else { return Ok(None) };
    let index = read_at(&file, begins, usize::try_from(length).unwrap_or(usize::MAX))?;
    Ok(parse_index(&index, sum, begins).map(|rows| (size, rows)))
}

impl Segments {
    /// Whether an object is there.
    #[must_use]
    pub fn contains(&self, id: &ContentId) -> bool {
        self.shared.places.contains_key(id)
    }

    /// The bytes that an object takes there, packed.
    #[must_use]
    pub fn stored(&self, id: &ContentId) -> Option<u64> {
        self.shared.places.get(id).map(|(_, place)| place.stored)
    }

    /// All objects.
    pub fn ids(&self) -> impl Iterator<Item = &ContentId> {
        self.shared.places.keys()
    }

    /// The bytes of all segments.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.shared.segments.iter().map(|segment| segment.size).sum()
    }

    pub(super) fn all(&self) -> &[Segment] {
        &self.shared.segments
    }

    /// Writes an object somewhere, and checks it on the way. Answers its size in bytes.
    ///
    /// # Errors
    /// [`StoreError::Gone`] when it is not there (any more), [`StoreError::Mismatch`] when it is damaged, or what writing says; then
    /// some of it may have been written.
    pub fn copy(&self, id: &ContentId, to: &mut dyn Write) -> Result<u64, StoreError> {
        let gone = || StoreError::Gone { what: format!("the object {id}") };
        let (number, place) = self.shared.places.get(id).ok_or_else(gone)?;
        let segment = &self.shared.segments[*number as usize];
        let file = segment.file().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => gone(),
            _ => StoreError::at("read a segment", &segment.path)(error),
        })?;
        let section = Section { file, at: place.offset, end: place.offset + place.stored };
        let mut hasher = Sha256::new();
        let mut size = 0;
        let mut piece = vec![0; PIECE.min(usize::try_from(place.size).unwrap_or(PIECE)).max(1)];
        let mut each = |reader: &mut dyn Read| -> Result<(), StoreError> {
            // One byte more than it should have shows that there is more.
            let mut reader = reader.take(place.size + 1);
            loop {
                match reader.read(&mut piece) {
                    Ok(0) => return Ok(()),
                    Ok(count) => {
                        size += count as u64;
                        hasher.update(&piece[..count]);
                        to.write_all(&piece[..count]).map_err(|source| StoreError::DestinationFull { source })?;
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    // The hash shows it.
                    Err(error) => {
                        tracing::debug!(%id, %error, "an object cannot be unpacked");
                        return Ok(());
                    }
                }
            }
        };
        match place.coding {
            Coding::Plain => each(&mut { section })?,
            Coding::Zstd => {
                let decoder = zstd::stream::read::Decoder::with_buffer(BufReader::with_capacity(PIECE, section));
                let mut decoder = decoder.map_err(StoreError::at("unpack", &segment.path))?;
                each(&mut decoder)?;
            }
        }
        let got = ContentId::new(hasher.finalize().into());
        if got != *id {
            return Err(StoreError::Mismatch {
                name: format!("an object in {}", segment.path.display()),
                expected: *id,
                got,
            });
        }
        Ok(size)
    }

    /// An object of at most `limit` bytes.
    ///
    /// # Errors
    /// As [`Segments::copy`]; a larger one is [`StoreError::Gone`].
    pub fn read(&self, id: &ContentId, limit: u64) -> Result<Vec<u8>, StoreError> {
        let is_small = self.shared.places.get(id).is_some_and(|(_, place)| place.size <= limit);
        if !is_small {
            return Err(StoreError::Gone { what: format!("the object {id} of at most {limit} bytes") });
        }
        let mut bytes = Vec::new();
        self.copy(id, &mut bytes)?;
        Ok(bytes)
    }
}

impl Segment {
    fn file(&self) -> io::Result<&File> {
        if let Some(file) = self.file.get() {
            return Ok(file);
        }
        let opened = File::open(&self.path)?;
        Ok(self.file.get_or_init(|| opened))
    }

    /// What is stored at a place, as it is.
    pub(super) fn stored(&self, place: Place) -> io::Result<Vec<u8>> {
        read_at(self.file()?, place.offset, usize::try_from(place.stored).unwrap_or(usize::MAX))
    }
}

impl Shared {
    fn place(&self, number: u32, id: &ContentId) -> Option<Place> {
        self.places.get(id).filter(|(at, _)| *at == number).map(|(_, place)| *place)
    }
}

impl Segments {
    /// Where an object lies, if it is this segment that it is read from.
    pub(super) fn place_in(&self, number: usize, id: &ContentId) -> Option<Place> {
        self.shared.place(u32::try_from(number).ok()?, id)
    }
}

/// A part of a file.
struct Section<'a> {
    file: &'a File,
    at: u64,
    end: u64,
}

impl Read for Section<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let length = left.min(buffer.len());
        let count = read_once(self.file, &mut buffer[..length], self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}
