//! Where folders cannot change places: the files of an environment, one after the other.
//!
//! A mount point is busy, the folders of a lower layer of an overlay cannot be renamed, and some file systems know no exchange. Each file
//! is still replaced in one step, and what was there is kept until all of them are; but a program that starts meanwhile may see some of
//! both. What is planned is written down before, so that it can be taken back whenever it ends.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Folders, Register};
use crate::base::fs::{named, read_text, write_atomic};
use crate::installer::stage::{Attributes, Entry, Kind};

/// The largest plan that is read, in bytes.
const LARGEST: u64 = 512 << 20;

/// What has to be done to a folder, in this order. Paths are relative to it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::installer) struct Entries {
    /// Files and links that go first: a folder takes their place, or something else takes that of a folder around them.
    #[serde(default)]
    cleared: Vec<PathBuf>,
    /// Folders whose place something else takes, children first, with their permission bits.
    #[serde(default)]
    given_up: Vec<(PathBuf, u32)>,
    /// Folders that are made, parents first, with their permission bits.
    made: Vec<(PathBuf, u32)>,
    /// Files and links that are put there, and whether there is something in their place.
    put: Vec<(PathBuf, bool)>,
    /// Files and links that go.
    gone: Vec<PathBuf>,
    /// Folders that go, children first, with their permission bits.
    emptied: Vec<(PathBuf, u32)>,
    /// How the folders look that anything will be done to.
    #[serde(default)]
    before: Folders,
    /// How folders have to look when all is done; those that are not named here look as that leaves them.
    #[serde(default)]
    after: Folders,
}

