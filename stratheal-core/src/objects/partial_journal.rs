//! What is known about a part file, in a file beside it that is only ever appended to.
//!
//! One line is one note: eight hexadecimal digits of the SHA-256 of the text that follows, a space, and the note as JSON. A
//! line that is torn or damaged, which is how a killed process leaves it, ends what is believed.

use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The longest journal that is read, in bytes. Beyond that the file is had again: a note takes about a hundred bytes and stands
/// for an eighth of a mebibyte, so this one would be of some 20 GB.
pub(super) const LONGEST: u64 = 16 << 20;

/// What a server said about the file, so that the rest can be asked for only if it still is the same one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Validators {
    /// Its size in bytes.
    pub total: Option<u64>,
    /// The strong entity tag, as it was sent.
    pub etag: Option<String>,
    /// `Last-Modified`, as it was sent.
    pub last_modified: Option<String>,
    /// Who said so. A validator means nothing to another server.
    pub from: Option<Arc<str>>,
}

/// A range of bytes, and who sent it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// Which bytes.
    pub range: Range<u64>,
    /// Who sent them: a name that tells members apart and may be shown.
    pub from: Arc<str>,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Note {
    /// These bytes are in the part file.
    Sent(Sent),
    /// This is known about the file; the last one counts.
    Validators(Validators),
}

/// Adds the line of a note.
pub(super) fn write(note: &Note, lines: &mut String) {
    // Strings, numbers and lists of them can always be written as JSON.
    if let Ok(text) = serde_json::to_string(note) {
        lines.push_str(&checksum(&text));
        lines.push(' ');
        lines.push_str(&text);
        lines.push('\n');
    }
}

/// The notes up to the first line that is not whole, and how many bytes they take.
pub(super) fn parse(bytes: &[u8]) -> (Vec<Note>, usize) {
    let mut notes = Vec::new();
    let mut taken = 0;
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        let Some(note) = parse_line(line) else { break };
        notes.push(note);
        taken += line.len();
    }
    (notes, taken)
}

fn parse_line(line: &[u8]) -> Option<Note> {
    let line = std::str::from_utf8(line.strip_suffix(b"\n")?).ok()?;
    let (sum, text) = line.split_once(' ')?;
    let note = (sum == checksum(text)).then(|| serde_json::from_str(text).ok())??;
    match &note {
        Note::Sent(sent) if sent.range.start >= sent.range.end => None,
        _ => Some(note),
    }
}

fn checksum(text: &str) -> String {
    let digest = Sha256::digest(text);
    format!("{:02x}{:02x}{:02x}{:02x}", digest[0], digest[1], digest[2], digest[3])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sent(start: u64, end: u64) -> Note {
        Note::Sent(Sent { range: start..end, from: "a mirror \"\n".into() })
    }

    fn lines(notes: &[Note]) -> String {
        let mut text = String::new();
        for note in notes {
            write(note, &mut text);
        }
        text
    }

    proptest! {
        #[test]
        fn never_panics(bytes: Vec<u8>, near in "[0-9a-f]{8} \\{\"sent\":\\{\"range\":\\PC{0,20}\n") {
            let _ = (parse(&bytes), parse(near.as_bytes()));
        }

        /// Wherever a process is killed while it appends, what was appended before is found and nothing else.
        #[test]
        fn a_torn_line_is_no_line(ends in prop::collection::vec(1u64..99, 1..6), cut: prop::sample::Index) {
            let notes: Vec<_> = ends.iter().map(|&end| sent(0, end)).collect();
            let text = lines(&notes);
            let cut = cut.index(text.len() + 1);
            let (found, taken) = parse(&text.as_bytes()[..cut]);
            prop_assert_eq!(&found[..], &notes[..found.len()]);
            prop_assert_eq!(taken, lines(&found).len());
            prop_assert!(cut - taken < 120, "only the last line may be lost");
        }

        #[test]
        fn a_damaged_line_ends_it(place: prop::sample::Index) {
            let notes = [sent(0, 7), sent(7, 9)];
            let mut bytes = lines(&notes).into_bytes();
            let place = place.index(bytes.len());
            bytes[place] ^= 1;
            let (found, _) = parse(&bytes);
            prop_assert!(found.len() < 2);
            prop_assert_eq!(&found[..], &notes[..found.len()]);
        }
    }

    #[test]
    fn an_empty_range_is_no_note() {
        for (start, end) in [(3, 3), (4, 3)] {
            assert_eq!(parse(lines(&[sent(start, end)]).as_bytes()), (Vec::new(), 0));
        }
    }
}
