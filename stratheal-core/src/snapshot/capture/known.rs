//! What is known of files without reading them, and which wheels hold them.
//!
//! Most is known from the snapshot before. Only where that is not enough, the wheels in the download cache are looked at.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;

use super::look::Looked;
use crate::installer::origin::Origins;
use crate::installer::switch::Register;
use crate::installer::verify::{Stat, StatCache};
use crate::objects::{ContentId, Pack, Store, Tree as Unpacked};
use crate::snapshot::tree::Tree;

/// A file of a wheel: the number of the wheel, and the path in it.
pub(super) type Place = (u32, Arc<str>);

/// All that is known.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) stats: StatCache,
    /// Whether it is more than what was written down.
    pub(super) has_learned: bool,
    wheels: Vec<Pack>,
    by_content: HashMap<ContentId, Place>,
    unpacked: Vec<Unpacked>,
    /// Files of unpacked wheels by size and time: which tree, and its number there.
    by_look: HashMap<(u64, i64), Vec<(usize, usize)>>,
    has_looked: bool,
}

impl Known {
    /// What was hashed before, and what the snapshot before says.
    pub(super) fn gather(register: &Register, vault: &Store, before: Option<&Tree>) -> Self {
        let mut known = Self { stats: StatCache::read(&register.snapshot_stats()), ..Self::default() };
        let Some(before) = before else { return known };
        let packs: Vec<_> = before.wheels.iter().map(|wheel| vault.pack(&wheel.sha256).ok().flatten()).collect();
        let numbers: Vec<Option<u32>> =
            packs.into_iter().map(|pack| pack.map(|pack| known.wheel_number(pack))).collect();
        for (_, content) in before.files() {
            if let Some(file) = &content.wheel
                && let Some(number) = numbers[file.wheel as usize]
            {
                known.by_content.entry(content.sha256).or_insert_with(|| (number, file.path.as_str().into()));
            }
        }
        known
    }

    fn wheel_number(&mut self, pack: Pack) -> u32 {
        self.wheels.push(pack);
        u32::try_from(self.wheels.len() - 1).unwrap_or(u32::MAX)
    }

    /// Looks at the wheels that were noted when the environment was changed, once.
    pub(super) fn look_at_wheels(&mut self, register: &Register, cache: Option<&Store>) {
        if std::mem::replace(&mut self.has_looked, true) {
            return;
        }
        let Some(cache) = cache else { return };
        for id in Origins::read(register).wheels() {
            let found = cache.pack(&id).and_then(|pack| match pack {
                Some(pack) => Ok(Some((cache.tree(&pack)?, pack))),
                None => Ok(None),
            });
            match found {
                Ok(Some((tree, pack))) => self.add(tree, pack),
                // Then the files are kept one by one.
                Ok(None) => tracing::debug!(%id, "a wheel of the environment is not in the cache"),
                Err(error) => tracing::debug!(%id, %error, "a wheel of the environment cannot be used"),
            }
        }
    }

    fn add(&mut self, tree: Unpacked, pack: Pack) {
        let there = self.wheels.iter().position(|wheel| wheel.id() == pack.id());
        let number = there.map_or_else(|| self.wheel_number(pack), |number| u32::try_from(number).unwrap_or(u32::MAX));
        for (at, file) in tree.files().iter().enumerate() {
            self.by_look.entry((file.size(), file.mtime_ns())).or_default().push((self.unpacked.len(), at));
            self.by_content.entry(file.sha256).or_insert_with(|| (number, file.path.as_str().into()));
        }
        self.unpacked.push(tree);
    }

    /// What a file contains, as far as that can be told without reading it: it was hashed before and has not changed since.
    pub(super) fn content(&self, looked: &Looked) -> Option<ContentId> {
        self.stats.content(&looked.stat)
    }

    /// The same, for the very file that was unpacked into the cache, if it looks as it did then.
    pub(super) fn unpacked_content(&self, looked: &Looked) -> Option<ContentId> {
        let candidates = (looked.stat.links > 1).then(|| self.by_look.get(&(looked.stat.size, looked.stat.mtime_ns)));
        candidates.flatten()?.iter().find_map(|(tree, at)| {
            let tree = &self.unpacked[*tree];
            let file = &tree.files()[*at];
            let is_it = file.mode == looked.attributes.mode && is_same(&tree.path_of(file), &looked.stat);
            is_it.then_some(file.sha256)
        })
    }

    /// Remembers what a file contains, and how it looked when that was read.
    pub(super) fn learn(&mut self, looked: &Looked, stat: Stat, id: ContentId, began: Timestamp) {
        self.stats.add_seen(stat, id, looked.extended.is_empty(), began);
        self.has_learned = true;
    }

    /// The file of a wheel that holds this content.
    pub(super) fn place(&self, id: &ContentId) -> Option<&Place> {
        self.by_content.get(id)
    }

    pub(super) fn wheel(&self, number: u32) -> &Pack {
        &self.wheels[number as usize]
    }
}

fn is_same(path: &Path, stat: &Stat) -> bool {
    let found = fs::symlink_metadata(path).map(|found| Stat::of(&found));
    found.is_ok_and(|found| (found.device, found.inode) == (stat.device, stat.inode))
}