impl Entries {
    /// Plans how what is in `current` becomes what was composed: the `folders` of it, what is `staged`, and what is `kept`. Pure.
    pub(in crate::installer) fn plan<'a>(
        current: &[Entry],
        staged: &[Entry],
        folders: impl Iterator<Item = &'a Path>,
        kept: &HashSet<&Path>,
    ) -> Self {
        let is_folder = |entry: &&Entry| matches!(entry.kind, Kind::Folder(_));
        let there: HashMap<&Path, bool> =
            current.iter().map(|entry| (entry.path.as_path(), is_folder(&entry))).collect();
        let mut stay: HashSet<&Path> = folders.collect();
        stay.extend(staged.iter().filter(is_folder).map(|entry| entry.path.as_path()));
        let mut entries = Self::default();
        let mut given_up: HashSet<&Path> = HashSet::new();
        for entry in staged {
            let path = entry.path.as_path();
            match (&entry.kind, there.get(path)) {
                (Kind::Folder(_), Some(true)) => {}
                (Kind::Folder(attributes), _) => entries.made.push((entry.path.clone(), attributes.mode)),
                _ if kept.contains(path) => {}
                (_, is_folder) => {
                    entries.put.push((entry.path.clone(), is_folder == Some(&false)));
                    given_up.extend(is_folder.filter(|is_folder| **is_folder).map(|_| path));
                }
            }
        }
        let put: HashSet<&Path> = entries.put.iter().map(|(path, _)| path.as_path()).collect();
        for entry in current {
            let path = entry.path.as_path();
            let is_in_the_way = !given_up.is_empty() && path.ancestors().any(|above| given_up.contains(above));
            match &entry.kind {
                Kind::Folder(Attributes { mode, .. }) if is_in_the_way => {
                    entries.given_up.push((path.to_owned(), *mode));
                }
                Kind::Folder(Attributes { mode, .. }) if !stay.contains(path) => {
                    entries.emptied.push((path.to_owned(), *mode));
                }
                Kind::Folder(_) => {}
                _ if is_in_the_way || stay.contains(path) => entries.cleared.push(path.to_owned()),
                _ if kept.contains(path) || put.contains(path) => {}
                _ => entries.gone.push(path.to_owned()),
            }
        }
        entries.emptied.reverse();
        entries.given_up.reverse();
        entries
    }

    /// Says how folders have to look in the end, and notes how all look now that anything will be done to.
    pub(in crate::installer) fn looking(mut self, root: &Path, after: Folders) -> io::Result<Self> {
        let emptied = || self.given_up.iter().chain(&self.emptied).map(|(folder, _)| folder.as_path());
        let changed = self.put.iter().map(|(path, _)| path).chain(&self.gone).chain(&self.cleared);
        let changed = changed.chain(self.made.iter().map(|(path, _)| path)).map(PathBuf::as_path);
        let around = changed.chain(emptied()).filter_map(Path::parent);
        self.before = Folders::of(root, around.chain(emptied()).chain(after.paths()))?;
        self.after = after;
        Ok(self)
    }

    /// Writes the plan down, so that it is there whatever happens to this machine.
    pub(in crate::installer) fn write(&self, register: &Register) -> io::Result<()> {
        write_atomic(&register.entries(), &serde_json::to_vec(self).map_err(io::Error::from)?)
    }

    pub(super) fn read(register: &Register) -> io::Result<Self> {
        let text = read_text(&register.entries(), LARGEST)?;
        serde_json::from_str(&text).map_err(|error| named(&register.entries(), &error.into()))
    }

    /// Does it: what is staged gets its place in `root`, and what was there gets one in `old`, which is made.
    pub(in crate::installer) fn carry_out(&self, root: &Path, stage: &Path, old: &Path) -> io::Result<()> {
        fs::create_dir_all(old).map_err(|error| named(old, &error))?;
        move_all(&self.cleared, root, old)?;
        for (folder, _) in &self.given_up {
            remove_empty(&root.join(folder))?;
        }
        for (folder, mode) in &self.made {
            make(&root.join(folder), *mode)?;
        }
        for (path, has_old) in &self.put {
            if *has_old {
                keep(&root.join(path), &old.join(path))?;
            }
            rename(&stage.join(path), &root.join(path))?;
        }
        move_all(&self.gone, root, old)?;
        for (folder, _) in &self.emptied {
            remove_empty(&root.join(folder))?;
        }
        self.dress(root)
    }

    /// Makes folders look as they have to when all is done.
    pub(super) fn dress(&self, root: &Path) -> io::Result<()> {
        self.after.apply(root)
    }

    /// Takes back what was done of it, however far that was, also if this was begun before and not brought to its end.
    pub(in crate::installer) fn undo(&self, root: &Path, stage: &Path, old: &Path) -> io::Result<()> {
        for (folder, mode) in self.emptied.iter().rev() {
            make(&root.join(folder), *mode)?;
        }
        move_back(&self.gone, old, root)?;
        for (path, has_old) in self.put.iter().rev() {
            if *has_old {
                if is_there(&old.join(path))? {
                    rename(&old.join(path), &root.join(path))?;
                }
            } else if !is_there(&stage.join(path))? {
                // It got its place; in the stage it would be otherwise. There it goes, so that this can be begun anew.
                match fs::rename(root.join(path), stage.join(path)) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    moved => moved.map_err(|error| named(&root.join(path), &error))?,
                }
            }
        }
        for (folder, _) in self.made.iter().rev().filter(|(folder, _)| !is_elsewhere(root, folder)) {
            remove_empty(&root.join(folder))?;
        }
        for (folder, mode) in self.given_up.iter().rev() {
            make(&root.join(folder), *mode)?;
        }
        move_back(&self.cleared, old, root)?;
        self.before.apply(root)
    }
}

/// Gives what lies at a path a second name, so that its own name is never without a file. Where that is impossible it is moved.
fn keep(path: &Path, old: &Path) -> io::Result<()> {
    make_parents(old)?;
    match fs::hard_link(path, old) {
        // From a run before this one that was taken back: the same file.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(_) => rename(path, old),
        Ok(()) => Ok(()),
    }
}

fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to).map_err(|error| named(to, &error))
}

fn move_all(paths: &[PathBuf], root: &Path, old: &Path) -> io::Result<()> {
    for path in paths {
        make_parents(&old.join(path))?;
        rename(&root.join(path), &old.join(path))?;
    }
    Ok(())
}

