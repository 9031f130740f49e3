//! Names, pins and evidence; deleting what is not needed any more.

use std::collections::HashSet;

use jiff::SignedDuration;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::catalog::CatalogLock;
use super::{Evidence, Passed, Retention, Selector, Snapshot, SnapshotError, Snapshots};
use crate::objects::{ContentId, GcPolicy, SegmentReport};

/// What a collection does.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct Collection {
    /// The snapshots that go, or are gone.
    pub removed: Vec<u64>,
    /// The bytes of trees, wheels and objects that nothing needs any more. A wheel that the download cache has as well is free only
    /// when that lets go of it, too.
    pub bytes: u64,
}

impl Snapshots {
    /// Gives a snapshot a name, or takes it away.
    ///
    /// # Errors
    /// [`SnapshotError::Unknown`], [`SnapshotError::Label`], or what the system says.
    pub fn set_label(&self, selector: &Selector, label: Option<&str>) -> Result<Snapshot, SnapshotError> {
        if let Some(label) = label {
            Snapshot::check_label(label)
                .map_err(|reason| SnapshotError::Label { label: label.chars().take(80).collect(), reason })?;
        }
        self.change(selector, |snapshot| snapshot.label = label.map(str::to_owned))
    }

    /// Keeps a snapshot until somebody says otherwise, or says otherwise.
    ///
    /// # Errors
    /// [`SnapshotError::Unknown`], or what the system says.
    pub fn set_pinned(&self, selector: &Selector, pinned: bool) -> Result<Snapshot, SnapshotError> {
        self.change(selector, |snapshot| snapshot.pinned = pinned)
    }

    /// Writes down that the checks of a snapshot passed while it was live, and what they said.
    ///
    /// # Errors
    /// [`SnapshotError::Unknown`], or what the system says.
    pub fn set_good(&self, selector: &Selector, checks: Vec<Passed>) -> Result<Snapshot, SnapshotError> {
        let at = self.shared.clock.now();
        let found = self.find(selector, None)?;
        if let Some(part) = &found.part {
            let what = format!("all of the environment, but only `{part}`: nothing can be said about that");
            return Err(SnapshotError::NotInside { number: found.number, what });
        }
        self.change(selector, |snapshot| snapshot.good = Some(Evidence { at, checks }))
    }

    /// Takes back that a snapshot is good.
    ///
    /// # Errors
    /// [`SnapshotError::Unknown`], or what the system says.
    pub fn set_doubtful(&self, selector: &Selector) -> Result<Snapshot, SnapshotError> {
        self.change(selector, |snapshot| snapshot.good = None)
    }

    fn change(&self, selector: &Selector, change: impl FnOnce(&mut Snapshot)) -> Result<Snapshot, SnapshotError> {
        // Nothing is made where there is none.
        self.find(selector, None)?;
        let lock = self.shared.catalog.lock()?;
        let mut snapshot = self.find(selector, None)?;
        change(&mut snapshot);
        self.shared.catalog.update(&lock, &snapshot)?;
        Ok(snapshot)
    }

    /// What a collection would delete. Looks, and changes nothing.
    ///
    /// # Errors
    /// What the system says.
    pub fn collection_plan(&self, retention: &Retention) -> Result<Collection, SnapshotError> {
        let (all, _) = self.list()?;
        Ok(Collection { removed: going(&all, retention), bytes: 0 })
    }

    /// Deletes snapshots that need not stay, and what nothing needs any more then. Blocks.
    ///
    /// # Errors
    /// [`SnapshotError`]; what is needed is there in any case. A snapshot that cannot be read keeps everything from being deleted that it
    /// may need: delete it by its number first.
    pub fn collect(&self, retention: &Retention) -> Result<Collection, SnapshotError> {
        let lock = self.shared.catalog.lock()?;
        let (all, _) = self.list()?;
        self.remove_all(&lock, &going(&all, retention))
    }

    /// Deletes one snapshot, whatever the retention says, and what nothing needs any more then. Blocks.
    ///
    /// # Errors
    /// [`SnapshotError::Kept`] when it is pinned or is the last one that is known to be good; as [`Snapshots::collect`] otherwise.
    pub fn remove(&self, number: u64) -> Result<Collection, SnapshotError> {
        let lock = self.shared.catalog.lock()?;
        let (all, damaged) = self.list()?;
        let Some(one) = all.iter().find(|one| one.number == number) else {
            if damaged.iter().any(|one| one.number == number) {
                return self.remove_all(&lock, &[number]);
            }
            return Err(SnapshotError::Unknown { wanted: number.to_string() });
        };
        if one.pinned {
            return Err(SnapshotError::Kept { number, reason: "it is pinned: unpin it first" });
        }
        let last_good = Selector::LastGood.choose(&all, Some(&one.root));
        if last_good.is_ok_and(|good| good.number == number) {
            return Err(SnapshotError::Kept {
                number,
                reason: "it is the last one that is known to be good: mark another one first",
            });
        }
        self.remove_all(&lock, &[number])
    }

    /// Deletes these, and what nothing needs any more then.
    pub(super) fn collect_these(&self, numbers: &[u64]) -> Result<(), SnapshotError> {
        let lock = self.shared.catalog.lock()?;
        self.remove_all(&lock, numbers).map(drop)
    }

    fn remove_all(&self, lock: &CatalogLock, numbers: &[u64]) -> Result<Collection, SnapshotError> {
        let catalog = &self.shared.catalog;
        for number in numbers {
            catalog.remove(lock, *number)?;
        }
        let (all, damaged) = self.list()?;
        let mut collection = Collection { removed: numbers.to_vec(), bytes: 0 };
        if let Some(one) = damaged.first() {
            tracing::warn!(
                number = one.number,
                reason = one.reason,
                "nothing else is deleted: what it needs is not known"
            );
            return Ok(collection);
        }
        let vault = self.vault()?;
        let (mut trees, mut wheels, mut objects) = (HashSet::new(), HashSet::new(), HashSet::new());
        for snapshot in &all {
            objects.extend(snapshot.project.files.iter().map(|file| file.sha256));
            if !trees.insert(snapshot.tree) {
                continue;
            }
            let tree = match catalog.tree(snapshot) {
                Ok(tree) => tree,
                Err(error) => {
                    tracing::warn!(%error, "nothing else is deleted: what it needs is not known");
                    return Ok(collection);
                }
            };
            wheels.extend(tree.wheels.iter().map(|wheel| wheel.sha256));
            // What a wheel held when it was made may lie in a segment as well, which is as good.
            objects.extend(tree.files().map(|(_, content)| content.sha256));
        }
        collection.bytes += catalog.sweep(lock, &trees)?;
        let SegmentReport { bytes, .. } = vault.collect_segments(&objects)?;
        collection.bytes += bytes;
        let wheels: Vec<ContentId> = wheels.into_iter().collect();
        let everything = GcPolicy {
            max_age: Some(-SignedDuration::from_secs(1)),
            grace: -SignedDuration::from_hours(24 * 365 * 100),
            ..GcPolicy::default()
        };
        collection.bytes += vault.gc(&everything, &wheels, self.shared.clock.now())?.bytes();
        Ok(collection)
    }
}

fn going(all: &[Snapshot], retention: &Retention) -> Vec<u64> {
    let judged = retention.judge(all, &TimeZone::system());
    judged.into_iter().filter(|(_, why)| why.is_empty()).map(|(number, _)| number).collect()
}
