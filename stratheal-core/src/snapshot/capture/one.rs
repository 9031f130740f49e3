//! One file of an environment, and nothing else of it.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use super::contents::{Keeping, Writers, is_same_content, read_all};
use super::known::Known;
use super::look::{Looked, Sight};
use super::run::{Captured, compose};
use crate::objects::Store;
use crate::snapshot::SnapshotError;

/// Keeps what was seen at a path and on the way there, durably.
pub(in crate::snapshot) fn capture_one(
    root: &Path,
    looked: Vec<Looked>,
    vault: &Store,
    stop: &AtomicBool,
) -> Result<Captured, SnapshotError> {
    let segments = vault.segments()?;
    let writers = Writers::new(vault);
    let keeping = Keeping { keeps: true, has: &|id| segments.contains(id), writers: &writers, stop };
    let files = looked.iter().enumerate().filter(|(_, one)| one.sight == Sight::File);
    let wanted: Vec<_> = files.map(|(index, one)| (index, one.stat.size)).collect();
    let read = wanted.len();
    let all = read_all(&keeping, wanted, &|index| root.join(&looked[index].path))?;
    let mut contents = HashMap::new();
    for one in all {
        let seen = &looked[one.index];
        let unchanged = one.content.filter(|(_, stat)| is_same_content(stat, &seen.stat));
        let Some((id, _)) = unchanged else {
            let paths = vec![seen.path.display().to_string()];
            return Err(SnapshotError::Disturbed { root: root.to_owned(), paths });
        };
        contents.insert(one.index, id);
    }
    let stored = writers.finish(true)?;
    let (tree, _) = compose(&looked, &contents, &Known::default());
    Ok(Captured { tree, looked, changed: Vec::new(), is_as_before: false, read, stored })
}
