//! What takes the space of a file system: its largest folders and files, and what was deleted while a process has it open.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use tokio::time::Instant;

use super::{SysError, SysRoot, descriptors, process};

/// The most files and folders that are looked at.
const MOST_SEEN: u64 = 2_000_000;
/// The most files with several names that are told apart.
const MOST_LINKED: usize = 1 << 18;

/// Something that takes space.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Consumer {
    /// How much it takes, in bytes.
    pub bytes: u64,
    /// Where it is.
    pub path: PathBuf,
    /// How many files it is: 1 for a file; for a folder those directly in it.
    pub files: u64,
}

/// The largest ones of a file system.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Consumers {
    /// Folders by what lies directly in them, the largest first.
    pub folders: Vec<Consumer>,
    /// Files, the largest first.
    pub files: Vec<Consumer>,
    /// Folders that may not be read.
    pub unreadable: u64,
    /// Whether time and bounds sufficed for all of it.
    pub is_whole: bool,
}

/// A deleted file whose space is not free because a process has it open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeletedFile {
    /// How much it takes, in bytes.
    pub bytes: u64,
    /// Where it was.
    pub path: PathBuf,
    /// Who has it open.
    pub pid: u32,
    /// The name of that process; empty when it has ended meanwhile.
    pub process: String,
}

/// The largest of what was seen so far.
#[derive(Debug)]
struct Largest {
    most: usize,
    heap: BinaryHeap<Reverse<Consumer>>,
}

impl Largest {
    const fn of(most: usize) -> Self {
        Self { most, heap: BinaryHeap::new() }
    }

    fn add(&mut self, consumer: Consumer) {
        if consumer.bytes == 0 {
            return;
        }
        self.heap.push(Reverse(consumer));
        if self.heap.len() > self.most {
            self.heap.pop();
        }
    }

    fn into_sorted(self) -> Vec<Consumer> {
        let mut all: Vec<Consumer> = self.heap.into_iter().map(|Reverse(consumer)| consumer).collect();
        all.sort_by(|one, other| other.cmp(one));
        all
    }
}

/// Looks for what takes the most space below a folder, on the same file system, until `until` at most. No link is followed. It blocks for as
/// long as a disk takes.
///
/// # Errors
/// When the folder itself cannot be read. What cannot be read below it is counted.
pub fn largest(folder: &Path, most: usize, until: Instant) -> io::Result<Consumers> {
    let device = fs::symlink_metadata(folder)?.dev();
    let (mut folders, mut files) = (Largest::of(most), Largest::of(most));
    let mut found = Consumers { is_whole: true, ..Consumers::default() };
    let mut linked = HashSet::new();
    let mut seen = 0_u64;
    let mut waiting = vec![folder.to_owned()];
    fs::read_dir(folder)?;
    while let Some(folder) = waiting.pop() {
        let Ok(entries) = fs::read_dir(&folder) else {
            found.unreadable += 1;
            continue;
        };
        let mut direct = Consumer { bytes: 0, path: folder, files: 0 };
        for entry in entries.map_while(Result::ok) {
            seen += 1;
            if seen > MOST_SEEN || Instant::now() >= until {
                found.is_whole = false;
                waiting.clear();
                break;
            }
            // What is gone by now takes no space.
            let Ok(metadata) = entry.metadata() else { continue };
            if metadata.dev() != device {
                continue;
            }
            if metadata.is_dir() {
                waiting.push(entry.path());
            } else if metadata.nlink() < 2 || (linked.len() < MOST_LINKED && linked.insert(metadata.ino())) {
                let bytes = metadata.blocks().saturating_mul(512);
                direct.bytes += bytes;
                direct.files += 1;
                files.add(Consumer { bytes, path: entry.path(), files: 1 });
            }
        }
        folders.add(direct);
    }
    (found.folders, found.files) = (folders.into_sorted(), files.into_sorted());
    Ok(found)
}

/// Looks for the largest deleted files of a device that a process has open, until `until` at most. Processes of other users are seen by
/// root alone.
///
/// # Errors
/// As [`descriptors::each`].
pub fn deleted(device: u64, most: usize, until: Instant) -> Result<Vec<DeletedFile>, SysError> {
    let root = SysRoot::default();
    let mut known = HashSet::new();
    let mut found = Vec::new();
    descriptors::each(&root, until, |descriptor| {
        let Some(file) = descriptor.file.filter(|file| file.is_plain && file.links == 0 && file.device == device)
        else {
            return;
        };
        if known.len() < MOST_LINKED && known.insert(file.inode) {
            let text = descriptor.target.to_string_lossy();
            let path = PathBuf::from(text.strip_suffix(" (deleted)").unwrap_or(&text));
            found.push(DeletedFile { bytes: file.bytes, path, pid: descriptor.pid, process: String::new() });
        }
    })?;
    found.sort_by_key(|file| Reverse(file.bytes));
    found.truncate(most);
    for file in &mut found {
        file.process = process::read(&root, file.pid)?.map(|process| process.name).unwrap_or_default();
    }
    Ok(found)
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::os::unix::fs::symlink;
    use std::time::Duration;

    use super::*;

    const MIB: usize = 1 << 20;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(30)
    }

    #[test]
    fn the_largest_come_first_and_nothing_is_counted_twice() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir_all(path("logs/old")).unwrap();
        fs::write(path("logs/a"), vec![1; 3 * MIB]).unwrap();
        fs::write(path("logs/b"), vec![1; MIB]).unwrap();
        fs::write(path("logs/old/c"), vec![1; 2 * MIB]).unwrap();
        fs::hard_link(path("logs/a"), path("logs/old/again")).unwrap();
        symlink("/", path("everything")).unwrap();
        let found = largest(folder.path(), 2, soon()).unwrap();
        assert!(found.is_whole && found.unreadable == 0);
        let sizes: Vec<u64> = found.files.iter().map(|file| file.bytes / MIB as u64).collect();
        assert_eq!(sizes, [3, 2]);
        let all: u64 = found.folders.iter().map(|folder| folder.bytes / MIB as u64).sum();
        assert_eq!((all, found.folders.len()), (6, 2));
        assert!(!largest(folder.path(), 2, Instant::now()).unwrap().is_whole);
        assert!(largest(&path("none"), 2, soon()).is_err());
    }

    #[test]
    fn what_was_deleted_and_is_open_is_found_with_its_holder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.log");
        fs::write(&path, vec![1; MIB]).unwrap();
        let open = fs::File::open(&path).unwrap();
        let device = open.metadata().unwrap().dev();
        let ours = |found: Vec<DeletedFile>| found.into_iter().find(|file| file.path == path);
        assert_eq!(ours(deleted(device, 1000, soon()).unwrap()), None);
        fs::remove_file(&path).unwrap();
        let found = ours(deleted(device, 1000, soon()).unwrap()).unwrap();
        assert_eq!((found.bytes, found.pid), (MIB as u64, std::process::id()));
        assert!(!found.process.is_empty());
    }
}
