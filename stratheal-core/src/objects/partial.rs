//! A file that is still arriving: what is there of it survives the process and is continued by the next one.
//!
//! Two files: `KEY.part` with the bytes where they belong, and `KEY.journal` with who sent which of them and what identifies the
//! content. Bytes are written before the journal says that they are there, so that what it says holds after `kill -9`. After a power loss
//! it may not: who continues a file must check the whole of it at the end, and where no hash will do that, the bytes are
//! synced first.
//!
//! A lock on the part file makes its holder the only writer. It dies with the process.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::partial_journal::{self as journal, Note};
use super::partial_position::{read_at, write_all_at};
use super::{ContentId, Ranges, Sent, Validators};
use crate::base::fs::named;

/// Which file is arriving: its part file must be found again by the next process.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PartKey {
    name: String,
    /// Whether a hash will prove the whole at the end.
    proven: bool,
}

impl PartKey {
    /// A file whose content is known. Whoever sends it sends the same.
    #[must_use]
    pub fn content(id: &ContentId) -> Self {
        Self { name: id.to_string(), proven: true }
    }

    /// A file of which only its place is known: the name of its source, its own, and its URL. None of them is in the key to read.
    #[must_use]
    pub fn place(source: &str, name: &str, url: &str) -> Self {
        let mut digest = Sha256::new();
        for text in [source, name, url] {
            // The length in front keeps "a" + "bc" and "ab" + "c" apart.
            digest.update((text.len() as u64).to_le_bytes());
            digest.update(text);
        }
        Self { name: format!("at-{}", ContentId::new(digest.finalize().into())), proven: false }
    }

    /// Whether a hash proves the whole at the end, so that nothing needs to be synced before it is recorded.
    #[must_use]
    pub const fn is_proven(&self) -> bool {
        self.proven
    }

    /// The key as text: letters, digits and hyphens.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.name
    }
}

/// A part file, locked by this process.
///
/// All of it blocks: it belongs on a thread that may.
#[derive(Debug)]
pub struct PartFile {
    path: PathBuf,
    file: Arc<File>,
    journal_path: PathBuf,
    journal: Option<File>,
    proven: bool,
    present: Ranges,
    sent: Vec<Sent>,
    /// From here on `sent` is not in the journal yet.
    recorded: usize,
    validators: Validators,
}

impl PartFile {
    /// Opens or begins the part file of `key` in `folder`, which is made when missing. `None` while another process or another
    /// task has it.
    ///
    /// # Errors
    /// What the system says, with the path in front.
    pub fn try_open(folder: &Path, key: &PartKey) -> io::Result<Option<Self>> {
        fs::create_dir_all(folder).map_err(|error| named(folder, &error))?;
        let path = folder.join(format!("{}.part", key.name));
        let journal_path = folder.join(format!("{}.journal", key.name));
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).read(true).write(true);
        let file = options.open(&path).map_err(|error| named(&path, &error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(named(&path, &error)),
        }
        // The holder before may have finished the file between opening and locking: then this is the lock of a file that is
        // elsewhere now, and must not be written.
        if !same_file(&file, &path)? {
            return Ok(None);
        }
        let mut part = Self {
            path,
            file: Arc::new(file),
            journal_path,
            journal: None,
            proven: key.proven,
            present: Ranges::default(),
            sent: Vec::new(),
            recorded: 0,
            validators: Validators::default(),
        };
        part.recover()?;
        Ok(Some(part))
    }

    /// Believes the journal as far as the part file bears it out.
    fn recover(&mut self) -> io::Result<()> {
        let mut bytes = Vec::new();
        match File::open(&self.journal_path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(named(&self.journal_path, &error)),
            Ok(file) => file.take(journal::LONGEST + 1).read_to_end(&mut bytes),
        }
        .map_err(|error| named(&self.journal_path, &error))?;
        if bytes.len() as u64 > journal::LONGEST {
            return self.restart();
        }
        let (notes, taken) = journal::parse(&bytes);
        for note in notes {
            match note {
                Note::Validators(validators) => self.validators = validators,
                Note::Sent(sent) => {
                    self.present.insert(&sent.range);
                    remember(&mut self.sent, sent.range, &sent.from);
                }
            }
        }
        // A journal that outlived its part file says nothing about the one that is there now.
        let length = self.file.metadata().map_err(|error| named(&self.path, &error))?.len();
        if self.present.end() > length {
            return self.restart();
        }
        self.recorded = self.sent.len();
        if taken < bytes.len() {
            // What is appended behind a torn line would be lost with it.
            self.journal()?.set_len(taken as u64).map_err(|error| named(&self.journal_path, &error))?;
        }
        Ok(())
    }

    /// What is there.
    #[must_use]
    pub const fn present(&self) -> &Ranges {
        &self.present
    }

    /// Who sent what, in the order in which it arrived.
    #[must_use]
    pub fn sent(&self) -> &[Sent] {
        &self.sent
    }

    /// What identifies the content, as far as a server said.
    #[must_use]
    pub const fn validators(&self) -> &Validators {
        &self.validators
    }

    /// The file, for readers of what is there already.
    #[must_use]
    pub fn file(&self) -> Arc<File> {
        self.file.clone()
    }

