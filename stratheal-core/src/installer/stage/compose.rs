//! What the next environment consists of. Pure.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::{Attributes, Entry, Kind};
use crate::installer::installed::bytecode_of;
use crate::objects::ContentId;

/// The most overlaps that are told.
const MOST_OVERLAPS: usize = 1_000;

/// A file that is to be in the next environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::installer) struct Placed {
    /// Relative to the root.
    pub(in crate::installer) path: PathBuf,
    pub(in crate::installer) content: Content,
    pub(in crate::installer) id: ContentId,
}

/// Where the content of a file comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::installer) enum Content {
    /// A file of the wheel's tree, by its number there.
    Tree(usize),
    /// These bytes, with these permission bits.
    Bytes(Vec<u8>, u32),
}

/// Everything that the next environment consists of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Composition {
    /// Folders, parents first, with the attributes of those that are there now.
    pub(in crate::installer) folders: Vec<(PathBuf, Option<Attributes>)>,
    /// Files that get a second name.
    pub(in crate::installer) kept: Vec<PathBuf>,
    /// Links that are made again.
    pub(in crate::installer) links: Vec<(PathBuf, PathBuf)>,
    /// New files: the addition, and the file.
    pub(in crate::installer) new: Vec<(usize, Placed)>,
    /// Files that more than one project brings.
    pub(in crate::installer) overlaps: Vec<Overlap>,
}

impl Composition {
    /// What a switch needs to know of a stage that somebody else has built.
    #[cfg(feature = "snapshot")]
    pub(crate) fn of(
        folders: Vec<(PathBuf, Option<Attributes>)>,
        kept: Vec<PathBuf>,
        links: Vec<(PathBuf, PathBuf)>,
    ) -> Self {
        Self { folders, kept, links, ..Self::default() }
    }

    /// Only what is new, with the folders that it lies in.
    pub(in crate::installer) fn only_new(&self) -> Self {
        let mut needed: HashSet<&OsStr> = HashSet::new();
        for (_, placed) in &self.new {
            for above in placed.path.ancestors().skip(1).map(Path::as_os_str) {
                if !needed.insert(above) {
                    break;
                }
            }
        }
        let folders = self.folders.iter().filter(|(folder, _)| needed.contains(folder.as_os_str()));
        Self { folders: folders.cloned().collect(), new: self.new.clone(), ..Self::default() }
    }
}

/// A file that two projects bring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::installer) struct Overlap {
    pub(in crate::installer) path: PathBuf,
    /// The additions that bring it; the last one's content is there.
    pub(in crate::installer) by: (usize, usize),
    /// Whether it is the same file.
    pub(in crate::installer) is_same: bool,
}

/// Why the next environment cannot be composed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in crate::installer) enum Conflict {
    /// A file would have to be a folder, or the other way round.
    #[error("{} would have to be a file and a folder", path.display())]
    FileAndFolder { path: PathBuf },
    /// A file would be written through a link.
    #[error("{} is a link, and a file would be written through it to another place", path.display())]
    ThroughLink { path: PathBuf },
}

/// Composes the next environment from the entries of the current one, without `dropped`, and with the files of the additions, which
/// replace what is there under the same path.
///
/// Paths are plain components, so that they are compared as bytes: there are tens of thousands of them.
pub(in crate::installer) fn compose(
    current: &[Entry],
    dropped: &HashSet<PathBuf>,
    additions: &[Vec<Placed>],
) -> Result<Composition, Conflict> {
    let mut composition = Composition::default();
    let new = merge(additions, &mut composition.overlaps);
    let stale = stale_bytecode(current, dropped, &new);
    let is_stale = |path: &Path| {
        let (Some(folder), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
            return false;
        };
        stale.get(folder.as_os_str()).is_some_and(|stems| stems.iter().any(|stem| name.starts_with(stem.as_str())))
    };
    let mut folders: BTreeMap<&OsStr, Option<Attributes>> = BTreeMap::new();
    let mut links: HashSet<&OsStr> = HashSet::new();
    let mut files: HashSet<&OsStr> = HashSet::new();
    let mut emptied: HashSet<&OsStr> = HashSet::new();
    for entry in current {
        let path = entry.path.as_os_str();
        let goes = dropped.contains(&entry.path) || (!stale.is_empty() && is_stale(&entry.path));
        match &entry.kind {
            Kind::Folder(attributes) => drop(folders.insert(path, Some(*attributes))),
            _ if goes => emptied.extend(entry.path.parent().map(Path::as_os_str)),
            _ if new.contains_key(path) => {}
            Kind::Link { target } => {
                links.insert(path);
                composition.links.push((entry.path.clone(), target.clone()));
            }
            Kind::File { .. } => {
                files.insert(path);
                composition.kept.push(entry.path.clone());
            }
        }
    }
    let mut made: HashSet<&OsStr> = HashSet::new();
    for path in new.keys() {
        if folders.contains_key(path) {
            return Err(Conflict::FileAndFolder { path: path.into() });
        }
        for above in Path::new(path).ancestors().skip(1).map(Path::as_os_str).take_while(|above| !above.is_empty()) {
            // Those above it were looked at together with it.
            if !made.insert(above) {
                break;
            }
            if links.contains(above) {
                return Err(Conflict::ThroughLink { path: above.into() });
            }
            if files.contains(above) || new.contains_key(above) {
                return Err(Conflict::FileAndFolder { path: above.into() });
            }
            folders.entry(above).or_insert(None);
        }
    }
    prune(&mut folders, emptied, &composition, &new);
    composition.folders = folders.into_iter().map(|(path, attributes)| (path.into(), attributes)).collect();
    let mut placed: Vec<_> = new.into_values().collect();
    // Files of a wheel side by side, so that whoever links them stays with one for long.
    placed.sort_unstable_by(|(a, one), (b, other)| (a, one.path.as_os_str()).cmp(&(b, other.path.as_os_str())));
    composition.new = placed.into_iter().map(|(index, placed)| (index, placed.clone())).collect();
    Ok(composition)
}