/// Moves back whatever was moved.
fn move_back(paths: &[PathBuf], old: &Path, root: &Path) -> io::Result<()> {
    for path in paths.iter().rev() {
        if is_there(&old.join(path))? {
            rename(&old.join(path), &root.join(path))?;
        }
    }
    Ok(())
}

fn make_parents(path: &Path) -> io::Result<()> {
    let Some(parent) = path.parent() else { return Ok(()) };
    fs::create_dir_all(parent).map_err(|error| named(parent, &error))
}

fn make(folder: &Path, mode: u32) -> io::Result<()> {
    match fs::create_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => return Ok(()),
        created => created.map_err(|error| named(folder, &error))?,
    }
    #[cfg(unix)]
    fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(mode))?;
    #[cfg(not(unix))]
    let _ = mode;
    Ok(())
}

/// Removes a folder unless somebody has put something there, such as bytecode, or something else in its place.
fn remove_empty(folder: &Path) -> io::Result<()> {
    use io::ErrorKind::{DirectoryNotEmpty, NotADirectory, NotFound};
    match fs::remove_dir(folder) {
        Err(error) if matches!(error.kind(), NotFound | NotADirectory | DirectoryNotEmpty) => Ok(()),
        removed => removed.map_err(|error| named(folder, &error)),
    }
}

/// Whether the way to something leads through a link: then it is not what was made, because the link is back, or never went.
fn is_elsewhere(root: &Path, path: &Path) -> bool {
    let above = path.ancestors().skip(1).filter(|above| !above.as_os_str().is_empty());
    above.map(|above| root.join(above)).any(|above| above.is_symlink())
}

