//! What a folder holds: every entry, without following links.

use std::collections::HashMap;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::base::fs::named;
use crate::base::times::modified_ns;

/// The most entries of an environment.
const MOST_ENTRIES: usize = 2_000_000;

/// An entry of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Relative to the root.
    pub(crate) path: PathBuf,
    pub(crate) kind: Kind,
}

/// What an entry is, with what tells whether it was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A folder.
    Folder(Attributes),
    /// A link, with its target.
    Link { target: PathBuf },
    /// Anything that can have a second name: a file, a socket, a pipe.
    File { stamp: FileStamp },
}

/// Whose a folder is, and who may do what with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Attributes {
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl Attributes {
    #[cfg(unix)]
    pub(crate) fn of(found: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        Self { mode: found.mode() & 0o7777, uid: found.uid(), gid: found.gid() }
    }

    #[cfg(not(unix))]
    pub(crate) fn of(_found: &Metadata) -> Self {
        Self { mode: 0, uid: 0, gid: 0 }
    }

    /// Gives them to a folder.
    #[cfg(unix)]
    pub(crate) fn apply(self, folder: &Path) -> io::Result<()> {
        let made = Self::of(&fs::symlink_metadata(folder)?);
        if (made.uid, made.gid) != (self.uid, self.gid) {
            // Only root may give something away; anybody else goes on as the owner.
            if let Err(error) = std::os::unix::fs::lchown(folder, Some(self.uid), Some(self.gid)) {
                tracing::debug!(folder = %folder.display(), %error, "the owner of a folder cannot be kept");
            }
        }
        if made.mode != self.mode {
            fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(self.mode))?;
        }
        Ok(())
    }

    #[cfg(not(unix))]
    pub(crate) fn apply(self, _folder: &Path) -> io::Result<()> {
        Ok(())
    }
}

/// What tells a file from an edited or another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileStamp {
    pub(crate) device: u64,
    pub(crate) inode: u64,
    pub(crate) size: u64,
    pub(crate) mtime_ns: i64,
}

impl FileStamp {
    #[cfg(unix)]
    pub(crate) fn of(found: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        Self { device: found.dev(), inode: found.ino(), size: found.len(), mtime_ns: modified_ns(found) }
    }

    #[cfg(not(unix))]
    pub(crate) fn of(found: &Metadata) -> Self {
        Self { device: 0, inode: 0, size: found.len(), mtime_ns: modified_ns(found) }
    }
}

/// All entries below a folder, parents before their children, names in order.
pub(crate) fn walk(root: &Path) -> io::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    let mut waiting = vec![PathBuf::new()];
    while let Some(folder) = waiting.pop() {
        let path = root.join(&folder);
        let mut children = Vec::new();
        for child in fs::read_dir(&path).map_err(|error| named(&path, &error))? {
            let child = child.map_err(|error| named(&path, &error))?;
            let relative = folder.join(child.file_name());
            let kind = match kind_of(&child) {
                // It went between two looks.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                kind => kind.map_err(|error| named(&child.path(), &error))?,
            };
            children.push(Entry { path: relative, kind });
        }
        children.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        let folders = children.iter().rev().filter(|child| matches!(child.kind, Kind::Folder(_)));
        waiting.extend(folders.map(|child| child.path.clone()));
        entries.append(&mut children);
        if entries.len() > MOST_ENTRIES {
            return Err(io::Error::other(format!("{}: it has more than {MOST_ENTRIES} entries", root.display())));
        }
    }
    Ok(entries)
}

fn kind_of(child: &fs::DirEntry) -> io::Result<Kind> {
    kind(&child.metadata()?, || child.path())
}

fn kind(found: &Metadata, path: impl FnOnce() -> PathBuf) -> io::Result<Kind> {
    if found.is_dir() {
        return Ok(Kind::Folder(Attributes::of(found)));
    }
    if found.file_type().is_symlink() {
        return Ok(Kind::Link { target: fs::read_link(path())? });
    }
    Ok(Kind::File { stamp: FileStamp::of(found) })
}

/// Only one path below a folder, if it is there, and the folders on the way.
pub(crate) fn walk_to(root: &Path, path: &Path) -> io::Result<Vec<Entry>> {
    let mut way: Vec<&Path> = path.ancestors().filter(|above| !above.as_os_str().is_empty()).collect();
    way.reverse();
    let mut entries = Vec::with_capacity(way.len());
    for inside in way {
        let path = root.join(inside);
        match fs::symlink_metadata(&path) {
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {}
            found => {
                let kind =
                    found.and_then(|found| kind(&found, || path.clone())).map_err(|error| named(&path, &error))?;
                entries.push(Entry { path: inside.to_owned(), kind });
            }
        }
    }
    Ok(entries)
}

/// What differs between two looks at a tree, by path. Bytecode comes and goes while modules are imported, and does not count; neither
/// does a file that is still the same one but was written to: both trees have it.
pub(crate) fn changed_between(before: &[Entry], after: &[Entry]) -> Vec<PathBuf> {
    let is_bytecode = |path: &Path| path.iter().any(|part| part == "__pycache__");
    let mut known: HashMap<&Path, &Kind> = before.iter().map(|entry| (entry.path.as_path(), &entry.kind)).collect();
    let mut changed = Vec::new();
    for entry in after {
        let was = known.remove(entry.path.as_path());
        let is_same = match (was, &entry.kind) {
            (Some(Kind::File { stamp: was }), Kind::File { stamp }) => {
                (was.device, was.inode) == (stamp.device, stamp.inode)
            }
            (was, kind) => was == Some(kind),
        };
        if !is_same && !is_bytecode(&entry.path) {
            changed.push(entry.path.clone());
        }
    }
    changed.extend(known.into_keys().filter(|path| !is_bytecode(path)).map(Path::to_owned));
    changed.sort_unstable();
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn everything_is_seen_and_changes_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir_all(root.join("b/__pycache__")).unwrap();
        fs::write(root.join("b/x.py"), "1").unwrap();
        fs::write(root.join("a"), "1").unwrap();
        std::os::unix::fs::symlink("b", root.join("link")).unwrap();
        let before = walk(root).unwrap();
        let paths: Vec<_> = before.iter().map(|entry| entry.path.to_str().unwrap()).collect();
        assert_eq!(paths, ["a", "b", "link", "b/__pycache__", "b/x.py"]);
        assert!(changed_between(&before, &walk(root).unwrap()).is_empty());
        fs::write(root.join("b/__pycache__/x.pyc"), "1").unwrap();
        fs::write(root.join("a"), "written in place").unwrap();
        assert!(changed_between(&before, &walk(root).unwrap()).is_empty());
        // Another file under the same name, as editors write them.
        fs::write(root.join("new"), "2").unwrap();
        fs::rename(root.join("new"), root.join("b/x.py")).unwrap();
        fs::remove_file(root.join("link")).unwrap();
        fs::write(root.join("c"), "3").unwrap();
        let changed = changed_between(&before, &walk(root).unwrap());
        assert_eq!(changed, [Path::new("b/x.py"), Path::new("c"), Path::new("link")]);
    }
}
