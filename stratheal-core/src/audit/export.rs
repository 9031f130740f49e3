//! Writing a log out, byte for byte, so that it can be verified elsewhere.

use std::io::{self, Write};
use std::path::Path;

use super::AuditError;
use super::line::MAX_LINE;
use super::segment;
use crate::base::fs::named;

/// Writes all records as JSON lines, oldest first, exactly as they stand in the log; answers how many lines. A line that is being
/// written is left out, and one that is longer than any record is cut.
///
/// # Errors
/// [`AuditError::Storage`] when the log cannot be read, or `writer` takes no more.
pub fn export(folder: &Path, writer: &mut dyn Write) -> Result<u64, AuditError> {
    let mut written = 0;
    for segment in segment::list(folder).map_err(AuditError::storage("list"))? {
        let mut lines = match segment.lines() {
            // Deleted meanwhile, by age.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            other => other.map_err(AuditError::storage("open"))?,
        };
        while let Some(piece) =
            lines.next().map_err(|error| AuditError::storage("read")(named(&segment.path, &error)))?
        {
            if piece.is_ended {
                let bytes = &piece.bytes[..piece.bytes.len().min(MAX_LINE)];
                let taken = writer.write_all(bytes).and_then(|()| writer.write_all(b"\n"));
                taken.map_err(AuditError::storage("export"))?;
                written += 1;
            }
        }
    }
    writer.flush().map_err(AuditError::storage("export"))?;
    Ok(written)
}
