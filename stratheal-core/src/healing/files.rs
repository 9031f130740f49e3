//! One file for each incident, `incidents/000012.json`: what people and other programs read, also when nothing runs.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::base::fs::{named, read_text, replace_unsynced};
use crate::model::incident::Incident;

/// The most files that are kept; the oldest go first.
const MOST: usize = 1000;
/// The largest file that is read.
const MAX_FILE: u64 = 1024 * 1024;

fn folder(state: &Path) -> PathBuf {
    state.join("incidents")
}

fn path(state: &Path, number: u64) -> PathBuf {
    folder(state).join(format!("{number:06}.json"))
}

/// Writes the file of an incident. Not synced: the journal has what healing needs.
pub(super) fn keep(state: &Path, incident: &Incident) -> io::Result<()> {
    let folder = folder(state);
    let path = path(state, incident.number);
    let is_new = !path.exists();
    if is_new {
        fs::create_dir_all(&folder).map_err(|error| named(&folder, &error))?;
        for number in excess(&numbers(state)?) {
            fs::remove_file(self::path(state, number)).map_err(|error| named(&folder, &error))?;
        }
    }
    let text = serde_json::to_vec_pretty(incident).map_err(io::Error::other)?;
    replace_unsynced(&path, &text)
}

/// The numbers of files to delete before one more is written. Pure.
fn excess(numbers: &[u64]) -> Vec<u64> {
    numbers[..(numbers.len() + 1).saturating_sub(MOST)].to_vec()
}

/// The numbers of all incidents on record, the oldest first.
fn numbers(state: &Path) -> io::Result<Vec<u64>> {
    let folder = folder(state);
    let entries = match fs::read_dir(&folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(|error| named(&folder, &error))?,
    };
    let number = |entry: io::Result<fs::DirEntry>| {
        let name = entry.ok()?.file_name();
        name.to_str()?.strip_suffix(".json")?.parse().ok()
    };
    let mut numbers: Vec<u64> = entries.filter_map(number).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// The newest number on record, 0 when there is none.
pub(super) fn newest(state: &Path) -> io::Result<u64> {
    Ok(numbers(state)?.last().copied().unwrap_or(0))
}

/// An incident on record, or `None`.
///
/// # Errors
/// What the system says with the path in front, or `InvalidData` when the file is no incident.
pub fn read(state: &Path, number: u64) -> io::Result<Option<Incident>> {
    let path = path(state, number);
    match read_text(&path, MAX_FILE) {
        Ok(text) => serde_json::from_str(&text)
            .map(Some)
            .map_err(|error| named(&path, &io::Error::new(io::ErrorKind::InvalidData, error))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The newest incidents on record, newest first. Files that cannot be read are left out, and logged.
///
/// # Errors
/// When the folder cannot be read.
pub fn list(state: &Path, most: usize) -> io::Result<Vec<Incident>> {
    let numbers = numbers(state)?;
    let read = |number: u64| match read(state, number) {
        Ok(incident) => incident,
        Err(error) => {
            tracing::warn!(%error, "an incident cannot be read");
            None
        }
    };
    Ok(numbers.into_iter().rev().take(most).filter_map(read).collect())
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::model::{CheckId, Status};

    fn incident(number: u64) -> Incident {
        Incident::open(number, CheckId::new("web").unwrap(), Status::Critical, "refused", Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn files_are_kept_listed_and_bounded() {
        let state = tempfile::tempdir().unwrap();
        assert_eq!((newest(state.path()).unwrap(), list(state.path(), 5).unwrap()), (0, Vec::new()));
        for number in 1..=3 {
            keep(state.path(), &incident(number)).unwrap();
        }
        fs::write(state.path().join("incidents/000002.json"), "{").unwrap();
        fs::write(state.path().join("incidents/notes.txt"), "").unwrap();
        let listed: Vec<u64> = list(state.path(), 5).unwrap().iter().map(|incident| incident.number).collect();
        assert_eq!(listed, [3, 1]);
        assert_eq!(read(state.path(), 3).unwrap(), Some(incident(3)));
        assert_eq!(read(state.path(), 9).unwrap(), None);
        assert!(read(state.path(), 2).is_err());
        assert_eq!(newest(state.path()).unwrap(), 3);
    }

    #[test]
    fn the_oldest_go_when_there_are_too_many() {
        assert!(excess(&[1, 2, 3]).is_empty());
        let full: Vec<u64> = (1..=MOST as u64).collect();
        assert_eq!(excess(&full), [1]);
        assert_eq!(excess(&(1..=MOST as u64 + 5).collect::<Vec<_>>()).len(), 6);
    }
}
