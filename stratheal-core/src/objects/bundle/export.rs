//! Writing a bundle.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tar::{Builder, EntryType, Header};

use super::manifest::{MANIFEST, Manifest, PACK};
use super::{BundleError, Entry};
use crate::objects::hash::hash_file;
use crate::objects::{ContentId, Pack, Store, StoreError};

/// Collects what goes into a bundle, and then writes it.
///
/// ```
/// use stratheal_core::objects::{Store, bundle};
/// # let folder = tempfile::tempdir()?;
/// let store = Store::open(&folder.path().join("one"))?;
/// let pack = store.put("a-1-py3-none-any.whl", "built here", b"content")?;
/// let mut writer = bundle::export::Writer::new(&store)?;
/// writer.add_pack(&pack);
/// let mut file = Vec::new();
/// writer.write(&mut file)?;
///
/// let other = Store::open(&folder.path().join("two"))?;
/// let limit = 1024 * 1024;
/// let report = bundle::import::read(&other, &mut file.as_slice(), limit, &mut bundle::import::only_packs)?;
/// assert_eq!(report.added, 1);
/// assert!(other.pack(&pack.id())?.is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Writer {
    // Nothing of it goes while it is written.
    _hold: crate::objects::Hold,
    entries: Vec<(Entry, PathBuf)>,
}

impl Writer {
    /// Begins with nothing. The store is held until this is dropped.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be held.
    pub fn new(store: &Store) -> Result<Self, StoreError> {
        Ok(Self { _hold: store.hold()?, entries: Vec::new() })
    }

    /// Adds a pack. One that is there already is not added twice.
    pub fn add_pack(&mut self, pack: &Pack) {
        let is_there = |(entry, _): &(Entry, PathBuf)| entry.kind == PACK && entry.sha256 == pack.id();
        if self.entries.iter().any(is_there) {
            return;
        }
        // A name that was lost is of no use to anybody but people.
        let path = if pack.name().is_empty() { pack.id().to_string() } else { pack.name().replace('/', "_") };
        let entry = Entry { kind: PACK.to_owned(), path, size: pack.size(), sha256: pack.id() };
        self.entries.push((entry, pack.path().to_owned()));
    }

    /// Adds another file under a kind and a relative path of plain components. It must not change until it is written.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub fn add_file(&mut self, kind: &str, path: &str, source: &Path) -> Result<(), StoreError> {
        let hashed = hash_file(source).map_err(StoreError::at("read", source))?;
        let entry = Entry { kind: kind.into(), path: path.into(), size: hashed.stamp.size, sha256: hashed.id };
        self.entries.push((entry, source.to_owned()));
        Ok(())
    }

    /// What will be written.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().map(|(entry, _)| entry)
    }

    /// Writes the bundle. Everything is hashed once more while it is written. Answers the bytes of its entries.
    ///
    /// # Errors
    /// [`BundleError`]: an entry is refused, or changed, or the bundle cannot be written.
    pub fn write(self, to: &mut dyn Write) -> Result<u64, BundleError> {
        let manifest = Manifest::new(self.entries().cloned().collect())?;
        let unwritable = |source| BundleError::Unwritable { source };
        let text = serde_json::to_vec_pretty(&manifest).map_err(|error| unwritable(error.into()))?;
        let mut tar = Builder::new(to);
        let mut header = header(text.len() as u64);
        tar.append_data(&mut header, MANIFEST, text.as_slice()).map_err(unwritable)?;
        for (number, (entry, source)) in self.entries.iter().enumerate() {
            let file = File::open(source).map_err(StoreError::at("read", source))?;
            // Neither more nor less than the header says, whatever happens to the file.
            let mut reader = Hashing { inner: file.take(entry.size), hasher: Sha256::new(), size: 0 };
            let mut header = self::header(entry.size);
            tar.append_data(&mut header, entry.member(number), &mut reader).map_err(unwritable)?;
            let got = ContentId::new(reader.hasher.finalize().into());
            if (got, reader.size) != (entry.sha256, entry.size) {
                return Err(StoreError::Mismatch { name: entry.path.clone(), expected: entry.sha256, got }.into());
            }
        }
        tar.into_inner().and_then(Write::flush).map_err(unwritable)?;
        Ok(manifest.bytes())
    }
}

/// The same content makes the same bundle, so it has no times and no owners.
fn header(size: u64) -> Header {
    let mut header = Header::new_ustar();
    header.set_entry_type(EntryType::Regular);
    header.set_mode(0o644);
    header.set_mtime(0);
    header.set_size(size);
    header
}

struct Hashing<R> {
    inner: R,
    hasher: Sha256,
    size: u64,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..count]);
        self.size += count as u64;
        Ok(count)
    }
}