fn is_there(path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(false),
        Err(error) => Err(named(path, &error)),
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::installer::stage::walk;

    fn put(root: &Path, files: &BTreeMap<String, String>) {
        fs::create_dir_all(root).unwrap();
        for (path, text) in files {
            fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
            fs::write(root.join(path), text).unwrap();
        }
    }

    /// Every file with its text, every folder with nothing.
    fn told(root: &Path) -> BTreeMap<PathBuf, Option<String>> {
        walk(root)
            .unwrap()
            .into_iter()
            .map(|entry| {
                let text = fs::read_to_string(root.join(&entry.path)).ok();
                (entry.path, text)
            })
            .collect()
    }

    fn files() -> impl Strategy<Value = BTreeMap<String, String>> {
        // A name may be that of a file before and of a folder after, or the other way round; never both at once.
        proptest::collection::btree_map("([ax]/){0,2}[abx]", "[12]", 0..8).prop_map(|mut files| {
            let is_folder = |path: &str, all: &BTreeMap<String, String>| {
                all.keys().any(|other| other.starts_with(&format!("{path}/")))
            };
            let all = files.clone();
            files.retain(|path, _| !is_folder(path, &all));
            files
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn it_is_done_or_taken_back_wherever_it_ends(before in files(), after in files(), same in 0..3u8, steps in 0..20usize) {
            let folder = tempfile::tempdir().unwrap();
            let at = |name: &str| folder.path().join(name);
            let (root, stage, old) = (at("root"), at("stage"), at("old"));
            put(&root, &before);
            // What is the same is kept, and not staged.
            let kept: BTreeMap<String, String> = before.iter().filter(|(path, text)| same > 0 && after.get(*path) == Some(text))
                .map(|(path, text)| (path.clone(), text.clone())).collect();
            let new = after.iter().filter(|(path, _)| !kept.contains_key(*path)).map(|(path, text)| (path.clone(), text.clone()));
            put(&stage, &new.collect());
            let goal = at("goal");
            put(&goal, &after);
            let goal = told(&goal);
            let start = told(&root);
            let folders: Vec<PathBuf> = goal.iter().filter(|(_, text)| text.is_none()).map(|(path, _)| path.clone()).collect();
            let kept: HashSet<&Path> = kept.keys().map(Path::new).collect();
            let entries = Entries::plan(&walk(&root).unwrap(), &walk(&stage).unwrap(), folders.iter().map(PathBuf::as_path), &kept);
            let entries = entries.looking(&root, Folders::default()).unwrap();
            let looks = || Folders::of(&root, start.keys().map(PathBuf::as_path).chain([Path::new("")])).unwrap();
            let before = looks();
            // A part of it, as if it had been killed there.
            let mut part = entries.clone();
            let mut left = steps;
            let mut cut = |count: usize| { let take = left.min(count); left -= take; take };
            part.cleared.truncate(cut(entries.cleared.len()));
            part.given_up.truncate(cut(entries.given_up.len()));
            part.made.truncate(cut(entries.made.len()));
            part.put.truncate(cut(entries.put.len()));
            part.gone.truncate(cut(entries.gone.len()));
            part.emptied.truncate(cut(entries.emptied.len()));
            part.carry_out(&root, &stage, &old).unwrap();
            if steps % 2 == 0 {
                // Taking back may itself be interrupted.
                let mut half = entries.clone();
                half.put.drain(..entries.put.len() / 2);
                half.made.clear();
                half.given_up.clear();
                half.cleared.clear();
                half.undo(&root, &stage, &old).unwrap();
            }
            entries.undo(&root, &stage, &old).unwrap();
            prop_assert_eq!(told(&root), start.clone());
            prop_assert_eq!(looks(), before, "times come back as well");
            fs::create_dir_all(&root).unwrap();
            for path in after.keys().filter(|path| !start.contains_key(Path::new(path))) {
                // What somebody puts there afterwards is theirs, also when it is taken back once more.
                if fs::create_dir_all(root.join(path).parent().unwrap()).is_ok() {
                    fs::write(root.join(path), "theirs").unwrap();
                }
            }
            let theirs = told(&root);
            entries.undo(&root, &stage, &old).unwrap();
            prop_assert_eq!(told(&root), theirs);
        }

        #[test]
        fn it_becomes_what_was_composed(before in files(), after in files()) {
            let folder = tempfile::tempdir().unwrap();
            let at = |name: &str| folder.path().join(name);
            let (root, stage) = (at("root"), at("stage"));
            put(&root, &before);
            put(&stage, &after);
            let goal = told(&stage);
            let entries = Entries::plan(&walk(&root).unwrap(), &walk(&stage).unwrap(), [].into_iter(), &HashSet::new());
            entries.carry_out(&root, &stage, &at("old")).unwrap();
            prop_assert_eq!(told(&root), goal);
        }
    }

    #[test]
    fn what_lies_behind_a_link_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let (root, stage, old) = (at("root"), at("stage"), at("old"));
        fs::create_dir_all(root.join("lib/empty")).unwrap();
        std::os::unix::fs::symlink("lib", root.join("lib64")).unwrap();
        put(&stage, &BTreeMap::from([("lib64/empty/a".to_owned(), "1".to_owned())]));
        let (before, after) = (walk(&root).unwrap(), walk(&stage).unwrap());
        let folders = ["lib", "lib/empty", "lib64", "lib64/empty"].into_iter().map(Path::new);
        let entries = Entries::plan(&before, &after, folders, &HashSet::new());
        let entries = entries.looking(&root, Folders::default()).unwrap();
        // As if it had been killed before it began, after it was done, and after it was taken back.
        entries.undo(&root, &stage, &old).unwrap();
        assert_eq!(walk(&root).unwrap(), before);
        entries.carry_out(&root, &stage, &old).unwrap();
        assert_eq!(fs::read_to_string(root.join("lib64/empty/a")).unwrap(), "1");
        assert!(fs::read_dir(root.join("lib/empty")).unwrap().next().is_none());
        for _ in 0..2 {
            entries.undo(&root, &stage, &old).unwrap();
            assert_eq!(walk(&root).unwrap(), before);
        }
    }
}
