//! The file: opened, read once, then only written.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use super::frame::{self, HEAD};
use crate::base::class::{ErrorClass, of_io};
use crate::base::fs::{is_at, named};

/// What the file begins with; the last byte is the version of the format.
const MAGIC: &[u8; 8] = b"SHJRNL\0\x01";
/// Where the halves begin: behind one block with [`MAGIC`] and their length.
const FIRST: u64 = 4096;
/// How a half begins: with its generation (8), so that its pieces can be told from remains.
const GENERATION: usize = 8;

/// Why the journal does not do what it should.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// The system refused.
    #[error("cannot {action} the journal")]
    Storage {
        /// What was tried.
        action: &'static str,
        /// What the system said, with the path.
        #[source]
        source: io::Error,
    },
    /// A newer version wrote it.
    #[error(
        "the journal {path} was written by a newer version (format {found}, this one knows 1): use that version, or move the file away"
    )]
    Newer {
        /// The file.
        path: String,
        /// Its format.
        found: u8,
    },
    /// What should be kept does not fit into a half.
    #[error("{size} bytes do not fit into the journal, which holds {room}")]
    TooLarge {
        /// How much it is.
        size: usize,
        /// How much fits.
        room: usize,
    },
}

impl JournalError {
    /// What kind of trouble it is.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Storage { source, .. } => of_io(source),
            Self::Newer { .. } => ErrorClass::Permanent,
            Self::TooLarge { .. } => ErrorClass::Bug,
        }
    }
}

/// What a journal held when it was opened.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recovered {
    /// The last whole state.
    pub state: Option<Vec<u8>>,
    /// What changed since, oldest first.
    pub records: Vec<Vec<u8>>,
    /// Where a file was put that could not be read.
    pub set_aside: Option<PathBuf>,
}

/// A journal. One process at a time writes it: whoever opens it must hold the lock of its folder.
///
/// # Example
/// ```
/// use stratheal_core::journal::Journal;
/// let folder = tempfile::tempdir().unwrap();
/// let path = folder.path().join("journal");
/// let (mut journal, found) = Journal::open(&path, Journal::HALF)?;
/// assert_eq!(found.state, None);
/// journal.checkpoint(b"the state")?;
/// journal.append(&[b"a change"])?;
/// journal.sync()?;
/// drop(journal);
/// let (_, found) = Journal::open(&path, Journal::HALF)?;
/// assert_eq!((found.state.as_deref(), found.records), (Some(&b"the state"[..]), vec![b"a change".to_vec()]));
/// # Ok::<(), stratheal_core::journal::JournalError>(())
/// ```
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    half: u64,
    /// Of the half that counts, which is the first one when it is even.
    generation: u64,
    /// Where the next record goes, from the beginning of its half.
    end: usize,
}

impl Journal {
    /// How large a half is unless told otherwise: 2 MiB.
    pub const HALF: u64 = 2 * 1024 * 1024;

    /// Opens a journal, or makes it with all the room it will ever take.
    ///
    /// A file that is none, or of another size, is set aside under another name and begun anew: what heals has to go on.
    ///
    /// # Errors
    /// [`JournalError::Storage`] when there is no room, or the system refuses; [`JournalError::Newer`].
    pub fn open(path: &Path, half: u64) -> Result<(Self, Recovered), JournalError> {
        let mut set_aside = None;
        if let Some(content) = read(path)? {
            match understood(path, &content, half)? {
                Some((generation, end, recovered)) => {
                    let file = OpenOptions::new().read(true).write(true).open(path);
                    let file = file.map_err(|error| storage("open", path, &error))?;
                    return Ok((Self { path: path.to_owned(), file, half, generation, end }, recovered));
                }
                None => set_aside = Some(put_aside(path)?),
            }
        }
        let journal = Self::create(path, half)?;
        Ok((journal, Recovered { set_aside, ..Recovered::default() }))
    }

