//! Finding the end of a log, and putting right what a crash left there.

use std::fs::{DirBuilder, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use jiff::Timestamp;

use super::AuditError;
use super::backlog::Backlog;
use super::head::{Head, RecordHash};
use super::line::{self, Line, MAX_LINE};
use super::log::Options;
use super::prune::{self, Checkpoint};
use super::record::{Actor, DAMAGED, Record, SET_ASIDE};
use super::segment::{self, Segment};
use super::writer::{Current, Writer};
use crate::base::fs::{FileLock, named};
use crate::model::report::cut;

/// How much of what is set aside stands in the record about it, as text.
const SHOWN: usize = 1024;

/// Opens a log for writing.
pub(super) fn open(folder: &Path, options: Options, now: Timestamp) -> Result<Writer, AuditError> {
    create(folder).map_err(AuditError::storage("make the folder of"))?;
    let lock = FileLock::try_acquire(&folder.join("lock")).map_err(AuditError::storage("lock"))?;
    let lock = lock.ok_or_else(|| AuditError::InUse { folder: folder.display().to_string() })?;
    let segments = segment::list(folder).map_err(AuditError::storage("list"))?;
    let mut writer = Writer {
        folder: folder.to_owned(),
        options,
        current: None,
        next_number: segments.last().map_or(1, |last| last.number.saturating_add(1)),
        head: Head::default(),
        backlog: Backlog::default(),
        unsynced: 0,
        _lock: lock,
    };
    let Some((last, earlier)) = segments.split_last() else { return Ok(writer) };
    let end = End::of(last)?;
    writer.head = match end.head {
        Some(head) => head,
        None => head_before(earlier)?,
    };
    if let Some(checkpoint) = &end.checkpoint {
        prune::finish(folder, checkpoint);
    }
    let note = if end.is_torn_at_most() {
        let file = last.append().map_err(AuditError::storage("open"))?;
        let note = set_aside(last, &file, &end, now).map_err(AuditError::storage("put right"))?;
        let current =
            Current { segment: last.clone(), file, length: end.sound_until, is_dirty: false, is_named: false };
        writer.current = Some(current);
        note
    } else {
        // More than a crash can leave. It stays for those who look, and the log goes on in a new segment.
        tracing::error!(file = %last.path.display(), lines = end.lines_behind, "the audit log is damaged");
        let record = Record::new(now, Actor::log(), DAMAGED, last.name()).why("the end of a segment is no record");
        Some(record.detail("lines", end.lines_behind))
    };
    if let Some(note) = note {
        // Cannot it be written now, it waits for room like any other.
        if let Err(error) = writer.append(note) {
            tracing::warn!(%error, "a note in the audit log has to wait");
        }
    }
    Ok(writer)
}

/// Where a segment ends.
#[derive(Debug, Default)]
struct End {
    /// The last sound record.
    head: Option<Head>,
    /// The last checkpoint.
    checkpoint: Option<Checkpoint>,
    /// Where the last sound record ends.
    sound_until: u64,
    /// What stands behind it.
    lines_behind: u64,
    bytes_behind: u64,
    /// Whether one of these lines has its end.
    is_ended: bool,
}

impl End {
    fn of(segment: &Segment) -> Result<Self, AuditError> {
        let mut lines = segment.lines().map_err(AuditError::storage("open"))?;
        let mut end = Self::default();
        let mut at = 0;
        loop {
            let piece = lines.next().map_err(|error| named(&segment.path, &error));
            let Some(piece) = piece.map_err(AuditError::storage("read"))? else { return Ok(end) };
            at += piece.length;
            match line::parse(&piece.bytes) {
                Line::Sound(entry) if piece.is_ended => {
                    let checkpoint = Checkpoint::of(&entry).or(end.checkpoint);
                    end = Self { head: Some(entry.head()), checkpoint, sound_until: at, ..Self::default() };
                }
                Line::TooNew(found) => return Err(AuditError::TooNew { file: segment.name(), found }),
                Line::Sound(_) | Line::Edited(_) | Line::Alien => {
                    end.lines_behind += 1;
                    end.bytes_behind += piece.length;
                    end.is_ended |= piece.is_ended;
                }
            }
        }
    }

    /// A crash interrupts one write, and leaves one line without its end. A whole line that is no record was written by somebody else.
    const fn is_torn_at_most(&self) -> bool {
        self.lines_behind <= 1 && !self.is_ended && self.bytes_behind <= MAX_LINE as u64 + 1
    }
}

/// The last sound record of the segments before the last one.
fn head_before(earlier: &[Segment]) -> Result<Head, AuditError> {
    for segment in earlier.iter().rev() {
        if let Some(head) = End::of(segment)?.head {
            return Ok(head);
        }
    }
    Ok(Head::default())
}

/// Takes what a crash left out of the segment, and answers the record about it.
fn set_aside(segment: &Segment, file: &File, end: &End, now: Timestamp) -> io::Result<Option<Record>> {
    if end.bytes_behind == 0 {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    let mut source = segment.open()?;
    source.seek(SeekFrom::Start(end.sound_until))?;
    source.take(end.bytes_behind).read_to_end(&mut bytes)?;
    let after = end.head.map_or(0, |head| head.seq);
    let name = format!("{}.after-{after}", segment.name());
    // On a full disk it is still named by its hash, and its beginning stands in the record.
    let kept = std::fs::write(segment.path.with_file_name(&name), &bytes);
    if let Err(error) = &kept {
        tracing::warn!(file = name, %error, "a torn line of the audit log cannot be kept");
    }
    file.set_len(end.sound_until).and_then(|()| file.sync_all()).map_err(|error| named(&segment.path, &error))?;
    tracing::warn!(file = %segment.path.display(), bytes = bytes.len(), "a torn line of the audit log was set aside");
    let record = Record::new(now, Actor::log(), SET_ASIDE, segment.name())
        .why("the last line was not whole, as after a crash")
        .detail("bytes", bytes.len())
        .detail("sha256", RecordHash::of(&bytes).to_string())
        .detail("text", cut(&String::from_utf8_lossy(&bytes), SHOWN))
        .detail("kept_in", kept.ok().map(|()| name));
    Ok(Some(record))
}

/// Makes the folder of a log, where there is none.
pub(super) fn create(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|error| named(folder, &error))
}
