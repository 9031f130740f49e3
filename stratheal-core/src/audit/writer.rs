//! Writing records to the last segment.
//!
//! A record counts once its line is whole in the file and the disk was waited for. When that fails, the file is cut back to where it
//! was, so that no half line is ever followed by a whole one.

use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;

use jiff::Timestamp;

use super::backlog::Backlog;
use super::head::Head;
use super::line;
use super::log::{Durability, Options};
use super::record::{Actor, BEGUN, DAMAGED, Record};
use super::segment::{Segment, sync_folder};
use super::{AuditError, prune};
use crate::base::fs::{FileLock, is_at, named};

#[derive(Debug)]
pub(super) struct Writer {
    pub(super) folder: PathBuf,
    pub(super) options: Options,
    /// The last segment; `None` before the first record.
    pub(super) current: Option<Current>,
    /// The number of the segment that is begun next.
    pub(super) next_number: u64,
    pub(super) head: Head,
    pub(super) backlog: Backlog,
    pub(super) unsynced: u32,
    pub(super) _lock: FileLock,
}

/// The segment that is written to.
#[derive(Debug)]
pub(super) struct Current {
    pub(super) segment: Segment,
    pub(super) file: File,
    /// Where its last whole record ends.
    pub(super) length: u64,
    /// Whether something may stand behind that.
    pub(super) is_dirty: bool,
    /// Whether its name is on the disk.
    pub(super) is_named: bool,
}

impl Current {
    /// Cuts off what a failed attempt left.
    fn restore(&mut self) -> io::Result<()> {
        if self.is_dirty {
            self.file.set_len(self.length)?;
            self.is_dirty = false;
        }
        Ok(())
    }
}

impl Writer {
    /// Writes a record, and those that wait before it.
    pub(super) fn append(&mut self, record: Record) -> Result<Head, AuditError> {
        match self.write_waiting().and_then(|()| self.write(&record)) {
            Ok(()) => Ok(self.head),
            Err(source) => {
                let kept = self.backlog.keep(record);
                let (waiting, dropped) = (self.backlog.waiting(), self.backlog.dropped());
                Err(AuditError::NotWritten { kept, waiting, dropped, source })
            }
        }
    }

    /// Writes the records that wait.
    pub(super) fn write_waiting(&mut self) -> io::Result<()> {
        while let Some(record) = self.backlog.next() {
            self.write(&record)?;
            self.backlog.written();
        }
        Ok(())
    }

    fn write(&mut self, record: &Record) -> io::Result<()> {
        if self.current.as_ref().is_some_and(|current| !is_at(&current.file, &current.segment.path)) {
            self.begin_anew(record.at)?;
        }
        if self.current.as_ref().is_none_or(|current| current.length >= self.options.segment_bytes.max(1)) {
            self.begin()?;
        }
        if self.current.as_ref().is_some_and(|current| current.length == 0) {
            self.head_segment(record.at)?;
        }
        self.put(record)
    }

    /// Somebody has taken away the segment that is written to, or the whole log. Whoever verifies finds the gap; what is written from now
    /// on is found again.
    fn begin_anew(&mut self, at: Timestamp) -> io::Result<()> {
        super::open::create(&self.folder)?;
        let lost = self.current.take().map(|current| current.segment.name()).unwrap_or_default();
        tracing::error!(folder = %self.folder.display(), segment = lost, "the audit log was taken away; it is begun anew");
        self.begin()?;
        self.head_segment(at)?;
        self.put(&Record::new(at, Actor::log(), DAMAGED, lost).why("it was taken away while it was written"))
    }

    /// Makes the next segment, empty.
    fn begin(&mut self) -> io::Result<()> {
        // The end of the old one must not be lost behind a new one.
        self.sync()?;
        let segment = Segment::new(&self.folder, self.next_number);
        let file = segment.create()?;
        self.next_number += 1;
        self.current = Some(Current { segment, file, length: 0, is_dirty: false, is_named: false });
        Ok(())
    }

    /// Gives a new segment its first record, and makes room for it.
    fn head_segment(&mut self, at: Timestamp) -> io::Result<()> {
        let Some(current) = &mut self.current else { return Ok(()) };
        if !current.is_named {
            sync_folder(&self.folder)?;
            current.is_named = true;
        }
        let header = Record::new(at, Actor::log(), BEGUN, current.segment.name());
        let header = header.detail("segment", current.segment.number);
        self.put(&header)?;
        // A log that cannot be made smaller is still written.
        if let Err(error) = prune::prune(self, at) {
            tracing::warn!(folder = %self.folder.display(), %error, "old segments of the audit log cannot be deleted");
        }
        Ok(())
    }

    /// Writes one record to the end of the last segment.
    pub(super) fn put(&mut self, record: &Record) -> io::Result<()> {
        let Some(current) = &mut self.current else { return Err(io::Error::other("no segment is open")) };
        let (line, head) = line::encode(self.head, record).map_err(io::Error::other)?;
        let sync = match self.options.durability {
            Durability::Each => true,
            Durability::Batched(most) => self.unsynced.saturating_add(1) >= most,
        };
        let written = current.restore().and_then(|()| {
            current.is_dirty = true;
            current.file.write_all(&line)?;
            if sync { current.file.sync_data() } else { Ok(()) }
        });
        if let Err(error) = written {
            if let Err(left) = current.restore() {
                tracing::debug!(error = %left, "what a failed write left is cut off before the next one");
            }
            return Err(named(&current.segment.path, &error));
        }
        current.is_dirty = false;
        current.length += line.len() as u64;
        self.head = head;
        self.unsynced = if sync { 0 } else { self.unsynced + 1 };
        Ok(())
    }

    /// Waits until everything written is on the disk.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        if let Some(current) = &self.current
            && self.unsynced > 0
        {
            current.file.sync_data().map_err(|error| named(&current.segment.path, &error))?;
            self.unsynced = 0;
        }
        Ok(())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let written = self.write_waiting().and_then(|()| self.sync());
        if let Err(error) = written {
            let (waiting, dropped) = (self.backlog.waiting(), self.backlog.dropped());
            tracing::error!(%error, waiting, dropped, "records of the audit log are lost");
        }
    }
}