type New<'a> = HashMap<&'a OsStr, (usize, &'a Placed)>;

/// All files of all additions. Of those that overlap the last one counts.
fn merge<'a>(additions: &'a [Vec<Placed>], overlaps: &mut Vec<Overlap>) -> New<'a> {
    let mut new: New<'a> = HashMap::with_capacity(additions.iter().map(Vec::len).sum());
    for (index, files) in additions.iter().enumerate() {
        for placed in files {
            let before = new.insert(placed.path.as_os_str(), (index, placed));
            if let Some((other, before)) = before
                && overlaps.len() < MOST_OVERLAPS
            {
                let is_same = before.id == placed.id;
                overlaps.push(Overlap { path: placed.path.clone(), by: (other, index), is_same });
            }
        }
    }
    new
}

/// Bytecode of sources that go or are replaced: the folders, and the beginnings of the names in them.
fn stale_bytecode(current: &[Entry], dropped: &HashSet<PathBuf>, new: &New<'_>) -> HashMap<OsString, Vec<String>> {
    let mut stale: HashMap<OsString, Vec<String>> = HashMap::new();
    if !current.iter().any(|entry| entry.path.ends_with("__pycache__")) {
        return stale;
    }
    for source in dropped.iter().map(PathBuf::as_path).chain(new.keys().map(Path::new)) {
        if let Some((folder, stem)) = bytecode_of(source) {
            stale.entry(folder.into_os_string()).or_default().push(stem);
        }
    }
    stale
}

