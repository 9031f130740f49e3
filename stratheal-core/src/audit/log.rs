//! [`AuditLog`]: the one writer of a log.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use super::head::Head;
use super::record::Record;
use super::writer::Writer;
use super::{AuditError, open};

/// When a record counts as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// When it is on the disk.
    #[default]
    Each,
    /// When the system has it; every so many records, and by [`AuditLog::flush`], the disk is waited for. A power cut may cost the
    /// records since; the end of this process does not.
    Batched(u32),
}

/// How a log is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// From this size on a new segment is begun.
    pub segment_bytes: u64,
    /// When there is more, the oldest segments are deleted. The last one never is.
    pub keep_bytes: u64,
    /// When a record counts as written.
    pub durability: Durability,
}

impl Default for Options {
    fn default() -> Self {
        Self { segment_bytes: 8 << 20, keep_bytes: 64 << 20, durability: Durability::Each }
    }
}

/// The one writer of a log. Every call may block on the disk, so it belongs on a thread that may; any thread may call.
///
/// ```
/// use jiff::Timestamp;
/// use stratheal_core::audit::{Actor, ActorKind, AuditLog, Options, Record, verify};
/// # fn main() -> Result<(), stratheal_core::audit::AuditError> {
/// let folder = tempfile::tempdir().unwrap();
/// let log = AuditLog::open(folder.path(), Options::default(), Timestamp::UNIX_EPOCH)?;
/// let actor = Actor::new(ActorKind::Person, "ada");
/// let head = log.append(Record::new(Timestamp::UNIX_EPOCH, actor, "paused", "service/api").why("maintenance"))?;
/// assert!(verify(folder.path(), Some(&head))?.is_sound());
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct AuditLog {
    folder: PathBuf,
    writer: Mutex<Writer>,
}

impl AuditLog {
    /// Makes the folder if it is missing and becomes its writer, until dropped or until the process ends in whatever way.
    ///
    /// A line that a crash left half-written is set aside, and a record says so. What else is damaged stays as it is for [`verify`],
    /// and the log goes on behind it: what cannot be trusted any more must not stop what is done from being written down.
    ///
    /// [`verify`]: super::verify()
    ///
    /// # Errors
    /// [`AuditError`]: another process writes it, it cannot be read, or a later version wrote it.
    pub fn open(folder: &Path, options: Options, now: Timestamp) -> Result<Self, AuditError> {
        let writer = open::open(folder, options, now)?;
        Ok(Self { folder: folder.to_owned(), writer: Mutex::new(writer) })
    }

    /// Writes a record, and before it those that could not be written earlier. Answers the head of the log, which is best also
    /// written down elsewhere.
    ///
    /// # Errors
    /// [`AuditError::NotWritten`] when it could not be written, as on a full disk: up to 256 such records are kept in memory and
    /// written before the next one; how many more there were is written then. [`AuditError::Action`] for what is no record.
    pub fn append(&self, record: Record) -> Result<Head, AuditError> {
        let record = record.fit()?;
        self.writer().append(record)
    }

    /// The end of what is written.
    #[must_use]
    pub fn head(&self) -> Head {
        self.writer().head
    }

    /// How many records wait in memory, and how many were dropped because too many did.
    #[must_use]
    pub fn unwritten(&self) -> (usize, u64) {
        let writer = self.writer();
        (writer.backlog.waiting(), writer.backlog.dropped())
    }

    /// Writes what waits, and waits until everything is on the disk.
    ///
    /// # Errors
    /// [`AuditError::Storage`] with what the system says.
    pub fn flush(&self) -> Result<(), AuditError> {
        let mut writer = self.writer();
        writer.write_waiting().and_then(|()| writer.sync()).map_err(AuditError::storage("write"))
    }

    /// Where it is.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        // After a panic in the middle of a write the segment still counts as dirty and is cut back before the next one.
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
