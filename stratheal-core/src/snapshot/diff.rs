//! What differs between two trees: by project first, then by file. Pure.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::path::{Path, PathBuf};
use std::slice::Iter;

use serde::Serialize;

use super::owners::Owners;
use super::tree::{Entry, Node, Tree};
use super::{Project, ProjectFile, Snapshot};

/// What differs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Difference {
    /// Projects that came, went, or have another version.
    pub projects: Vec<ProjectChange>,
    /// Files that differ, in the order of their paths. Bytecode that Python makes by itself is only counted.
    pub files: Vec<FileChange>,
    /// Modules whose bytecode differs.
    pub bytecode: usize,
    /// Files beside the environment that differ.
    pub beside: Vec<String>,
}

/// A project that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProjectChange {
    /// Its name.
    pub name: String,
    /// Its version before; `None` when it was not there.
    pub before: Option<String>,
    /// Its version after; `None` when it is gone.
    pub after: Option<String>,
}

/// A file that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileChange {
    /// Where.
    pub path: PathBuf,
    /// In what.
    pub how: Differs,
    /// The project that it belongs to, if that is known.
    pub project: Option<String>,
}

/// In what a file differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Differs {
    /// It was not there.
    Added,
    /// It is gone.
    Removed,
    /// It has another content, or leads elsewhere.
    Changed,
    /// It is something else: a file, a folder, a link.
    Kind,
    /// It has other permissions, another owner, or other extended attributes.
    Permissions,
    /// It is not the same file as another one any more, or is again (a hard link).
    Names,
    /// Only its time is another one.
    Time,
}

impl Difference {
    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.projects.is_empty() && self.files.is_empty() && self.bytecode == 0 && self.beside.is_empty()
    }

    /// What differs between two snapshots and their trees. `owners` says whose a file is.
    pub(in crate::snapshot) fn between(
        (before, old): (&Snapshot, &Tree),
        (after, new): (&Snapshot, &Tree),
        owners: &Owners,
    ) -> Self {
        let mut difference = Self::default();
        if before.is_whole() && after.is_whole() {
            difference.projects = projects(&before.record.projects, &after.record.projects);
            difference.beside = beside(&before.project.files, &after.project.files);
        }
        for (path, how) in changes(old, new) {
            if path.iter().any(|part| part == "__pycache__") {
                difference.bytecode += usize::from(path.extension().is_some_and(|extension| extension == "pyc"));
            } else {
                difference.files.push(FileChange {
                    path: path.to_owned(),
                    how,
                    project: owners.of(path).map(str::to_owned),
                });
            }
        }
        difference
    }
}

/// How an entry differs from what it was; `None` when it does not. The time of a folder is only that of what is in it, and files that
/// have become names of one file are as they were, as far as anybody can read.
pub(in crate::snapshot) fn compare(before: &Entry, after: &Entry) -> Option<Differs> {
    let (was, is) = (before.attributes, after.attributes);
    match (&before.node, &after.node) {
        (Node::File(old), Node::File(new)) if old.sha256 != new.sha256 => Some(Differs::Changed),
        (Node::Link(old), Node::Link(new)) => (old != new).then_some(Differs::Changed),
        (Node::File(_), Node::File(_)) | (Node::Folder, Node::Folder) | (Node::Other, Node::Other) => {
            if (was.mode, was.uid, was.gid) != (is.mode, is.uid, is.gid) || before.extended != after.extended {
                return Some(Differs::Permissions);
            }
            let (Some(old), Some(new)) = (before.content(), after.content()) else { return None };
            let is_other = new.first.is_some() && new.first != old.first;
            if is_other { Some(Differs::Names) } else { (was.mtime_ns != is.mtime_ns).then_some(Differs::Time) }
        }
        _ => Some(Differs::Kind),
    }
}

/// Whether a tree is as another one, whatever wheels they name.
pub(in crate::snapshot) fn is_same(current: &Tree, wanted: &Tree) -> bool {
    let same = |(a, b): (&Entry, &Entry)| a.path == b.path && compare(a, b).is_none();
    current.entries.len() == wanted.entries.len() && current.entries.iter().zip(&wanted.entries).all(same)
}

/// The paths that differ, in order.
pub(in crate::snapshot) fn changes<'a>(old: &'a Tree, new: &'a Tree) -> Vec<(&'a Path, Differs)> {
    let key = |entry: &'a Entry| entry.path.as_os_str().as_encoded_bytes();
    let (mut before, mut after) = (old.entries.iter().peekable(), new.entries.iter().peekable());
    let mut found = Vec::new();
    loop {
        match (before.peek(), after.peek()) {
            (None, None) => return found,
            (Some(_), None) => one_side(&mut before, Differs::Removed, &mut found),
            (None, Some(_)) => one_side(&mut after, Differs::Added, &mut found),
            (Some(was), Some(is)) => match key(was).cmp(key(is)) {
                std::cmp::Ordering::Less => one_side(&mut before, Differs::Removed, &mut found),
                std::cmp::Ordering::Greater => one_side(&mut after, Differs::Added, &mut found),
                std::cmp::Ordering::Equal => {
                    found.extend(compare(was, is).map(|how| (is.path.as_path(), how)));
                    before.next();
                    after.next();
                }
            },
        }
    }
}

