//! What a rollback does with each entry. Pure.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::snapshot::diff::{Difference, compare};
use crate::snapshot::tree::{Content, Entry, Node, Tree, find, is_first};

/// What a rollback would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RollbackPlan {
    /// The environment.
    pub root: PathBuf,
    /// The snapshot that it goes back to.
    pub number: u64,
    /// What differs: `before` is how it is now, `after` how it will be.
    pub difference: Difference,
    /// Files that stay as they are.
    pub kept: usize,
    /// Files that are put back.
    pub put: usize,
    /// Their bytes.
    pub put_bytes: u64,
    /// Files that belong to no project and that somebody has changed or added since: they go back with the rest, and stay in the
    /// snapshot that is made before.
    pub own: Vec<PathBuf>,
    /// Edits that would be kept, when that was asked for.
    pub edits: Vec<PathBuf>,
    /// Edits that could not be kept, because the file is another one in the snapshot.
    pub conflicts: Vec<PathBuf>,
}

/// Which part of a snapshot is meant.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::snapshot) struct Selection {
    /// Paths, with everything below them.
    paths: HashSet<PathBuf>,
}

impl Selection {
    pub(in crate::snapshot) fn new(paths: Vec<PathBuf>) -> Self {
        Self { paths: paths.into_iter().collect() }
    }

    fn takes(&self, path: &Path) -> bool {
        path.ancestors().any(|above| self.paths.contains(above))
    }

    /// The tree that has the selected part of `target`, and everything else as it is in `current`.
    pub(in crate::snapshot) fn merge(&self, current: &Tree, target: &Tree) -> Tree {
        let base = u32::try_from(current.wheels.len()).unwrap_or(u32::MAX);
        let wheels = current.wheels.iter().chain(&target.wheels).cloned().collect();
        let stays = current.entries.iter().filter(|entry| !self.takes(&entry.path)).cloned();
        let comes = target.entries.iter().filter(|entry| self.takes(&entry.path)).cloned().map(|mut entry| {
            if let Node::File(content) = &mut entry.node
                && let Some(file) = &mut content.wheel
            {
                file.wheel += base;
            }
            entry
        });
        let mut entries: Vec<Entry> = stays.chain(comes).collect();
        let there: HashSet<PathBuf> = entries.iter().map(|entry| entry.path.clone()).collect();
        // Folders on the way that are gone now.
        let missing = target.entries.iter().filter(|entry| {
            entry.node == Node::Folder
                && !there.contains(&entry.path)
                && self.paths.iter().any(|path| path.starts_with(&entry.path))
        });
        entries.extend(missing.cloned());
        entries
            .sort_unstable_by(|a, b| a.path.as_os_str().as_encoded_bytes().cmp(b.path.as_os_str().as_encoded_bytes()));
        Tree { wheels, entries: with_right_names(entries) }
    }
}

/// Entries of two trees, where what was a further name may have lost its file: then it is a file of its own.
fn with_right_names(mut entries: Vec<Entry>) -> Vec<Entry> {
    let is_wrong = |entry: &Entry| {
        let first = entry.content().and_then(|content| content.first.as_deref());
        first.is_some_and(|first| !is_first(find(&entries, first), entry))
    };
    let wrong: Vec<bool> = entries.iter().map(is_wrong).collect();
    for entry in entries.iter_mut().zip(wrong).filter_map(|(entry, wrong)| wrong.then_some(entry)) {
        if let Node::File(content) = &mut entry.node {
            content.first = None;
        }
    }
    entries
}

/// What is done with each entry of the target.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::snapshot) struct Recipe {
    /// Entries of the target that are folders, parents first.
    pub(in crate::snapshot) folders: Vec<usize>,
    /// Files, and whatever else can have a second name, that are in the environment as they should be.
    pub(in crate::snapshot) kept: Vec<PathBuf>,
    /// Entries of the target that are files, and are put.
    pub(in crate::snapshot) put: Vec<usize>,
    /// Further names that files get: the name, and the first one.
    pub(in crate::snapshot) names: Vec<(PathBuf, PathBuf)>,
    /// Links that are there and right, and those that are not.
    pub(in crate::snapshot) links: Vec<(PathBuf, PathBuf)>,
    pub(in crate::snapshot) new_links: Vec<(PathBuf, PathBuf)>,
    /// What cannot be made again.
    pub(in crate::snapshot) lost: Vec<PathBuf>,
}

