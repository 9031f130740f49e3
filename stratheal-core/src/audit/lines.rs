//! The lines of a segment, each of bounded length.

use std::io::{self, BufRead};

use super::line::MAX_LINE;

/// A piece of a file that may be a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// The bytes before the line feed; of a line that is too long only the beginning.
    pub(super) bytes: Vec<u8>,
    /// How many bytes it takes in the file, its line feed included.
    pub(super) length: u64,
    /// Whether a line feed ends it; otherwise the file ends there.
    pub(super) is_ended: bool,
}

/// Reads a segment line by line.
#[derive(Debug)]
pub(super) struct Lines<R> {
    source: R,
}

impl<R: BufRead> Lines<R> {
    pub(super) const fn new(source: R) -> Self {
        Self { source }
    }

    /// The next one; `None` at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Piece>> {
        let mut piece = Piece { bytes: Vec::new(), length: 0, is_ended: false };
        loop {
            let buffer = match self.source.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            };
            if buffer.is_empty() {
                return Ok((piece.length > 0).then_some(piece));
            }
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let here = &buffer[..end.unwrap_or(buffer.len())];
            // One byte more than allowed shows that it is too long.
            let room = (MAX_LINE + 1).saturating_sub(piece.bytes.len()).min(here.len());
            piece.bytes.extend_from_slice(&here[..room]);
            let used = here.len() + usize::from(end.is_some());
            piece.length += used as u64;
            self.source.consume(used);
            if end.is_some() {
                piece.is_ended = true;
                return Ok(Some(piece));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_and_bounded() {
        let long = "x".repeat(3 * MAX_LINE);
        let text = format!("a\n\n{long}\nend");
        let mut lines = Lines::new(text.as_bytes());
        let mut next = || lines.next().unwrap().map(|piece| (piece.bytes.len(), piece.length, piece.is_ended));
        assert_eq!(next(), Some((1, 2, true)));
        assert_eq!(next(), Some((0, 1, true)));
        assert_eq!(next(), Some((MAX_LINE + 1, 3 * MAX_LINE as u64 + 1, true)));
        assert_eq!(next(), Some((3, 3, false)));
        assert_eq!(next(), None);
    }
}