/// Leaves out folders that hold nothing any more because of what goes. Those that were empty before stay.
fn prune<'a>(
    folders: &mut BTreeMap<&'a OsStr, Option<Attributes>>,
    emptied: HashSet<&'a OsStr>,
    composition: &Composition,
    new: &New<'_>,
) {
    if emptied.is_empty() {
        return;
    }
    let mut children: HashMap<OsString, usize> = HashMap::new();
    let links = composition.links.iter().map(|(path, _)| path);
    let files = composition.kept.iter().chain(links).map(PathBuf::as_path);
    for path in files.chain(new.keys().map(Path::new)).chain(folders.keys().map(Path::new)) {
        if let Some(parent) = path.parent() {
            *children.entry(parent.into()).or_default() += 1;
        }
    }
    // Deepest first, so that a folder of nothing but empty folders goes as well.
    let mut waiting: Vec<&Path> = emptied.into_iter().map(Path::new).collect();
    waiting.sort_by_key(|path| path.components().count());
    while let Some(folder) = waiting.pop() {
        let is_needed = children.get(folder.as_os_str()).is_some_and(|count| *count > 0);
        if folder.as_os_str().is_empty() || is_needed {
            continue;
        }
        if folders.remove(folder.as_os_str()).is_some()
            && let Some(parent) = folder.parent()
        {
            if let Some(count) = children.get_mut(parent.as_os_str()) {
                *count -= 1;
            }
            waiting.push(parent);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::installer::stage::walk::FileStamp;

    fn entry(text: &str) -> Entry {
        let attributes = Attributes { mode: 0o700, uid: 0, gid: 0 };
        let stamp = FileStamp { device: 0, inode: 0, size: 0, mtime_ns: 0 };
        let (path, kind) = match text.split_once(" -> ") {
            Some((path, target)) => (path, Kind::Link { target: target.into() }),
            None if text.ends_with('/') => (text.trim_end_matches('/'), Kind::Folder(attributes)),
            None => (text, Kind::File { stamp }),
        };
        Entry { path: path.into(), kind }
    }

    fn placed(path: &str, content: &str) -> Placed {
        let id = ContentId::of(content.as_bytes());
        Placed { path: path.into(), content: Content::Bytes(content.as_bytes().to_vec(), 0o644), id }
    }

    fn composed(current: &[&str], dropped: &[&str], additions: &[&[&str]]) -> Result<String, Conflict> {
        let current: Vec<_> = current.iter().map(|text| entry(text)).collect();
        let dropped = dropped.iter().map(PathBuf::from).collect();
        let additions: Vec<Vec<_>> =
            additions.iter().map(|files| files.iter().map(|path| placed(path, path)).collect()).collect();
        let found = compose(&current, &dropped, &additions)?;
        let shown = |path: &Path| path.display().to_string();
        let mut all: Vec<String> = found.folders.iter().map(|(path, _)| format!("{}/", shown(path))).collect();
        all.extend(found.kept.iter().map(|path| shown(path)));
        all.extend(found.links.iter().map(|(path, _)| format!("@{}", shown(path))));
        all.extend(found.new.iter().map(|(index, file)| format!("+{index}{}", shown(&file.path))));
        Ok(all.join(" "))
    }

    #[test]
    fn tables() {
        for (current, dropped, additions, expected) in [
            (&["bin/", "bin/a", "lib -> b"][..], &[][..], &[][..] as &[&[&str]], "bin/ bin/a @lib"),
            // A new file in a new folder; one that replaces, with its bytecode.
            (
                &["s/", "s/a.py", "s/__pycache__/", "s/__pycache__/a.cpython-312.pyc"],
                &[],
                &[&["s/a.py", "s/n/b.py"][..]],
                "s/ s/n/ +0s/a.py +0s/n/b.py",
            ),
            // What goes takes its bytecode and its folders with it; what others have there stays.
            (
                &[
                    "s/",
                    "s/p/",
                    "s/p/a.py",
                    "s/p/__pycache__/",
                    "s/p/__pycache__/a.x.pyc",
                    "s/q/",
                    "s/q/b.py",
                    "s/q/own",
                    "s/empty/",
                ],
                &["s/p/a.py", "s/q/b.py"],
                &[],
                "s/ s/empty/ s/q/ s/q/own",
            ),
            // Bytecode of others stays.
            (
                &["p/", "p/a.py", "p/ab.py", "p/__pycache__/", "p/__pycache__/ab.x.pyc"],
                &["p/a.py"],
                &[],
                "p/ p/__pycache__/ p/ab.py p/__pycache__/ab.x.pyc",
            ),
            // The last of two counts.
            (&[], &[], &[&["t/x"][..], &["t/x"]], "t/ +1t/x"),
        ] {
            assert_eq!(composed(current, dropped, additions).unwrap(), expected);
        }
    }

    #[test]
    fn conflicts() {
        let file_and_folder = |path: &str| Err(Conflict::FileAndFolder { path: path.into() });
        assert_eq!(composed(&["a/", "a/b"], &[], &[&["a"]]), file_and_folder("a"));
        assert_eq!(composed(&["a"], &[], &[&["a/b"]]), file_and_folder("a"));
        assert_eq!(composed(&[], &[], &[&["a"], &["a/b"]]), file_and_folder("a"));
        assert_eq!(composed(&["a -> /etc"], &[], &[&["a/b"]]), Err(Conflict::ThroughLink { path: "a".into() }));
        assert_eq!(composed(&["a"], &["a"], &[&["a/b"]]).unwrap(), "a/ +0a/b", "what goes is no obstacle");
        assert_eq!(composed(&["a -> /etc"], &[], &[&["a"]]).unwrap(), "+0a", "a link is replaced, not followed");
    }

    #[test]
    fn overlaps_are_told() {
        let found = compose(
            &[],
            &HashSet::new(),
            &[vec![placed("x", "1"), placed("y", "1")], vec![placed("x", "1"), placed("y", "2")]],
        );
        let told: Vec<_> = found.unwrap().overlaps.into_iter().map(|one| (one.path, one.by, one.is_same)).collect();
        assert_eq!(told, [("x".into(), (0, 1), true), ("y".into(), (0, 1), false)]);
    }
}
