//! An archive that was checked as a whole, and whose entries are read one by one.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::sync::atomic::Ordering;

use sha2::{Digest, Sha256};
use zip::ZipArchive;
use zip::read::{ArchiveOffset, Config, ZipReadOptions};
use zip::result::ZipError;

use super::budget::Budget;
use super::end::{Found, one_end, read_end};
use super::{ArchiveError, name};
use crate::objects::ContentId;

/// The most entries of an archive. The largest wheels in use have about a fifth of that.
const MOST_ENTRIES: usize = 200_000;

/// The largest directory of an archive, in bytes. The most entries have room in it, with names as long as they usually are. It is about
/// eight times the largest one in use, and takes ten times as much memory.
const LARGEST_DIRECTORY: u64 = 32 * 1024 * 1024;

/// Up to here anything may be unpacked; beyond, it may be at most so many times as large as it is packed. Real data beyond that is
/// not known; an archive made to fill a disk reaches a thousand.
const ALWAYS_ALLOWED: u64 = 64 * 1024 * 1024;
const MOST_TIMES: u64 = 200;

/// How much is moved at a time.
const PIECE: usize = 64 * 1024;

/// A file in an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name: a relative path of plain components.
    pub path: String,
    /// Its size in bytes, as the archive says. Reading it checks that.
    pub size: u64,
    /// Its size in the archive, in bytes.
    pub packed: u64,
    /// Whether anybody may execute it.
    pub executable: bool,
    index: usize,
}

/// A zip archive whose directory was read and checked. Its files are read one by one, without unpacking the others.
#[derive(Debug)]
pub struct Archive<R = File> {
    zip: ZipArchive<Budget<BufReader<R>>>,
    entries: Vec<Entry>,
    by_path: HashMap<String, usize>,
}

impl<R: Read + Seek> Archive<R> {
    /// Reads and checks the directory.
    ///
    /// # Errors
    /// [`ArchiveError`] for all that makes an archive dangerous or means different things to different readers: see its variants.
    pub fn new(mut reader: R) -> Result<Self, ArchiveError> {
        let size = reader.seek(SeekFrom::End(0)).map_err(|error| malformed(&error))?;
        let end = read_end(&mut reader, size).map_err(|error| malformed(&error))?;
        let (reader, left) = Budget::new(BufReader::new(reader), LARGEST_DIRECTORY);
        // Something in front of the archive would be a second archive to readers that begin at the front.
        let config = Config { archive_offset: ArchiveOffset::Known(0) };
        let mut zip = ZipArchive::with_config(config, reader).map_err(|error| malformed(&error))?;
        if zip.len() > MOST_ENTRIES {
            return Err(ArchiveError::TooMany { count: zip.len(), limit: MOST_ENTRIES });
        }
        if zip.has_duplicate_names() {
            return Err(ArchiveError::Duplicate);
        }
        let (directory, entries, comment) = (zip.central_directory_start(), zip.len() as u64, zip.comment());
        one_end(&end, size, Found { directory, entries, comment })?;
        let entries = list(&zip, size)?;
        left.store(u64::MAX, Ordering::Relaxed);
        if let Err(error) = zip.validate_header_consistency() {
            return Err(blame(&mut zip, &error));
        }
        let by_path = entries.iter().enumerate().map(|(at, entry)| (entry.path.clone(), at)).collect();
        Ok(Self { zip, entries, by_path })
    }

    /// Its files, in the order of its directory. Folders are not among them.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The file with this path.
    #[must_use]
    pub fn entry(&self, path: &str) -> Option<&Entry> {
        self.by_path.get(path).map(|at| &self.entries[*at])
    }

    /// Reads one file of at most `limit` bytes.
    ///
    /// # Errors
    /// [`ArchiveError::NoEntry`], [`ArchiveError::TooLarge`], or [`ArchiveError::Damaged`].
    pub fn read(&mut self, path: &str, limit: u64) -> Result<Vec<u8>, ArchiveError> {
        let entry =
            self.entry(path).ok_or_else(|| ArchiveError::NoEntry { entry: name::shown(path.as_bytes()) })?.clone();
        if entry.size > limit {
            return Err(ArchiveError::TooLarge { what: format!("`{path}`"), size: entry.size, limit });
        }
        let mut bytes = Vec::new();
        match self.unpack(&entry, &mut bytes) {
            Ok(_) => Ok(bytes),
            Err(Unpack::Archive(error)) => Err(error),
            // A vector takes what it is given.
            Err(Unpack::Write(error)) => Err(damaged(&entry, &error)),
        }
    }

