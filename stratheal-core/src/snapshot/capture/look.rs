//! Looking at everything in a tree, without following links.

use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

use crate::base::fs::named;
use crate::base::times::modified_ns;
use crate::installer::OWN;
use crate::installer::verify::{Stat, open_file};
use crate::snapshot::Extended;
use crate::snapshot::tree::{Attributes, MOST_ENTRIES};

/// The most threads that look; more only wait for the file system.
const MOST_THREADS: usize = 4;

/// What was seen at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::snapshot) struct Looked {
    /// Relative to the root; empty for the root itself.
    pub(in crate::snapshot) path: PathBuf,
    pub(in crate::snapshot) attributes: Attributes,
    pub(in crate::snapshot) extended: Extended,
    /// Whether it is a file with holes.
    pub(in crate::snapshot) sparse: bool,
    pub(in crate::snapshot) stat: Stat,
    pub(in crate::snapshot) sight: Sight,
}

/// What it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::snapshot) enum Sight {
    Folder,
    File,
    Link(PathBuf),
    Other,
}

/// Whether it is known of a file that it has no extended attributes.
pub(in crate::snapshot) type IsBare<'a> = dyn Fn(&Stat) -> bool + Sync + 'a;

impl Looked {
    fn at(path: PathBuf, absolute: &Path, found: &Metadata, is_bare: &IsBare<'_>) -> io::Result<Self> {
        let kind = found.file_type();
        let sight = if kind.is_dir() {
            Sight::Folder
        } else if kind.is_file() {
            Sight::File
        } else if kind.is_symlink() {
            Sight::Link(fs::read_link(absolute).map_err(|error| named(absolute, &error))?)
        } else {
            Sight::Other
        };
        let stat = Stat::of(found);
        let extended = match sight {
            Sight::File if is_bare(&stat) => Extended::default(),
            Sight::Folder | Sight::File => Extended::read(absolute).map_err(|error| named(absolute, &error))?,
            Sight::Link(_) | Sight::Other => Extended::default(),
        };
        let sparse = sight == Sight::File && is_sparse(absolute, found).map_err(|error| named(absolute, &error))?;
        Ok(Self { path, attributes: attributes(found), extended, sparse, stat, sight })
    }
}

/// Below this holes are not worth looking for, in bytes.
const LEAST_SPARSE: u64 = 64 << 10;

/// Whether a file has holes. Where the file system packs files, they take less room than they are long as well: only the holes tell.
#[cfg(target_os = "linux")]
fn is_sparse(path: &Path, found: &Metadata) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    if found.len() < LEAST_SPARSE || found.blocks().saturating_mul(512) >= found.len() {
        return Ok(false);
    }
    let file = open_file(path)?;
    match rustix::fs::seek(&file, rustix::fs::SeekFrom::Hole(0)) {
        Ok(hole) => Ok(hole < found.len()),
        // A file system that knows of no holes.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NXIO | rustix::io::Errno::NOTSUP) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(not(target_os = "linux"))]
fn is_sparse(_path: &Path, _found: &Metadata) -> io::Result<bool> {
    Ok(false)
}

#[cfg(unix)]
pub(in crate::snapshot) fn attributes(found: &Metadata) -> Attributes {
    use std::os::unix::fs::MetadataExt;
    Attributes { mode: found.mode() & 0o7777, uid: found.uid(), gid: found.gid(), mtime_ns: modified_ns(found) }
}

#[cfg(not(unix))]
pub(in crate::snapshot) fn attributes(found: &Metadata) -> Attributes {
    Attributes { mode: 0, uid: 0, gid: 0, mtime_ns: modified_ns(found) }
}

/// One path in a folder, if anything is there, and the folders on the way there. `None` where one of those is no folder.
pub(in crate::snapshot) fn look_at(root: &Path, path: &Path) -> io::Result<Option<Vec<Looked>>> {
    let mut way: Vec<&Path> = path.ancestors().collect();
    way.reverse();
    let mut all = Vec::with_capacity(way.len());
    for inside in way {
        let absolute = if inside.as_os_str().is_empty() { root.to_owned() } else { root.join(inside) };
        match fs::symlink_metadata(&absolute) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && inside == path => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            found => {
                let found = found.map_err(|error| named(&absolute, &error))?;
                if inside != path && !found.is_dir() {
                    return Ok(None);
                }
                all.push(Looked::at(inside.to_owned(), &absolute, &found, &|_| false)?);
            }
        }
    }
    Ok(Some(all))
}

