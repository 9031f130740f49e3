//! What differs between snapshots, and between one and what is there now.

use std::path::Path;

use super::diff::changes;
use super::snapshots::real;
use super::tree::Tree;
use super::{Difference, Snapshot, SnapshotError, Snapshots};

impl Snapshots {
    /// What differs between two snapshots.
    ///
    /// # Errors
    /// [`SnapshotError`] when one of them cannot be read.
    pub fn diff(&self, before: &Snapshot, after: &Snapshot) -> Result<Difference, SnapshotError> {
        let (old, new) = alike(before, self.tree(before)?, after, self.tree(after)?);
        let owners = self.owners(&[&new, &old])?;
        Ok(Difference::between((before, &old), (after, &new), &owners))
    }

    /// The newest snapshot that an environment is as now, bytecode aside. `None` when there is no such one.
    ///
    /// # Cancellation
    /// Dropping the future stops the work.
    ///
    /// # Errors
    /// [`SnapshotError`] when the environment cannot be read.
    pub async fn newest_as_now(&self, root: &Path) -> Result<Option<Snapshot>, SnapshotError> {
        let root = real(root)?;
        let (locked, register) = self.lock(&root, "snapshot").await?;
        self.blocking(move |own, stop| {
            let _locked = locked;
            let (all, _) = own.list()?;
            let (_, captured) = own.now(&root, &register, root.parent().unwrap_or(&root), stop)?;
            let is_bytecode = |path: &Path| path.iter().any(|part| part == "__pycache__");
            let found = all.into_iter().rev().filter(|one| one.root == root && one.is_whole()).find(|one| {
                // One that cannot be read is none that it is as.
                let tree = own.tree(one).ok();
                tree.is_some_and(|tree| changes(&tree, &captured.tree).iter().all(|(path, _)| is_bytecode(path)))
            });
            Ok(found)
        })
        .await
    }

    /// What differs between a snapshot and an environment as it is now. Nothing is changed, and nothing is kept.
    ///
    /// # Cancellation
    /// Dropping the future stops the work.
    ///
    /// # Errors
    /// [`SnapshotError`] when one of them cannot be read.
    pub async fn diff_now(&self, before: &Snapshot, root: &Path) -> Result<Difference, SnapshotError> {
        let root = real(root)?;
        let (locked, register) = self.lock(&root, "snapshot diff").await?;
        let before = before.clone();
        self.blocking(move |own, stop| {
            let _locked = locked;
            let old = own.tree(&before)?;
            let (now, captured) = own.now(&root, &register, &before.project.folder, stop)?;
            let (old, new) = alike(&before, old, &now, captured.tree);
            // The names of what is there now are read from its own files.
            let owners = own.owners_now(&[&old], (&root, &new))?;
            Ok(Difference::between((&before, &old), (&now, &new), &owners))
        })
        .await
    }
}

/// Trees with only what both have of the environment.
fn alike(before: &Snapshot, mut old: Tree, after: &Snapshot, mut new: Tree) -> (Tree, Tree) {
    for part in [before.part(), after.part()].into_iter().flatten() {
        for tree in [&mut old, &mut new] {
            tree.entries.retain(|entry| entry.path == part);
        }
    }
    (old, new)
}