    /// Writes one file somewhere. Answers its SHA-256, or why it cannot be had; then some of it may have been written.
    ///
    /// # Errors
    /// What the writer says.
    pub fn copy(&mut self, path: &str, to: &mut dyn Write) -> io::Result<Result<ContentId, ArchiveError>> {
        let Some(entry) = self.entry(path).cloned() else {
            return Ok(Err(ArchiveError::NoEntry { entry: name::shown(path.as_bytes()) }));
        };
        match self.unpack(&entry, to) {
            Ok(id) => Ok(Ok(id)),
            Err(Unpack::Archive(error)) => Ok(Err(error)),
            Err(Unpack::Write(error)) => Err(error),
        }
    }

    /// Writes one file somewhere. Answers its SHA-256.
    pub(in crate::objects) fn unpack(&mut self, entry: &Entry, to: &mut dyn Write) -> Result<ContentId, Unpack> {
        let source = self.zip.by_index_with_options(entry.index, ZipReadOptions::new());
        let source = source.map_err(|error| Unpack::Archive(damaged(entry, &error)))?;
        // One byte more than it should have shows that there is more.
        let mut source = source.take(entry.size.saturating_add(1));
        let mut hasher = Sha256::new();
        let mut piece = vec![0; PIECE];
        let mut size: u64 = 0;
        loop {
            let count = match source.read(&mut piece) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Unpack::Archive(damaged(entry, &error))),
            };
            size += count as u64;
            if size > entry.size {
                break;
            }
            hasher.update(&piece[..count]);
            to.write_all(&piece[..count]).map_err(Unpack::Write)?;
        }
        if size != entry.size {
            return Err(Unpack::Archive(damaged(entry, &"its size is not the one the directory says")));
        }
        Ok(ContentId::new(hasher.finalize().into()))
    }
}

/// Why a file could not be unpacked: because of the archive, or of the place it should go to.
#[derive(Debug)]
pub(in crate::objects) enum Unpack {
    Archive(ArchiveError),
    Write(io::Error),
}

/// The files of an archive, after everything that can be judged without reading them.
fn list<R: Read + Seek>(zip: &ZipArchive<R>, archive_size: u64) -> Result<Vec<Entry>, ArchiveError> {
    let mut entries = Vec::with_capacity(zip.len());
    let mut folders = Vec::new();
    let mut total: u64 = 0;
    for index in 0..zip.len() {
        let found = zip.by_index_data(index).map_err(|error| malformed(&error))?;
        let path = name::check(found.name_raw())?.to_owned();
        let special = |what| ArchiveError::Special { entry: path.clone(), what };
        let mode = found.unix_mode().unwrap_or(0);
        match mode & 0o170_000 {
            0 | 0o100_000 | 0o040_000 => {}
            0o120_000 => return Err(special("a symbolic link")),
            _ => return Err(special("neither a file nor a folder")),
        }
        if found.encrypted() {
            return Err(special("encrypted"));
        }
        let (size, packed) = (found.size(), found.compressed_size());
        if found.name_raw().ends_with(b"/") {
            folders.push(path);
            continue;
        }
        allow(size, packed, || format!("`{path}`"))?;
        total = total.saturating_add(size);
        entries.push(Entry { path, size, packed, executable: mode & 0o111 != 0, index });
    }
    allow(total, archive_size, || "the archive".to_owned())?;
    name::check_together(entries.iter().map(|entry| entry.path.as_str()), folders.iter().map(String::as_str))?;
    Ok(entries)
}

fn allow(size: u64, packed: u64, what: impl Fn() -> String) -> Result<(), ArchiveError> {
    let limit = ALWAYS_ALLOWED.max(packed.saturating_mul(MOST_TIMES));
    if size > limit { Err(ArchiveError::TooLarge { what: what(), size, limit }) } else { Ok(()) }
}

/// Finds the entry that the checks of the whole archive stumbled over.
fn blame<R: Read + Seek>(zip: &mut ZipArchive<R>, error: &ZipError) -> ArchiveError {
    for index in 0..zip.len() {
        let options = ZipReadOptions::new().enforce_header_consistency(true);
        let Err(error) = zip.by_index_with_options(index, options).map(drop) else { continue };
        let entry = zip.by_index_data(index).ok().map(|entry| name::shown(entry.name_raw()));
        return ArchiveError::Inconsistent { entry, reason: error.to_string() };
    }
    ArchiveError::Inconsistent { entry: None, reason: error.to_string() }
}

fn malformed(error: &dyn std::fmt::Display) -> ArchiveError {
    ArchiveError::Malformed { reason: error.to_string() }
}

fn damaged(entry: &Entry, reason: &dyn std::fmt::Display) -> ArchiveError {
    ArchiveError::Damaged { entry: entry.path.clone(), reason: reason.to_string() }
}