impl Recipe {
    /// The one file that differs, where nothing else does: it can be replaced by itself, in one step.
    pub(in crate::snapshot) fn single<'t>(&self, current: Option<&Tree>, target: &'t Tree) -> Option<&'t Entry> {
        let (current, [only]) = (current?, self.put.as_slice()) else { return None };
        let only = &target.entries[*only];
        // All others of the target are there as they should be, so that counting tells whether there are more.
        let is_new = usize::from(current.entry(&only.path).is_none());
        let stays = current.entries.len() + is_new == target.entries.len();
        let is_plain = self.names.is_empty() && self.new_links.is_empty() && self.lost.is_empty();
        let is_file = current.entry(&only.path).is_none_or(|there| matches!(there.node, Node::File(_) | Node::Link(_)));
        let is_folder =
            |index: &usize| current.entry(&target.entries[*index].path).map(|there| &there.node) == Some(&Node::Folder);
        let has_folders = self.folders.iter().all(is_folder);
        (stays && is_plain && is_file && has_folders).then_some(only)
    }

    /// Decides how `target` is made out of what is there and what is kept elsewhere.
    pub(in crate::snapshot) fn new(current: Option<&Tree>, target: &Tree) -> Self {
        let mut recipe = Self::default();
        for (index, entry) in target.entries.iter().enumerate() {
            let there = current.and_then(|current| current.entry(&entry.path));
            let is_same = there.is_some_and(|there| compare(there, entry).is_none());
            match &entry.node {
                Node::Folder => recipe.folders.push(index),
                Node::File(_) if is_same => recipe.kept.push(entry.path.clone()),
                Node::File(Content { first: Some(first), .. }) => {
                    recipe.names.push((entry.path.clone(), first.clone()));
                }
                Node::File(_) => recipe.put.push(index),
                // Its time cannot be given back where it lies: all of a switch has to be in what is put.
                Node::Link(target) if is_same && there.map(|there| there.attributes) == Some(entry.attributes) => {
                    recipe.links.push((entry.path.clone(), target.clone()));
                }
                Node::Link(target) => recipe.new_links.push((entry.path.clone(), target.clone())),
                Node::Other if there.is_some_and(|there| there.node == Node::Other) => {
                    recipe.kept.push(entry.path.clone());
                }
                Node::Other => recipe.lost.push(entry.path.clone()),
            }
        }
        recipe
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objects::ContentId;
    use crate::snapshot::Extended;
    use crate::snapshot::tree::{Attributes, Wheel, WheelFile};

    fn entry(path: &str, node: Node) -> Entry {
        let attributes = Attributes { mode: 0o644, uid: 0, gid: 0, mtime_ns: 0 };
        Entry { path: path.into(), attributes, extended: Extended::default(), node }
    }

    fn file(path: &str, text: &str) -> Entry {
        let wheel = text.starts_with('w').then(|| WheelFile { wheel: 0, path: "w".into() });
        entry(path, Node::File(Content::new(1, ContentId::of(text.as_bytes()), wheel)))
    }

    fn tree(entries: Vec<Entry>) -> Tree {
        Tree { wheels: vec![Wheel { sha256: ContentId::of(b""), name: "w.whl".into() }], entries }
    }

    #[test]
    fn only_what_differs_is_put() {
        let current = tree(vec![
            entry("", Node::Folder),
            file("a", "1"),
            file("b", "1"),
            entry("l", Node::Link("x".into())),
            entry("m", Node::Link("x".into())),
            entry("o", Node::Other),
            file("stray", "1"),
        ]);
        let target = tree(vec![
            entry("", Node::Folder),
            file("a", "1"),
            file("b", "2"),
            file("c", "3"),
            entry("l", Node::Link("x".into())),
            entry("m", Node::Link("y".into())),
            entry("o", Node::Other),
            entry("p", Node::Other),
        ]);
        let recipe = Recipe::new(Some(&current), &target);
        assert_eq!(recipe.kept, [PathBuf::from("a"), "o".into()]);
        assert_eq!(
            (recipe.put.as_slice(), recipe.lost.as_slice()),
            ([2, 3].as_slice(), [PathBuf::from("p")].as_slice())
        );
        assert_eq!((recipe.links.len(), recipe.new_links[0].0.as_path()), (1, Path::new("m")));
        let fresh = Recipe::new(None, &target);
        assert_eq!((fresh.kept.len(), fresh.put.len(), fresh.new_links.len()), (0, 3, 2));
    }

    #[test]
    fn one_file_is_single_only_when_nothing_else_differs() {
        let current = tree(vec![entry("", Node::Folder), file("a", "1"), file("b", "1")]);
        let single = |target: &Tree| Recipe::new(Some(&current), target).single(Some(&current), target).cloned();
        let changed = tree(vec![entry("", Node::Folder), file("a", "1"), file("b", "2")]);
        assert_eq!(single(&changed).unwrap().path, Path::new("b"));
        let added = tree(vec![entry("", Node::Folder), file("a", "1"), file("b", "1"), file("c", "1")]);
        assert_eq!(single(&added).unwrap().path, Path::new("c"));
        for other in [
            vec![entry("", Node::Folder), file("a", "2"), file("b", "2")],
            vec![entry("", Node::Folder), file("a", "2")],
            vec![entry("", Node::Folder), file("a", "1"), file("c", "1")],
            vec![entry("", Node::Folder), entry("a", Node::Folder), file("a/x", "1"), file("b", "1")],
            vec![entry("", Node::Folder), file("a", "1"), entry("b", Node::Link("a".into()))],
        ] {
            assert_eq!(single(&tree(other.clone())), None, "{other:?}");
        }
    }

    #[test]
    fn a_part_comes_with_the_folders_that_it_lies_in() {
        let current = tree(vec![entry("", Node::Folder), file("x", "1"), file("z", "w1")]);
        let target = tree(vec![
            entry("", Node::Folder),
            entry("p", Node::Folder),
            entry("p/q", Node::Folder),
            file("p/q/a", "w2"),
            file("p/q/b", "2"),
            file("x", "9"),
        ]);
        let merged = Selection::new(vec!["p/q/a".into()]).merge(&current, &target);
        let told: Vec<_> = merged.entries.iter().map(|one| one.path.to_str().unwrap()).collect();
        assert_eq!(told, ["", "p", "p/q", "p/q/a", "x", "z"]);
        let wheel =
            |path: &str| merged.entry(Path::new(path)).unwrap().content().unwrap().wheel.clone().map(|file| file.wheel);
        assert_eq!((wheel("p/q/a"), wheel("z"), merged.wheels.len()), (Some(1), Some(0), 2));
        let merged = Selection::new(vec!["z".into()]).merge(&current, &target);
        assert!(merged.entry(Path::new("z")).is_none(), "what the snapshot does not have goes");
    }
}
