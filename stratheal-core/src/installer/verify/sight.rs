//! Looking at everything in the folders of packages, and at files elsewhere.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, FileType};
use std::io;
use std::path::Path;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::Problem;
use super::expected::ExpectedFiles;
use super::stat::Stat;
use crate::base::fs::named;
use crate::installer::error::InstallError;

/// The most entries that are looked at.
const MOST_ENTRIES: usize = 2_000_000;

/// The most threads that look; more only wait for the file system.
const MOST_THREADS: usize = 4;

/// What is where a file should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seen {
    File(Stat),
    /// Something else; what it is.
    Other(&'static str),
    Missing,
    /// A folder on the way is a link to somewhere outside.
    LeadsOut,
    Unreadable(String),
}

/// Files that nobody expected, below one name in a folder of packages: how many, and the first of them.
pub(super) type Aliens = BTreeMap<String, (usize, String)>;

/// What was seen: of each expected file, in their order, and what nobody expected.
pub(super) struct Sight {
    pub(super) seen: Vec<Seen>,
    pub(super) aliens: Aliens,
}

/// Looks at all expected files, and for others in the folders of packages, which are relative to the root.
pub(super) fn look(
    root: &Path,
    packages: &[String],
    expected: &ExpectedFiles,
    stop: &AtomicBool,
) -> Result<Sight, InstallError> {
    let storage = |source| InstallError::storage("read the environment", source);
    let mut tops: Vec<(String, FileType)> = Vec::new();
    let mut sight = Found::default();
    for folder in packages {
        for entry in read(root, folder).map_err(storage)?.into_iter().flatten() {
            let entry = entry.map_err(|error| storage(named(&root.join(folder), &error)))?;
            let kind = entry.file_type().map_err(|error| storage(named(&entry.path(), &error)))?;
            if let Some(name) = entry.file_name().to_str() {
                let path = format!("{folder}/{name}");
                if kind.is_dir() && !expected.by_path.contains_key(path.as_str()) {
                    tops.push((path, kind));
                } else {
                    sight.entry(&entry, kind, &path, &path, expected);
                }
            }
        }
    }
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS);
    let (next, entries) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let all = Mutex::new(sight);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut own = Found::default();
                while let Some((top, _)) = tops.get(next.fetch_add(1, Ordering::Relaxed)) {
                    own.below(root, top, expected, &entries, stop);
                }
                all.lock().unwrap_or_else(PoisonError::into_inner).add(own);
            });
        }
    });
    if stop.load(Ordering::Relaxed) {
        return Err(InstallError::Stopped);
    }
    if entries.into_inner() > MOST_ENTRIES {
        let text = format!("{}: it has more than {MOST_ENTRIES} entries", root.display());
        return Err(storage(io::Error::other(text)));
    }
    let found = all.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(Sight { seen: complete(root, found.seen, expected), aliens: found.aliens })
}

/// A folder's entries; `None` when it is not there or cannot be listed: what is expected in it is looked at by its path, and says why.
fn read(root: &Path, folder: &str) -> io::Result<Option<fs::ReadDir>> {
    let path = root.join(folder);
    match fs::read_dir(&path) {
        Ok(entries) => Ok(Some(entries)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied) => {
            tracing::debug!(path = %path.display(), %error, "cannot be listed");
            Ok(None)
        }
        Err(error) => Err(named(&path, &error)),
    }
}

#[derive(Default)]
struct Found {
    seen: Vec<(u32, Seen)>,
    aliens: Aliens,
}

impl Found {
    /// Everything below a folder, without following links.
    fn below(&mut self, root: &Path, top: &str, expected: &ExpectedFiles, entries: &AtomicUsize, stop: &AtomicBool) {
        let mut waiting = vec![top.to_owned()];
        let mut path = String::new();
        while let Some(folder) = waiting.pop() {
            let listed = read(root, &folder).unwrap_or_else(|error| {
                tracing::debug!(%error, "cannot be listed");
                None
            });
            let mut count = 0;
            for entry in listed.into_iter().flatten().flatten() {
                count += 1;
                let (Ok(kind), name) = (entry.file_type(), entry.file_name()) else { continue };
                path.clear();
                path.push_str(&folder);
                path.push('/');
                path.push_str(&name.to_string_lossy());
                if kind.is_dir() && !expected.by_path.contains_key(path.as_str()) {
                    // What Python keeps there is nobody's.
                    if name != "__pycache__" {
                        waiting.push(path.clone());
                    }
                } else {
                    self.entry(&entry, kind, &path, top, expected);
                }
            }
            let before = entries.fetch_add(count, Ordering::Relaxed);
            if before > MOST_ENTRIES || stop.load(Ordering::Relaxed) {
                return;
            }
        }
    }

    fn entry(&mut self, entry: &fs::DirEntry, kind: FileType, path: &str, top: &str, expected: &ExpectedFiles) {
        let Some(index) = expected.by_path.get(path) else {
            if !is_compiled(path) {
                let (count, _) = self.aliens.entry(top.to_owned()).or_insert_with(|| (0, path.to_owned()));
                *count += 1;
            }
            return;
        };
        let seen = if kind.is_file() {
            match entry.metadata() {
                Ok(found) => Seen::File(Stat::of(&found)),
                // It went between two looks.
                Err(error) if error.kind() == io::ErrorKind::NotFound => return,
                Err(error) => Seen::Unreadable(error.to_string()),
            }
        } else {
            Seen::Other(word(kind))
        };
        self.seen.push((*index, seen));
    }

    fn add(&mut self, other: Self) {
        self.seen.extend(other.seen);
        for (top, (count, example)) in other.aliens {
            self.aliens.entry(top).or_insert((0, example)).0 += count;
        }
    }
}

fn is_compiled(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|extension| extension == "pyc")
}

fn word(kind: FileType) -> &'static str {
    if kind.is_symlink() {
        "a link"
    } else if kind.is_dir() {
        Problem::FOLDER
    } else {
        "something else"
    }
}

/// Puts what was seen in the order of what is expected, and looks at the rest: files outside the folders of packages, and those that
/// are reached through a link.
fn complete(root: &Path, found: Vec<(u32, Seen)>, expected: &ExpectedFiles) -> Vec<Seen> {
    let mut seen: Vec<Option<Seen>> = vec![None; expected.files.len()];
    for (index, one) in found {
        seen[index as usize] = Some(one);
    }
    let mut inside: HashMap<&str, bool> = HashMap::new();
    let each = seen.into_iter().zip(&expected.files);
    each.map(|(seen, file)| seen.unwrap_or_else(|| look_at(root, &file.path, &mut inside))).collect()
}

fn look_at<'a>(root: &Path, path: &'a str, inside: &mut HashMap<&'a str, bool>) -> Seen {
    let found = match fs::symlink_metadata(root.join(path)) {
        Ok(found) => found,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Seen::Missing;
        }
        Err(error) => return Seen::Unreadable(error.to_string()),
    };
    if !found.is_file() {
        return Seen::Other(word(found.file_type()));
    }
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let is_inside = inside
        .entry(folder)
        .or_insert_with(|| root.join(folder).canonicalize().is_ok_and(|folder| folder.starts_with(root)));
    if *is_inside { Seen::File(Stat::of(&found)) } else { Seen::LeadsOut }
}