/// Takes an entry that only one tree has. A folder is told by what is in it, unless it is empty.
fn one_side<'a>(entries: &mut Peekable<Iter<'a, Entry>>, how: Differs, found: &mut Vec<(&'a Path, Differs)>) {
    let Some(entry) = entries.next() else { return };
    let is_full = entries.peek().is_some_and(|next| next.path.starts_with(&entry.path));
    if entry.node != Node::Folder || !is_full {
        found.push((entry.path.as_path(), how));
    }
}

fn projects(before: &[Project], after: &[Project]) -> Vec<ProjectChange> {
    let mut all: BTreeMap<&str, (Vec<&str>, Vec<&str>)> = BTreeMap::new();
    for one in before {
        all.entry(&one.name).or_default().0.push(&one.version);
    }
    for one in after {
        all.entry(&one.name).or_default().1.push(&one.version);
    }
    let told = |versions: &[&str]| (!versions.is_empty()).then(|| versions.join(", "));
    let changed = all.into_iter().filter(|(_, (before, after))| before != after);
    changed
        .map(|(name, (before, after))| ProjectChange {
            name: name.to_owned(),
            before: told(&before),
            after: told(&after),
        })
        .collect()
}

fn beside(before: &[ProjectFile], after: &[ProjectFile]) -> Vec<String> {
    let old: BTreeMap<&str, _> = before.iter().map(|file| (file.path.as_str(), file.sha256)).collect();
    let new: BTreeMap<&str, _> = after.iter().map(|file| (file.path.as_str(), file.sha256)).collect();
    let mut paths: Vec<&str> = old.keys().chain(new.keys()).copied().collect();
    paths.sort_unstable();
    paths.dedup();
    paths.into_iter().filter(|path| old.get(path) != new.get(path)).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objects::ContentId;
    use crate::snapshot::Extended;
    use crate::snapshot::catalog::tests::snapshot;
    use crate::snapshot::tree::{Attributes, Content};

    fn file(path: &str, text: &str, mode: u32, mtime_ns: i64) -> Entry {
        let content = Content::new(text.len() as u64, ContentId::of(text.as_bytes()), None);
        let attributes = Attributes { mode, uid: 0, gid: 0, mtime_ns };
        Entry { path: path.into(), attributes, extended: Extended::default(), node: Node::File(content) }
    }

    fn tree(entries: Vec<Entry>) -> Tree {
        Tree { wheels: Vec::new(), entries }
    }

    #[test]
    fn every_kind_of_difference_is_told() {
        let old = tree(vec![
            file("a", "1", 0o644, 0),
            file("b", "1", 0o644, 0),
            file("c", "1", 0o644, 0),
            file("d", "1", 0o644, 0),
            file("e", "1", 0o644, 0),
            file("same", "1", 0o644, 0),
            file("x/__pycache__/m.pyc", "1", 0o644, 0),
        ]);
        let mut new = old.clone();
        new.entries[0] = file("a", "2", 0o644, 0);
        new.entries[1] = file("b", "1", 0o600, 0);
        new.entries[2] = file("c", "1", 0o644, 9);
        new.entries[3].node = Node::Link("a".into());
        new.entries[6] = file("x/__pycache__/m.pyc", "2", 0o644, 0);
        new.entries.remove(4);
        new.entries.insert(4, file("f", "1", 0o644, 0));
        let project =
            |name: &str, version: &str| Project { name: name.into(), version: version.into(), editable: None };
        let (mut before, mut after) = (snapshot(1), snapshot(2));
        before.record.projects = vec![project("gone", "1"), project("kept", "1"), project("moved", "1")];
        after.record.projects = vec![project("come", "1"), project("kept", "1"), project("moved", "2")];
        let mut owners = Owners::default();
        let record = file("s/A_b-1.0.dist-info/RECORD", "", 0o644, 0);
        owners.add(&tree(vec![record]), &|_| Some("../a,,\n../../outside,,\n".to_owned()));
        let difference = Difference::between((&before, &old), (&after, &new), &owners);
        let told: Vec<_> = difference.files.iter().map(|one| (one.path.to_str().unwrap(), one.how)).collect();
        let expected = [
            ("a", Differs::Changed),
            ("b", Differs::Permissions),
            ("c", Differs::Time),
            ("d", Differs::Kind),
            ("e", Differs::Removed),
            ("f", Differs::Added),
        ];
        assert_eq!((told.as_slice(), difference.bytecode), (expected.as_slice(), 1));
        assert_eq!(difference.files[0].project.as_deref(), Some("a-b"));
        let told: Vec<_> = difference.projects.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(told, ["come", "gone", "moved"]);
        assert!(Difference::between((&before, &old), (&before, &old), &owners).is_empty());
    }
}