    fn create(path: &Path, half: u64) -> Result<Self, JournalError> {
        let refuse = |error: io::Error| storage("create", path, &error);
        let temporary = path.with_extension("new");
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&temporary);
        let file = file.map_err(refuse)?;
        fill(&file, FIRST + 2 * half).map_err(refuse)?;
        let mut head = MAGIC.to_vec();
        head.extend_from_slice(&half.to_le_bytes());
        write_at(&file, &head, 0).map_err(refuse)?;
        file.sync_all().map_err(refuse)?;
        std::fs::rename(&temporary, path).map_err(refuse)?;
        if let Some(folder) = path.parent() {
            File::open(folder).and_then(|folder| folder.sync_all()).map_err(refuse)?;
        }
        let mut journal = Self { path: path.to_owned(), file, half, generation: 0, end: 0 };
        journal.checkpoint(b"")?;
        Ok(journal)
    }

    /// How many bytes of records still fit before a [`checkpoint`](Self::checkpoint) is needed.
    #[must_use]
    pub fn room(&self) -> usize {
        (self.half as usize).saturating_sub(self.end)
    }

    /// Whether these records fit.
    #[must_use]
    pub fn fits(&self, records: &[&[u8]]) -> bool {
        records.iter().map(|record| record.len() + HEAD).sum::<usize>() <= self.room()
    }

    /// Writes records, all in one go. They survive this process at once, and the machine after [`sync`](Self::sync).
    ///
    /// # Errors
    /// [`JournalError::TooLarge`] when they do not [fit](Self::fits), [`JournalError::Storage`] otherwise.
    pub fn append(&mut self, records: &[&[u8]]) -> Result<(), JournalError> {
        let mut bytes = Vec::new();
        for record in records {
            frame::put(self.generation, record, &mut bytes);
        }
        if bytes.len() > self.room() {
            return Err(JournalError::TooLarge { size: bytes.len(), room: self.room() });
        }
        let at = self.start(self.generation) + self.end as u64;
        write_at(&self.file, &bytes, at).map_err(|error| storage("write", &self.path, &error))?;
        self.end += bytes.len();
        Ok(())
    }

    /// Waits until everything that was appended is on the disk.
    ///
    /// # Errors
    /// [`JournalError::Storage`].
    pub fn sync(&self) -> Result<(), JournalError> {
        self.file.sync_data().map_err(|error| storage("write", &self.path, &error))
    }

    /// Writes a state, on the disk when this returns, that replaces everything before.
    ///
    /// # Errors
    /// [`JournalError::TooLarge`] when it takes more than half of a half, as nothing would be left for records;
    /// [`JournalError::Storage`]. What was there counts on then.
    pub fn checkpoint(&mut self, state: &[u8]) -> Result<(), JournalError> {
        let room = self.half as usize / 2;
        if state.len() > room {
            return Err(JournalError::TooLarge { size: state.len(), room });
        }
        let refuse = |path: &Path, error: io::Error| storage("write", path, &error);
        let generation = self.generation + 1;
        let start = self.start(generation);
        let mut bytes = generation.to_le_bytes().to_vec();
        frame::put(generation, state, &mut bytes);
        // Until the state is whole on the disk, its half has no generation that counts: what lies there is not of this one.
        write_at(&self.file, &bytes[GENERATION..], start + GENERATION as u64)
            .map_err(|error| refuse(&self.path, error))?;
        self.sync()?;
        write_at(&self.file, &bytes[..GENERATION], start).map_err(|error| refuse(&self.path, error))?;
        self.sync()?;
        self.generation = generation;
        self.end = bytes.len();
        Ok(())
    }

    /// Whether the file is still where it was made. Somebody may have deleted the folder; this process would go on writing to a
    /// file that nobody finds again.
    #[must_use]
    pub fn is_in_place(&self) -> bool {
        is_at(&self.file, &self.path)
    }

    const fn start(&self, generation: u64) -> u64 {
        FIRST + generation % 2 * self.half
    }
}

fn storage(action: &'static str, path: &Path, error: &io::Error) -> JournalError {
    JournalError::Storage { action, source: named(path, error) }
}

/// The whole file, which is small; `None` when there is none.
fn read(path: &Path) -> Result<Option<Vec<u8>>, JournalError> {
    match crate::base::fs::read_bytes(path, 64 * 1024 * 1024) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        // Something huge or something else than a file is no journal.
        Err(error) if matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::IsADirectory) => {
            Ok(Some(Vec::new()))
        }
        Err(error) => Err(JournalError::Storage { action: "read", source: error }),
    }
}

/// What a file holds: the generation that counts, the end of its records, and both. `None` when it is no journal of this size.
fn understood(path: &Path, content: &[u8], half: u64) -> Result<Option<(u64, usize, Recovered)>, JournalError> {
    let Some((magic, rest)) = content.split_first_chunk::<8>() else { return Ok(None) };
    if magic[..7] != MAGIC[..7] {
        return Ok(None);
    }
    if magic[7] > MAGIC[7] {
        return Err(JournalError::Newer { path: path.display().to_string(), found: magic[7] });
    }
    let length = rest.first_chunk::<8>().map(|length| u64::from_le_bytes(*length));
    if length != Some(half) || content.len() as u64 != FIRST + 2 * half {
        return Ok(None);
    }
    let halves = content[FIRST as usize..].chunks_exact(half as usize);
    Ok(halves.filter_map(half_of).max_by_key(|(generation, ..)| *generation))
}

/// A half, if its state is whole.
fn half_of(half: &[u8]) -> Option<(u64, usize, Recovered)> {
    let (generation, rest) = half.split_first_chunk::<GENERATION>()?;
    let generation = u64::from_le_bytes(*generation);
    if generation == 0 {
        return None;
    }
    let (state, mut rest) = frame::take(generation, rest)?;
    let mut records = Vec::new();
    while let Some((record, behind)) = frame::take(generation, rest) {
        records.push(record.to_vec());
        rest = behind;
    }
    let state = (!state.is_empty()).then(|| state.to_vec());
    Some((generation, half.len() - rest.len(), Recovered { state, records, set_aside: None }))
}

/// Puts away what cannot be understood, under the first free name of a hundred.
fn put_aside(path: &Path) -> Result<PathBuf, JournalError> {
    let aside = (1..100).map(|number| path.with_extension(format!("damaged-{number}"))).find(|name| !name.exists());
    let aside = aside.unwrap_or_else(|| path.with_extension("damaged-100"));
    std::fs::rename(path, &aside).map_err(|error| storage("set aside", path, &error))?;
    Ok(aside)
}

/// Takes room on the disk, for real: written, so that a file system that shares blocks has none to find later.
pub(super) fn fill(file: &File, size: u64) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{FallocateFlags, fallocate};
        match fallocate(file, FallocateFlags::empty(), 0, size) {
            Ok(()) => return Ok(()),
            Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let zeros = vec![0; 64 * 1024];
    let mut at = 0;
    while at < size {
        let piece = (size - at).min(zeros.len() as u64);
        write_at(file, &zeros[..piece as usize], at)?;
        at += piece;
    }
    Ok(())
}

#[cfg(unix)]
fn write_at(file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, at)
}

#[cfg(not(unix))]
fn write_at(mut file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
    use std::io::{Seek, SeekFrom, Write};
    file.seek(SeekFrom::Start(at))?;
    file.write_all(bytes)
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
