//! The last lines of a log, across its parts.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use super::line::Line;
use super::place::{MOST_PARTS, older, path_of};
use crate::base::fs::named;
use crate::model::ServiceId;

/// The most lines that are answered.
pub const MOST_LINES: usize = 100_000;

/// The most that is read of one part.
const MOST_BYTES: u64 = 16 << 20;

/// The last lines a service printed, the oldest first; none when it has no log.
///
/// It reads files and may block while a disk does not answer, so it belongs on a thread that can be given up.
///
/// # Errors
/// What the system says, with the path.
pub fn tail(folder: &Path, service: &ServiceId, lines: usize) -> io::Result<Vec<Line>> {
    last(&path_of(folder, service), lines, None)
}

/// The last lines, of the newest part up to `end` only.
pub(super) fn last(path: &Path, lines: usize, end: Option<u64>) -> io::Result<Vec<Line>> {
    let wanted = lines.min(MOST_LINES);
    let mut found: Vec<Line> = Vec::new();
    for number in 0..=MOST_PARTS {
        if found.len() >= wanted {
            break;
        }
        let part = if number == 0 { path.to_owned() } else { older(path, number) };
        let text = match end_of(&part, if number == 0 { end } else { None }) {
            Ok(text) => text,
            // While a log is set aside, there is none of this name for a moment.
            Err(error) if error.kind() == io::ErrorKind::NotFound && number == 0 => continue,
            Err(error) if error.kind() == io::ErrorKind::NotFound => break,
            Err(error) => return Err(named(&part, &error)),
        };
        let text = String::from_utf8_lossy(&text);
        let mut here: Vec<Line> = text.lines().rev().filter_map(Line::parse).take(wanted - found.len()).collect();
        here.reverse();
        here.append(&mut found);
        found = here;
    }
    Ok(found)
}

/// The end of a file, up to a place in it.
fn end_of(path: &Path, end: Option<u64>) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    let end = end.unwrap_or(size).min(size);
    let begin = end.saturating_sub(MOST_BYTES);
    file.seek(SeekFrom::Start(begin))?;
    let mut bytes = Vec::new();
    file.take(end - begin).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(number: usize) -> String {
        format!("2026-01-31T12:34:56.789Z out {number}\n")
    }

    #[test]
    fn lines_come_from_older_parts_too() {
        let folder = tempfile::tempdir().unwrap();
        let service = ServiceId::new("a/b").unwrap();
        assert!(tail(folder.path(), &service, 5).unwrap().is_empty());
        let path = path_of(folder.path(), &service);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(older(&path, 2), line(0) + &line(1)).unwrap();
        std::fs::write(older(&path, 1), line(2) + "damaged\n" + &line(3)).unwrap();
        std::fs::write(&path, line(4)).unwrap();
        let texts = |count| -> Vec<String> {
            tail(folder.path(), &service, count).unwrap().into_iter().map(|line| line.text).collect()
        };
        assert_eq!(texts(2), ["3", "4"]);
        assert_eq!(texts(4), ["1", "2", "3", "4"]);
        assert_eq!(texts(usize::MAX), ["0", "1", "2", "3", "4"]);
        assert!(texts(0).is_empty());
    }
}