    /// Writes bytes to their place. They count as present for this process at once and for a later one from [`PartFile::record`] on.
    ///
    /// # Errors
    /// What the system says, with the path in front.
    pub fn write(&mut self, offset: u64, pieces: &[impl AsRef<[u8]>], from: &Arc<str>) -> io::Result<()> {
        let mut at = offset;
        for piece in pieces {
            let piece = piece.as_ref();
            write_all_at(&self.file, piece, at).map_err(|error| named(&self.path, &error))?;
            at += piece.len() as u64;
        }
        if at > offset {
            self.present.insert(&(offset..at));
            // What is in the journal already stays as it is.
            let (_, unrecorded) = self.sent.split_at(self.recorded);
            let joins = unrecorded.last().is_some_and(|last| last.range.end == offset && last.from == *from);
            if joins {
                remember(&mut self.sent, offset..at, from);
            } else {
                self.sent.push(Sent { range: offset..at, from: from.clone() });
            }
        }
        Ok(())
    }

    /// Appends to the journal what was written since the last time.
    ///
    /// # Errors
    /// What the system says, with the path in front.
    pub fn record(&mut self) -> io::Result<()> {
        if self.recorded == self.sent.len() {
            return Ok(());
        }
        if !self.proven {
            self.file.sync_data().map_err(|error| named(&self.path, &error))?;
        }
        let mut lines = String::new();
        for sent in &self.sent[self.recorded..] {
            journal::write(&Note::Sent(sent.clone()), &mut lines);
        }
        self.append(&lines)?;
        self.recorded = self.sent.len();
        Ok(())
    }

    /// Keeps what a server said about the file.
    ///
    /// # Errors
    /// What the system says, with the path in front.
    pub fn identify(&mut self, validators: Validators) -> io::Result<()> {
        if self.validators != validators {
            let mut line = String::new();
            journal::write(&Note::Validators(validators.clone()), &mut line);
            self.append(&line)?;
            self.validators = validators;
        }
        Ok(())
    }

    fn append(&mut self, lines: &str) -> io::Result<()> {
        // One call, so that a line is torn by a crash of the system at most.
        let written = self.journal()?.write_all(lines.as_bytes());
        written.map_err(|error| named(&self.journal_path, &error))
    }

    fn journal(&mut self) -> io::Result<&mut File> {
        if self.journal.is_none() {
            let opened = OpenOptions::new().create(true).append(true).open(&self.journal_path);
            self.journal = Some(opened.map_err(|error| named(&self.journal_path, &error))?);
        }
        self.journal.as_mut().ok_or_else(|| io::Error::other("the journal was just opened"))
    }

    /// Forgets everything: the content that was arriving is not the one that is wanted.
    ///
    /// # Errors
    /// What the system says, with the path in front.
    pub fn restart(&mut self) -> io::Result<()> {
        // The journal first: it must never say more than the part file holds.
        self.forget_journal()?;
        self.file.set_len(0).map_err(|error| named(&self.path, &error))?;
        self.present = Ranges::default();
        self.sent.clear();
        self.recorded = 0;
        self.validators = Validators::default();
        Ok(())
    }

    /// Reads up to `length` bytes from a place; fewer where the file ends.
    ///
    /// # Errors
    /// What the system says, with the path in front.
    pub fn read(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        read_at(&self.file, offset, length).map_err(|error| named(&self.path, &error))
    }

    /// The file is whole, with this size. It is still locked, and is to be moved away from the path that is returned; then
    /// [`PartFile::moved`] cleans up.
    ///
    /// # Errors
    /// What the system says, with the path in front.
    pub fn whole(&self, size: u64) -> io::Result<&Path> {
        self.file.set_len(size).map_err(|error| named(&self.path, &error))?;
        Ok(&self.path)
    }

    /// The content stands elsewhere now, and nothing is left to continue.
    ///
    /// # Errors
    /// What the system says, with the path in front.
    pub fn moved(mut self) -> io::Result<()> {
        self.forget_journal()?;
        // Nothing is left to record when this is dropped.
        self.recorded = self.sent.len();
        // It may have been copied rather than moved, or have been there before.
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(named(&self.path, &error)),
            _ => Ok(()),
        }
    }

    fn forget_journal(&mut self) -> io::Result<()> {
        self.journal = None;
        match fs::remove_file(&self.journal_path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(named(&self.journal_path, &error)),
            _ => Ok(()),
        }
    }
}

impl Drop for PartFile {
    /// Leaves nothing behind when nothing arrived, so that failures do not fill the folder with empty files.
    fn drop(&mut self) {
        if let Err(error) = self.record() {
            // The next process has these bytes again: that is all that is lost.
            tracing::debug!(%error, "the last bytes of a part file are not in its journal");
        }
        if self.present.is_empty() && same_file(&self.file, &self.path).unwrap_or(false) {
            let removed = self.forget_journal().and_then(|()| fs::remove_file(&self.path));
            if let Err(error) = removed {
                tracing::debug!(path = %self.path.display(), %error, "an empty part file is left");
            }
        }
    }
}

/// Adds a range behind the last one, or to it.
fn remember(sent: &mut Vec<Sent>, range: Range<u64>, from: &Arc<str>) {
    match sent.last_mut() {
        Some(last) if last.range.end == range.start && last.from == *from => last.range.end = range.end,
        _ => sent.push(Sent { range, from: from.clone() }),
    }
}

/// Whether a path still leads to the file that was opened there.
fn same_file(file: &File, path: &Path) -> io::Result<bool> {
    let there = match fs::symlink_metadata(path) {
        Ok(there) => there,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(named(path, &error)),
    };
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let own = file.metadata().map_err(|error| named(path, &error))?;
        Ok(own.ino() == there.ino() && own.dev() == there.dev())
    }
    // Elsewhere a file that is open cannot be replaced under its name.
    #[cfg(not(unix))]
    {
        let _ = file;
        Ok(there.is_file())
    }
}

#[cfg(test)]
mod tests;