/// Folders that wait to be listed, and how many are being listed.
#[derive(Default)]
struct Queue {
    folders: Vec<PathBuf>,
    busy: usize,
    failed: Option<io::Error>,
}

/// Everything in and below a folder, in the order of the bytes of the paths. What this program stages inside is none of it.
///
/// `is_bare` says of which files it is known that they have no extended attributes.
pub(in crate::snapshot) fn look(root: &Path, is_bare: &IsBare<'_>, stop: &AtomicBool) -> io::Result<Vec<Looked>> {
    let found = fs::symlink_metadata(root).map_err(|error| named(root, &error))?;
    let first = Looked::at(PathBuf::new(), root, &found, is_bare)?;
    if first.sight != Sight::Folder {
        return Err(named(root, &io::Error::from(io::ErrorKind::NotADirectory)));
    }
    let queue = Mutex::new(Queue { folders: vec![PathBuf::new()], ..Queue::default() });
    let (more, all) = (Condvar::new(), Mutex::new(vec![first]));
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut own = Vec::new();
                while let Some(folder) = take(&queue, &more, stop) {
                    let before = own.len();
                    let listed = list(root, &folder, is_bare, &mut own);
                    let mut waiting = queue.lock().unwrap_or_else(PoisonError::into_inner);
                    waiting.busy -= 1;
                    let folders = own[before..].iter().filter(|one| one.sight == Sight::Folder);
                    waiting.folders.extend(folders.map(|one| one.path.clone()));
                    if let Err(error) = listed {
                        waiting.failed.get_or_insert(error);
                    }
                    if own.len() > MOST_ENTRIES {
                        let text = format!("{}: it has more than {MOST_ENTRIES} entries", root.display());
                        waiting.failed.get_or_insert(io::Error::other(text));
                    }
                    drop(waiting);
                    more.notify_all();
                }
                all.lock().unwrap_or_else(PoisonError::into_inner).append(&mut own);
            });
        }
    });
    if let Some(error) = queue.into_inner().unwrap_or_else(PoisonError::into_inner).failed {
        return Err(error);
    }
    let mut all = all.into_inner().unwrap_or_else(PoisonError::into_inner);
    all.sort_unstable_by(|a, b| a.path.as_os_str().as_encoded_bytes().cmp(b.path.as_os_str().as_encoded_bytes()));
    Ok(all)
}

/// The next folder; `None` when there will be none any more.
fn take(queue: &Mutex<Queue>, more: &Condvar, stop: &AtomicBool) -> Option<PathBuf> {
    let mut waiting = queue.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        if waiting.failed.is_some() || stop.load(Ordering::Relaxed) {
            return None;
        }
        if let Some(folder) = waiting.folders.pop() {
            waiting.busy += 1;
            return Some(folder);
        }
        if waiting.busy == 0 {
            return None;
        }
        waiting = more.wait(waiting).unwrap_or_else(PoisonError::into_inner);
    }
}

fn list(root: &Path, folder: &Path, is_bare: &IsBare<'_>, own: &mut Vec<Looked>) -> io::Result<()> {
    let path = root.join(folder);
    for child in fs::read_dir(&path).map_err(|error| named(&path, &error))? {
        let child = child.map_err(|error| named(&path, &error))?;
        let name = child.file_name();
        if folder.as_os_str().is_empty() && name == OWN {
            continue;
        }
        let found = child.metadata().map_err(|error| named(&child.path(), &error));
        let looked = found.and_then(|found| Looked::at(folder.join(&name), &child.path(), &found, is_bare));
        match looked {
            // It went between two looks.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            looked => own.push(looked?),
        }
    }
    Ok(())
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_seen_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir_all(root.join("a/b")).unwrap();
        fs::create_dir_all(root.join(OWN)).unwrap();
        fs::write(root.join("a-b"), "1").unwrap();
        fs::write(root.join("a/b/c"), "22").unwrap();
        std::os::unix::fs::symlink("nowhere", root.join("link")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap();
        let stop = AtomicBool::new(false);
        let seen = look(root, &|_| false, &stop).unwrap();
        let told: Vec<_> = seen.iter().map(|one| one.path.to_str().unwrap()).collect();
        assert_eq!(told, ["", "a", "a-b", "a/b", "a/b/c", "link", "socket"]);
        assert_eq!(seen[5].sight, Sight::Link("nowhere".into()));
        assert_eq!((&seen[6].sight, seen[4].stat.size), (&Sight::Other, 2));
        assert!(["a-b", "none"].iter().all(|name| look(&root.join(name), &|_| false, &stop).is_err()));
    }
}
