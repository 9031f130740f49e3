//! What somebody has edited by hand, kept apart from what programs have changed. Pure.
//!
//! A file of a project is edited when it is not what its RECORD says. Any other file is edited when it is not as the last change that is known
//! has left it. An edit stays when what it was made to is there after the rollback as well; else it is in conflict, the snapshot
//! counts, and the edit stays in the snapshot that is made before.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::plan::Selection;
use crate::snapshot::diff::{Differs, changes, compare};
use crate::snapshot::owners::Owners;
use crate::snapshot::tree::{Entry, Node, Tree};

/// What is known of a tree.
pub(in crate::snapshot) struct Side<'a> {
    pub(in crate::snapshot) tree: &'a Tree,
    pub(in crate::snapshot) owners: &'a Owners,
}

/// What programs have changed since the snapshot.
pub(in crate::snapshot) struct Changes {
    /// The trees before and after each change, the first one first.
    pub(in crate::snapshot) known: Vec<(Tree, Tree)>,
    /// Whether there may have been others, whose snapshots are gone.
    pub(in crate::snapshot) has_gaps: bool,
}

/// Edits, in the order of their paths.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::snapshot) struct Edits {
    /// Those that stay.
    pub(in crate::snapshot) kept: Vec<PathBuf>,
    /// Those that cannot.
    pub(in crate::snapshot) conflicts: Vec<PathBuf>,
}

/// Whether an entry is as another one, but for its time.
fn is_as(one: Option<&Entry>, other: Option<&Entry>) -> bool {
    match (one, other) {
        (None, None) => true,
        (Some(one), Some(other)) => matches!(compare(one, other), None | Some(Differs::Time)),
        _ => false,
    }
}

/// How files that belong to no project were, by what is known of changes.
struct Made<'a> {
    /// What each change has left; the last one last.
    by_path: HashMap<&'a Path, Vec<Option<&'a Entry>>>,
}

impl<'a> Made<'a> {
    fn by(changes_known: &'a [(Tree, Tree)]) -> Self {
        let mut by_path: HashMap<&Path, Vec<Option<&Entry>>> = HashMap::new();
        for (before, after) in changes_known {
            for (path, _) in changes(before, after).into_iter().filter(|(_, how)| *how != Differs::Time) {
                by_path.entry(path).or_default().push(after.entry(path));
            }
        }
        Self { by_path }
    }

    fn of(&self, path: &Path) -> &[Option<&'a Entry>] {
        self.by_path.get(path).map_or(&[], Vec::as_slice)
    }
}

impl Edits {
    /// Finds the edits in what is there now.
    pub(in crate::snapshot) fn find(target: &Side<'_>, current: &Side<'_>, changed: &Changes) -> Self {
        let made = Made::by(&changed.known);
        let mut edits = Self::default();
        for (path, how) in changes(target.tree, current.tree) {
            let (was, is) = (target.tree.entry(path), current.tree.entry(path));
            let is_bytecode = path.iter().any(|part| part == "__pycache__");
            // The permissions of folders go back: who may write there is nothing that a person edits in a text.
            let is_folder = |entry: Option<&Entry>| entry.is_some_and(|entry| entry.node == Node::Folder);
            if how == Differs::Time || is_bytecode || (is_folder(was) && is_folder(is)) {
                continue;
            }
            let stays = match current.owners.of(path) {
                Some(_) => match is.map(|is| owned(is, current.owners, target, was)) {
                    // What is missing of a project is damage.
                    None | Some(Owned::Shipped) => continue,
                    Some(Owned::Edited { same_before }) => same_before,
                },
                // What the snapshot has of a project that is not there any more.
                None if target.owners.of(path).is_some() => continue,
                None => {
                    let left = made.of(path);
                    if left.iter().any(|left| is_as(*left, is)) {
                        continue;
                    }
                    let base = left.last().copied().unwrap_or(was);
                    is_as(base, was) && !changed.has_gaps
                }
            };
            // What was a file and is a folder, or the other way round, or lies in such a one, is more than an edit.
            let is_file = |tree: &Tree, above: &Path| tree.entry(above).is_some_and(|entry| !is_folder(Some(entry)));
            let mut above = path.ancestors().skip(1);
            let is_in_a_file = above.any(|above| is_file(target.tree, above) || is_file(current.tree, above));
            let is_turned = is_folder(was) || (is_folder(is) && was.is_some());
            let list = if stays && !is_in_a_file && !is_turned { &mut edits.kept } else { &mut edits.conflicts };
            list.push(path.to_owned());
        }
        edits
    }

    /// What the environment will be: the snapshot, with the edits that stay.
    pub(in crate::snapshot) fn apply(&self, target: &Tree, current: &Tree) -> Tree {
        Selection::new(self.kept.clone()).merge(target, current)
    }
}

/// What a file of a project is.
enum Owned {
    /// As its project brings it, or nobody can tell.
    Shipped,
    /// Not as its project brings it; and whether the snapshot has what the edit was made to.
    Edited { same_before: bool },
}

