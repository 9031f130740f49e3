//! Deleting what the plan says.
//!
//! The store is had alone for each small batch, and each object is looked at again first: one that was used since the plan was made
//! stays. Whatever moment it is killed at, the rest is whole: a pack goes before its sidecar, a tree by one rename.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::plan::{Item, plan};
use super::{GcPolicy, Reason};
use crate::objects::lookup::used_at;
use crate::objects::sidecar::Sidecar;
use crate::objects::stamp::Stamp;
use crate::objects::tree::{Marker, first_of};
use crate::objects::walk::{bytes_below, entries};
use crate::objects::{ContentId, Counted, Kind, Scratch, Store, StoreError};

/// How many objects go while nobody else can use the store.
const BATCH: usize = 32;

/// How long to wait for a moment in which nobody uses the store.
const PATIENCE: Duration = Duration::from_secs(2);

/// How deep files may lie in `partials/`.
const PARTIALS_DEPTH: usize = 3;

/// Something that was deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Collected {
    /// What it was.
    pub kind: Kind,
    /// Its id.
    pub id: ContentId,
    /// Its bytes.
    pub bytes: u64,
    /// Why it went.
    pub reason: Reason,
}

/// What a garbage collection did.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct GcReport {
    /// The objects that were deleted.
    pub objects: Vec<Collected>,
    /// Downloads that were begun and never finished.
    pub partials: Counted,
    /// What processes that died had not finished.
    pub scratch: Counted,
    /// Damaged objects beyond the bounds of the quarantine.
    pub quarantine: Counted,
    /// Whether the store was in use all the time, so that some objects are still there.
    pub busy: bool,
}

impl GcReport {
    /// All bytes that were deleted. Files that environments share by hard links are free only when those are gone, too.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let objects: u64 = self.objects.iter().map(|object| object.bytes).sum();
        objects + self.partials.bytes + self.scratch.bytes + self.quarantine.bytes
    }
}

impl Store {
    /// Deletes what nobody needs any more: objects by size and age, left-overs of dead processes, old partial downloads. What is listed
    /// by [`Store::set_roots`] or in `kept` stays.
    ///
    /// # Errors
    /// [`StoreError`], among others [`StoreError::DamagedRoots`]: then nothing was deleted.
    pub fn gc(&self, policy: &GcPolicy, kept: &[ContentId], now: Timestamp) -> Result<GcReport, StoreError> {
        let mut all_kept = self.kept()?;
        all_kept.extend(kept);
        let mut report = GcReport {
            scratch: counted(self.sweep_scratch(now)?),
            quarantine: counted(self.bound_quarantine()?),
            ..GcReport::default()
        };
        let partials = self.folder().join("partials");
        collect_partials(&partials, PARTIALS_DEPTH, now, policy.partials, &mut report.partials)?;
        let going = plan(self.items()?, &all_kept, policy, now);
        for batch in going.chunks(BATCH) {
            // Deleting the files of a tree takes long, and need not keep others waiting: they go after the lock.
            let mut trees = Vec::new();
            let Some(_alone) = self.alone(PATIENCE)? else {
                report.busy = true;
                return Ok(report);
            };
            // Somebody may have said meanwhile that they need one of these.
            let kept_now = self.kept()?;
            for (item, reason) in batch {
                let is_kept = item.kind != Kind::Tree && kept_now.contains(&item.id);
                if !is_kept && self.collect(item, &mut trees)? {
                    let (kind, id, bytes, reason) = (item.kind, item.id, item.bytes, *reason);
                    report.objects.push(Collected { kind, id, bytes, reason });
                }
            }
        }
        match self.alone(PATIENCE)? {
            Some(_alone) => self.collect_widows()?,
            None => report.busy = true,
        }
        Ok(report)
    }

    /// What [`Store::gc`] would delete by size and age, in that order. Deletes nothing.
    ///
    /// # Errors
    /// As [`Store::gc`].
    pub fn gc_plan(&self, policy: &GcPolicy, kept: &[ContentId], now: Timestamp) -> Result<Vec<Collected>, StoreError> {
        let mut all_kept = self.kept()?;
        all_kept.extend(kept);
        let going = plan(self.items()?, &all_kept, policy, now).into_iter();
        Ok(going.map(|(item, reason)| Collected { kind: item.kind, id: item.id, bytes: item.bytes, reason }).collect())
    }

    /// The ids of all packs, in no order.
    ///
    /// # Errors
    /// [`StoreError`] when a folder cannot be listed.
    pub fn pack_ids(&self) -> Result<Vec<ContentId>, StoreError> {
        Ok(self.ids(Kind::Pack)?.into_iter().map(|(id, _)| id).collect())
    }

