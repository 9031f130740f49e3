//! Deleting the oldest segments, and the record that keeps the chain verifiable without them.

use std::io;
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::head::{Head, RecordHash};
use super::line::{self, Entry, Line};
use super::record::{Actor, CHECKPOINT, Record};
use super::segment::{self, Segment};
use super::writer::Writer;
use crate::base::fs::named;

/// What a checkpoint says: everything up to this segment, and this record, was deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Checkpoint {
    pub(super) through_segment: u64,
    pub(super) through_seq: u64,
    pub(super) last_hash: RecordHash,
}

impl Checkpoint {
    /// What a record says, if it is a checkpoint.
    pub(super) fn of(entry: &Entry) -> Option<Self> {
        if entry.action != CHECKPOINT {
            return None;
        }
        serde_json::from_value(entry.detail.clone().into()).ok()
    }

    pub(super) const fn head(&self) -> Head {
        Head { seq: self.through_seq, hash: self.last_hash }
    }
}

/// Deletes the oldest segments while there is more than is kept. First the record is written, then they are deleted, so that a crash
/// in between leaves too many and never too few.
pub(super) fn prune(writer: &mut Writer, at: Timestamp) -> io::Result<()> {
    let segments = segment::list(&writer.folder)?;
    let sizes = segments.iter().map(|segment| Ok(std::fs::symlink_metadata(&segment.path)?.len()));
    let mut total: u64 = sizes.collect::<io::Result<Vec<_>>>()?.iter().sum();
    let mut first_kept = 0;
    while total > writer.options.keep_bytes && first_kept + 1 < segments.len() {
        total -= std::fs::symlink_metadata(&segments[first_kept].path)?.len();
        first_kept += 1;
    }
    let Some(last) = first_kept.checked_sub(1) else { return Ok(()) };
    let Some(end) = end_before(&segments[first_kept])? else {
        // Without it, what is left could not be verified any more.
        tracing::error!(file = %segments[first_kept].path.display(), "the audit log is damaged, so nothing is deleted");
        return Ok(());
    };
    let checkpoint = Checkpoint { through_segment: segments[last].number, through_seq: end.seq, last_hash: end.hash };
    let record = Record::new(at, Actor::log(), CHECKPOINT, segments[last].name())
        .why(format!("more than {} bytes", writer.options.keep_bytes))
        .detail("through_segment", checkpoint.through_segment)
        .detail("through_seq", checkpoint.through_seq)
        .detail("last_hash", checkpoint.last_hash.to_string());
    writer.put(&record)?;
    writer.sync()?;
    finish(&writer.folder, &checkpoint);
    Ok(())
}

/// The end of the log before this segment, which its first record tells.
fn end_before(segment: &Segment) -> io::Result<Option<Head>> {
    let piece = segment.lines()?.next().map_err(|error| named(&segment.path, &error))?;
    let Some(Line::Sound(entry)) = piece.map(|piece| line::parse(&piece.bytes)) else { return Ok(None) };
    Ok(Some(Head { seq: entry.seq.saturating_sub(1), hash: entry.prev }))
}

/// Deletes what a checkpoint says is deleted, oldest first.
pub(super) fn finish(folder: &Path, checkpoint: &Checkpoint) {
    let segments = match segment::list(folder) {
        Ok(segments) => segments,
        Err(error) => {
            tracing::warn!(%error, "old segments of the audit log cannot be listed");
            return;
        }
    };
    for segment in segments.iter().filter(|segment| segment.number <= checkpoint.through_segment) {
        if let Err(error) = std::fs::remove_file(&segment.path) {
            tracing::warn!(file = %segment.path.display(), %error, "an old segment of the audit log cannot be deleted");
            return;
        }
    }
}
