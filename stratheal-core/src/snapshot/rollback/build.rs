//! Building what an environment was, beside what it is.

use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::plan::Recipe;
use super::source::{Reader, Sources, dress};
use crate::installer::stage::{second_name, symlink};
use crate::snapshot::SnapshotError;
use crate::snapshot::capture::attributes;
use crate::snapshot::tree::{Attributes, Entry, Node, Tree};

/// What is tried.
const ACTION: &str = "build the environment as it was";

/// The most threads that work.
const MOST_THREADS: usize = 4;

/// So many files are taken at once. Files of a wheel lie side by side, so that a thread mostly stays with one.
const BATCH: usize = 32;

/// Work on a part of a list.
type Work<'a> = dyn Fn(Range<usize>, &mut Reader<'_>) -> Result<(), SnapshotError> + Sync + 'a;

/// What is built from what.
pub(super) struct Building<'a> {
    pub(super) root: &'a Path,
    /// The environment, where it is there and what stays is to be in the stage.
    pub(super) current: Option<&'a Path>,
    pub(super) target: &'a Tree,
    pub(super) recipe: &'a Recipe,
    pub(super) sources: &'a Sources,
    pub(super) stop: &'a AtomicBool,
}

impl Building<'_> {
    /// Builds into `stage`, a folder that is there and empty. What a failed one leaves there has to be deleted.
    pub(super) fn build(&self, stage: &Path) -> Result<(), SnapshotError> {
        let Self { current, target, recipe, .. } = *self;
        let folders = recipe.folders.iter().map(|index| &target.entries[*index]);
        for folder in folders.clone().filter(|folder| !folder.path.as_os_str().is_empty()) {
            let folder = stage.join(&folder.path);
            fs::create_dir(&folder).map_err(SnapshotError::at(ACTION, &folder))?;
        }
        let staged = current.map(|_| recipe.links.iter()).into_iter().flatten();
        for (path, to) in staged.chain(&recipe.new_links) {
            let path = stage.join(path);
            symlink(to, &path).map_err(SnapshotError::at(ACTION, &path))?;
        }
        // By wheel, so that each is opened once or twice.
        let mut put = recipe.put.clone();
        let wheel = |index: &usize| match &target.entries[*index].node {
            Node::File(content) => content.wheel.as_ref().map(|file| file.wheel),
            _ => None,
        };
        put.sort_by_key(wheel);
        let kept: &[_] = if current.is_some() { &recipe.kept } else { &[] };
        self.side_by_side(put.len(), &|range, reader| {
            for index in &put[range] {
                let entry = &target.entries[*index];
                if let Node::File(content) = &entry.node {
                    reader.put(entry, content, &stage.join(&entry.path))?;
                }
            }
            Ok(())
        })?;
        let names = Mutex::new(recipe.names.clone());
        self.side_by_side(kept.len(), &|range, _| {
            let Some(current) = current else { return Ok(()) };
            kept[range].iter().try_for_each(|path| self.stay(path, current, stage, &names))
        })?;
        for (path, first) in names.into_inner().unwrap_or_else(PoisonError::into_inner) {
            let path = stage.join(path);
            let linked = match fs::hard_link(stage.join(&first), &path) {
                // What stays is not in the stage when files are replaced one by one.
                Err(error) if error.kind() == io::ErrorKind::NotFound => fs::hard_link(self.root.join(&first), &path),
                linked => linked,
            };
            linked.map_err(SnapshotError::at(ACTION, &path))?;
        }
        dress_links(stage, target)?;
        // From the inside out: what is put into a folder changes its time, and one that may not be written to gets its bits when it is full.
        // The stage itself is the last thing that is changed, and is waited for when all has to be on the disk.
        folders.rev().try_for_each(|folder| dress(&stage.join(&folder.path), folder))
    }

    /// Gives what stays a second name in the stage; where that is impossible, as between subvolumes, a copy that looks the same. What
    /// is a further name of a file gets that from its copy, and is added to `names`.
    fn stay(
        &self,
        path: &Path,
        current: &Path,
        stage: &Path,
        names: &Mutex<Vec<(PathBuf, PathBuf)>>,
    ) -> Result<(), SnapshotError> {
        let (from, to) = (current.join(path), stage.join(path));
        if fs::hard_link(&from, &to).is_ok() {
            return Ok(());
        }
        let entry = self.target.entry(path);
        if let Some(first) = entry.and_then(Entry::content).and_then(|content| content.first.as_ref()) {
            names.lock().unwrap_or_else(PoisonError::into_inner).push((path.to_owned(), first.clone()));
            return Ok(());
        }
        second_name(&from, &to).map_err(|error| SnapshotError::Install(error.into()))?;
        entry.map_or(Ok(()), |entry| dress(&to, entry))
    }

    fn side_by_side(&self, count: usize, work: &Work<'_>) -> Result<(), SnapshotError> {
        if count == 0 {
            return Ok(());
        }
        let next = AtomicUsize::new(0);
        let failed: Mutex<Option<SnapshotError>> = Mutex::new(None);
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS);
        std::thread::scope(|scope| {
            for _ in 0..threads.min(count.div_ceil(BATCH)) {
                scope.spawn(|| {
                    let mut reader = self.sources.reader();
                    loop {
                        let start = next.fetch_add(BATCH, Ordering::Relaxed);
                        if start >= count {
                            return;
                        }
                        let stopped =
                            if self.stop.load(Ordering::Relaxed) { Err(SnapshotError::Stopped) } else { Ok(()) };
                        let done = stopped.and_then(|()| work(start..(start + BATCH).min(count), &mut reader));
                        if let Err(error) = done {
                            next.store(count, Ordering::Relaxed);
                            failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                            return;
                        }
                    }
                });
            }
        });
        failed.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
    }
}

/// Gives the links below `root` their owners and times, as far as they are there: they have no permissions of their own.
fn dress_links(root: &Path, target: &Tree) -> Result<(), SnapshotError> {
    for entry in target.entries.iter().filter(|entry| matches!(entry.node, Node::Link(_))) {
        let path = root.join(&entry.path);
        match fs::symlink_metadata(&path) {
            Ok(found) => {
                let attributes = Attributes { mode: attributes(&found).mode, ..entry.attributes };
                dress(&path, &Entry { attributes, ..entry.clone() })?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(SnapshotError::at("look at a link", &path)(error)),
        }
    }
    Ok(())
}