    fn items(&self) -> Result<Vec<Item>, StoreError> {
        let mut items = Vec::new();
        for kind in [Kind::Pack, Kind::Tree] {
            for (id, path) in self.ids(kind)? {
                // What has gone meanwhile needs no plan.
                let Ok(found) = fs::symlink_metadata(&path) else { continue };
                let bytes = match kind {
                    Kind::Tree => Marker::read(&path).map_or_else(|| bytes_below(&path), |marker| marker.bytes),
                    _ => found.len(),
                };
                let used = used_at(&use_marker(kind, &path)).unwrap_or_else(|| Stamp::of(&found).time());
                items.push(Item { kind, id, bytes, used });
            }
        }
        Ok(items)
    }

    /// Deletes an object, unless it was used since the plan was made.
    fn collect(&self, item: &Item, trees: &mut Vec<Scratch>) -> Result<bool, StoreError> {
        let path = self.path_of(item.kind, &item.id);
        let marker = use_marker(item.kind, &path);
        let tree = self.path_of(Kind::Tree, &item.id);
        let mut markers = vec![&marker];
        let of_tree = Marker::place(&tree);
        if item.kind == Kind::Pack {
            markers.push(&of_tree);
        }
        if markers.into_iter().any(|marker| used_at(marker).is_some_and(|used| used > item.used)) {
            return Ok(false);
        }
        self.forget(item.kind, &item.id);
        if item.kind == Kind::Tree {
            let taken = self.take_tree(&item.id)?;
            let was_there = taken.is_some();
            trees.extend(taken);
            return Ok(was_there);
        }
        let deleted = delete(&path)?;
        delete(&marker)?;
        if item.kind == Kind::Pack {
            // The time of its first unpacking goes with the last that could be unpacked.
            delete(&first_of(&tree))?;
        }
        Ok(deleted)
    }

    /// Deletes the sidecars whose object is gone: of a collector that was killed between the two.
    fn collect_widows(&self) -> Result<(), StoreError> {
        for (kind, extension) in [(Kind::Pack, "json"), (Kind::Tree, "first")] {
            for shelf in entries(&self.folder().join(kind.folder()))? {
                for path in entries(&shelf)? {
                    let is_widow = path.extension().is_some_and(|found| found == extension)
                        && !self.object_of(kind, &path).exists();
                    if is_widow {
                        delete(&path)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// The object beside which this file stands: for a tree's time, the pack.
    fn object_of(&self, kind: Kind, beside: &Path) -> PathBuf {
        let object = beside.with_extension("");
        match (kind, beside.strip_prefix(self.folder().join(Kind::Tree.folder()))) {
            (Kind::Tree, Ok(inside)) => self.folder().join(Kind::Pack.folder()).join(inside).with_extension(""),
            _ => object,
        }
    }
}

/// Deletes partial downloads that nobody has touched for long. One whose lock is held is being continued.
fn collect_partials(
    folder: &Path,
    depth: usize,
    now: Timestamp,
    most: SignedDuration,
    deleted: &mut Counted,
) -> Result<(), StoreError> {
    for path in entries(folder)? {
        let Ok(found) = fs::symlink_metadata(&path) else { continue };
        if found.is_dir() {
            if depth > 0 {
                collect_partials(&path, depth - 1, now, most, deleted)?;
            }
            continue;
        }
        let age = |found: &fs::Metadata| now.duration_since(Stamp::of(found).time());
        if age(&found) <= most {
            continue;
        }
        // Looked at again under the lock: it may have been continued, or finished, in between.
        let Ok(file) = OpenOptions::new().write(true).open(&path) else { continue };
        let is_old = |found: io::Result<fs::Metadata>| found.is_ok_and(|found| age(&found) > most);
        if file.try_lock().is_ok() && is_old(file.metadata()) && delete(&path)? {
            deleted.count += 1;
            deleted.bytes += found.len();
        }
    }
    Ok(())
}

const fn counted((count, bytes): (usize, u64)) -> Counted {
    Counted { count, bytes }
}

/// The file whose time says when an object was used.
fn use_marker(kind: Kind, path: &Path) -> PathBuf {
    if kind == Kind::Tree { Marker::place(path) } else { Sidecar::place(path) }
}

/// Deletes a file; whether it was there.
fn delete(path: &Path) -> Result<bool, StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        deleted => deleted.map(|()| true).map_err(StoreError::at("delete", path)),
    }
}
