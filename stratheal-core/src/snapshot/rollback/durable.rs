//! What takes the place of an environment is on the disk before it does.

use std::fs::File;
use std::io;
use std::path::Path;

use super::plan::Recipe;
use crate::base::fs::{named, sync_file_system};
use crate::snapshot::SnapshotError;
use crate::snapshot::tree::Tree;

/// Up to so many files each is waited for by itself. To wait for the whole file system takes as long as all that others have written there.
const FEW: usize = 300;

/// Waits until everything that was staged is on the disk. `stage` was changed last of all.
pub(super) fn sync_stage(stage: &Path, target: &Tree, recipe: &Recipe) -> Result<(), SnapshotError> {
    let synced = if recipe.put.len() <= FEW && keeps_the_order(stage) {
        let files = recipe.put.iter().map(|index| stage.join(&target.entries[*index].path));
        files.chain([stage.to_owned()]).try_for_each(|path| sync_one(&path))
    } else {
        sync_file_system(stage)
    };
    // What nobody may read cannot be opened.
    let synced = synced.or_else(|error| match error.kind() {
        io::ErrorKind::PermissionDenied => sync_file_system(stage),
        _ => Err(error),
    });
    synced.map_err(|error| SnapshotError::storage("write to the disk", error))
}

fn sync_one(path: &Path) -> io::Result<()> {
    File::open(path).and_then(|file| file.sync_all()).map_err(|error| named(path, &error))
}

/// Whether names, permissions and times reach the disk in the order in which they were given: then all of them are there once the last
/// one is. That is so where they go through one journal, of which a part is written with all that came before it.
///
/// Source: the kernel's documentation of the journals of ext4 and XFS.
#[cfg(target_os = "linux")]
fn keeps_the_order(folder: &Path) -> bool {
    use rustix::fs::{FsWord, statfs};
    const EXT4: FsWord = 0xef53;
    const XFS: FsWord = 0x5846_5342;
    statfs(folder).is_ok_and(|found| [EXT4, XFS].contains(&found.f_type))
}

#[cfg(not(target_os = "linux"))]
fn keeps_the_order(_folder: &Path) -> bool {
    false
}
