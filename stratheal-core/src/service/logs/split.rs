//! Lines out of what a pipe delivers.

use jiff::Timestamp;

use super::line::{Origin, prefix};
use super::redact::Redactor;

/// The longest line that stays in one piece.
pub(super) const LONGEST_LINE: usize = 8 * 1024;

/// Collects what one pipe delivers until a line is whole, and writes lines as they are kept.
#[derive(Debug)]
pub(super) struct Splitter {
    origin: Origin,
    held: Vec<u8>,
    /// Whether a part of the line that is held was written.
    continued: bool,
}

impl Splitter {
    pub(super) const fn new(origin: Origin) -> Self {
        Self { origin, held: Vec::new(), continued: false }
    }

    /// Takes what was read at `at`, and appends what is whole to `lines`.
    pub(super) fn take(&mut self, mut bytes: &[u8], at: Timestamp, redactor: &Redactor, lines: &mut Vec<u8>) {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            let (line, rest) = bytes.split_at(end);
            bytes = &rest[1..];
            if self.held.is_empty() && line.len() <= LONGEST_LINE {
                write(line, at, self.origin, self.continued, redactor, lines);
            } else {
                self.held.extend_from_slice(line);
                self.cut(at, redactor, 0, lines);
                write(&self.held, at, self.origin, self.continued, redactor, lines);
                self.held.clear();
            }
            self.continued = false;
        }
        self.held.extend_from_slice(bytes);
        self.cut(at, redactor, redactor.overlap(), lines);
    }

    /// Writes what is left when there will be no more.
    pub(super) fn finish(&mut self, at: Timestamp, redactor: &Redactor, lines: &mut Vec<u8>) {
        if !self.held.is_empty() {
            self.take(b"\n", at, redactor, lines);
        }
        self.held = Vec::new();
    }

    /// Writes pieces of a line that is too long, as long as `overlap` bytes beyond each are known.
    fn cut(&mut self, at: Timestamp, redactor: &Redactor, overlap: usize, lines: &mut Vec<u8>) {
        while self.held.len() > LONGEST_LINE + overlap {
            let mut end = redactor.cut_near(&self.held, LONGEST_LINE).min(self.held.len());
            // A character is not cut in two, as far as that can be told.
            while end > LONGEST_LINE - 4 && self.held.get(end).is_some_and(|byte| byte & 0xc0 == 0x80) {
                end -= 1;
            }
            write(&self.held[..end], at, self.origin, self.continued, redactor, lines);
            self.held.drain(..end);
            self.continued = true;
        }
    }
}

fn write(line: &[u8], at: Timestamp, origin: Origin, continued: bool, redactor: &Redactor, lines: &mut Vec<u8>) {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    lines.extend_from_slice(prefix(at, origin, continued).as_bytes());
    let redacted = redactor.redact(line);
    match std::str::from_utf8(&redacted) {
        Ok(_) => lines.extend_from_slice(&redacted),
        Err(_) => lines.extend_from_slice(String::from_utf8_lossy(&redacted).as_bytes()),
    }
    lines.push(b'\n');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::line::Line;
    use super::*;
    use crate::base::redact::Secret;

    fn split(chunks: &[&[u8]], secrets: &[&str]) -> Vec<Line> {
        let secrets: Vec<_> = secrets.iter().map(|text| Secret::new((*text).to_owned())).collect();
        let redactor = Redactor::new(&secrets, &[]).unwrap();
        let mut splitter = Splitter::new(Origin::Out);
        let mut lines = Vec::new();
        for chunk in chunks {
            splitter.take(chunk, Timestamp::UNIX_EPOCH, &redactor, &mut lines);
        }
        splitter.finish(Timestamp::UNIX_EPOCH, &redactor, &mut lines);
        String::from_utf8(lines).unwrap().lines().map(|line| Line::parse(line).unwrap()).collect()
    }

    #[test]
    fn lines_come_whole() {
        let lines = split(&[b"one\r\ntw", b"o\n\n", b"odd \xff\nrest"], &[]);
        let texts: Vec<_> = lines.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(texts, ["one", "two", "", "odd \u{fffd}", "rest"]);
    }

    #[test]
    fn a_line_too_long_goes_on_in_the_next() {
        let long = vec![b'x'; LONGEST_LINE * 2 + 10];
        for chunks in [vec![&long[..], b"\nnext\n"], long.chunks(1000).chain([&b"\nnext\n"[..]]).collect()] {
            let lines = split(&chunks, &[]);
            let shape: Vec<_> = lines.iter().map(|line| (line.text.len(), line.continued)).collect();
            assert_eq!(shape, [(LONGEST_LINE, false), (LONGEST_LINE, true), (10, true), (4, false)]);
        }
    }

    #[test]
    fn a_secret_at_the_cut_is_masked() {
        for before in LONGEST_LINE - 12..LONGEST_LINE + 3 {
            let line = [&vec![b'x'; before][..], b"topsecret", &[b'y'; 3000], b"\n"].concat();
            for size in [1, 7, 4096, line.len()] {
                let chunks: Vec<_> = line.chunks(size).collect();
                let lines = split(&chunks, &["topsecret"]);
                let whole: String = lines.iter().map(|line| line.text.as_str()).collect();
                assert_eq!(whole, format!("{}***{}", "x".repeat(before), "y".repeat(3000)), "{before} {size}");
            }
        }
    }

    proptest! {
        #[test]
        fn never_panics(chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..9000), 0..5)) {
            let chunks: Vec<&[u8]> = chunks.iter().map(Vec::as_slice).collect();
            let total: usize = chunks.iter().map(|chunk| chunk.split(|byte| *byte == b'\n').count() - 1).sum();
            let lines = split(&chunks, &[]);
            prop_assert!(lines.iter().filter(|line| !line.continued).count() >= total);
        }
    }
}
