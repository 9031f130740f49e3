//! What differs between snapshots, and between one and what is there now.

use std::path::Path;

use super::snapshots::real;
use super::{Difference, Snapshot, SnapshotError, Snapshots};

impl Snapshots {
    /// What differs between two snapshots.
    ///
    /// # Errors
    /// [`SnapshotError`] when one of them cannot be read.
    pub fn diff(&self, before: &Snapshot, after: &Snapshot) -> Result<Difference, SnapshotError> {
        let (old, new) = (self.tree(before)?, self.tree(after)?);
        let owners = self.owners(&[&new, &old])?;
        Ok(Difference::between((before, &old), (after, &new), &owners))
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
            // The names of what is there now are read from its own files.
            let owners = own.owners_now(&[&old], (&root, &captured.tree))?;
            Ok(Difference::between((&before, &old), (&now, &captured.tree), &owners))
        })
        .await
    }
}