fn owned(is: &Entry, owners: &Owners, target: &Side<'_>, was: Option<&Entry>) -> Owned {
    let content = is.content().map(|content| content.sha256);
    let Some(shipped) = owners.shipped(&is.path) else { return Owned::Shipped };
    if content == Some(shipped) {
        return Owned::Shipped;
    }
    let before = was.and_then(Entry::content).map(|content| content.sha256);
    Owned::Edited { same_before: target.owners.shipped(&is.path) == Some(shipped) && before == Some(shipped) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objects::ContentId;
    use crate::snapshot::Extended;
    use crate::snapshot::tree::{Attributes, Content};

    fn entry(path: &str, node: Node) -> Entry {
        let attributes = Attributes { mode: 0o644, uid: 0, gid: 0, mtime_ns: 0 };
        Entry { path: path.into(), attributes, extended: Extended::default(), node }
    }

    /// A tree out of `path=text`, where what ends with a slash is a folder.
    fn tree(words: &str) -> Tree {
        let mut entries = vec![entry("", Node::Folder)];
        for word in words.split_whitespace() {
            entries.push(match word.split_once('=') {
                Some((path, text)) => entry(path, Node::File(Content::new(1, ContentId::of(text.as_bytes()), None))),
                None => entry(word.trim_end_matches('/'), Node::Folder),
            });
        }
        entries.sort_by(|a, b| a.path.as_os_str().cmp(b.path.as_os_str()));
        Tree { wheels: Vec::new(), entries }
    }

    /// The owners of a tree in which a project brings `path=text`.
    fn owners(words: &str) -> Owners {
        use base64::Engine as _;
        let row = |word: &str| {
            let (path, text) = word.split_once('=').unwrap();
            let hash = base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(ContentId::of(text.as_bytes()).as_bytes());
            format!("{path},sha256={hash},1\n")
        };
        let record: String = words.split_whitespace().map(row).collect();
        let mut owners = Owners::default();
        owners.add(&tree("p-1.dist-info/ p-1.dist-info/RECORD=r"), &|_| Some(record.clone()));
        owners
    }

    fn found(target: (&str, &str), known: &[(&str, &str)], has_gaps: bool, current: (&str, &str)) -> String {
        let (old, new) = (tree(target.0), tree(current.0));
        let known = known.iter().map(|(before, after)| (tree(before), tree(after))).collect();
        let edits = Edits::find(
            &Side { tree: &old, owners: &owners(target.1) },
            &Side { tree: &new, owners: &owners(current.1) },
            &Changes { known, has_gaps },
        );
        let shown =
            |paths: &[PathBuf]| paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" ");
        let wanted = edits.apply(&old, &new);
        for path in &edits.kept {
            assert!(is_as(wanted.entry(path), new.entry(path)), "{path:?} stays");
        }
        for path in &edits.conflicts {
            assert!(is_as(wanted.entry(path), old.entry(path)), "{path:?} goes back");
        }
        format!("{} | {}", shown(&edits.kept), shown(&edits.conflicts))
    }

    #[test]
    fn files_of_no_project() {
        let nobody = "";
        for (target, known, current, expected) in [
            ("a=1", &[][..], "a=2", "a | "),
            ("a=1", &[], "", "a | "),
            ("", &[], "d/ d/a=1", "d/a | "),
            ("", &[], "d/", "d | "),
            ("d/ d/a=1", &[], "", "d/a | "),
            // A program has changed it: that goes back, also when it was edited afterwards.
            ("a=1", &[("a=1", "a=2")], "a=2", " | "),
            ("a=1", &[("a=1", "a=2")], "a=3", " | a"),
            ("a=1", &[("a=1", "a=2"), ("a=2", "a=3")], "a=2", " | "),
            ("", &[("", "a=2")], "a=3", " | a"),
            ("a=1", &[("b=1", "b=2")], "a=2 b=2", "a | "),
            // What a program has put back is no edit.
            ("a=1", &[("a=1", "a=2"), ("a=2", "a=1")], "a=3", "a | "),
            // There is something else in its place.
            ("a=1", &[], "a/ a/b=1", " | a a/b"),
            ("a/ a/b=1", &[], "a=1", " | a a/b"),
            ("a/ a/__pycache__/ a/__pycache__/x.pyc=1", &[], "a/ a/__pycache__/ a/__pycache__/x.pyc=2", " | "),
        ] {
            assert_eq!(found((target, nobody), known, false, (current, nobody)), expected, "{target} to {current}");
        }
        assert_eq!(found(("a=1", nobody), &[], true, ("a=2", nobody)), " | a", "nobody knows who changed it");
    }

    #[test]
    fn files_of_projects() {
        for (target, current, expected) in [
            // Another version; then with an edit to it.
            (("a=1", "a=1"), ("a=2", "a=2"), " | "),
            (("a=1", "a=1"), ("a=9", "a=2"), " | a"),
            // An edit to a file that is the same in both; and one that was edited already.
            (("a=1", "a=1"), ("a=9", "a=1"), "a | "),
            (("a=8", "a=1"), ("a=9", "a=1"), " | a"),
            (("a=8", "a=1"), ("a=1", "a=1"), " | "),
            // Damage, and a project that went or came.
            (("a=1", "a=1"), ("", "a=1"), " | "),
            (("a=1", "a=1"), ("", ""), " | "),
            (("", ""), ("a=1", "a=1"), " | "),
            (("", ""), ("a=9", "a=1"), " | a"),
        ] {
            assert_eq!(found(target, &[], false, current), expected, "{target:?} to {current:?}");
        }
    }
}
