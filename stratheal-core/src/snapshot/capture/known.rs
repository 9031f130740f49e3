//! What is known of files without reading them, and which wheels hold them.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use super::look::Looked;
use crate::installer::origin::Origins;
use crate::installer::switch::Register;
use crate::installer::verify::{Stat, StatCache};
use crate::objects::{ContentId, Pack, Store, Tree};

/// A wheel that the environment was made of.
#[derive(Debug)]
pub(super) struct KnownWheel {
    pub(super) pack: Pack,
    pub(super) tree: Tree,
}

/// A file of a wheel: the number of the wheel, and its number in the tree.
pub(super) type Place = (u32, u32);

/// All that is known.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) stats: StatCache,
    pub(super) wheels: Vec<KnownWheel>,
    by_look: HashMap<(u64, i64), Vec<Place>>,
    by_content: HashMap<ContentId, Place>,
}

impl Known {
    /// Collects what is known: files that were hashed before, and the wheels that were noted when the environment was changed. Without
    /// a cache nothing is known of wheels.
    pub(super) fn gather(register: &Register, cache: Option<&Store>) -> Self {
        let mut known = Self { stats: StatCache::read(&register.snapshot_stats()), ..Self::default() };
        let wheels = cache.map(|cache| (cache, Origins::read(register).wheels()));
        for (cache, wheel) in
            wheels.into_iter().flat_map(|(cache, wheels)| wheels.into_iter().map(move |id| (cache, id)))
        {
            let found = cache.pack(&wheel).and_then(|pack| match pack {
                Some(pack) => Ok(Some(KnownWheel { tree: cache.tree(&pack)?, pack })),
                None => Ok(None),
            });
            match found {
                Ok(Some(found)) => known.add(found),
                // Then the files are kept one by one.
                Ok(None) => tracing::debug!(%wheel, "a wheel of the environment is not in the cache"),
                Err(error) => tracing::debug!(%wheel, %error, "a wheel of the environment cannot be used"),
            }
        }
        known
    }

    fn add(&mut self, wheel: KnownWheel) {
        let number = u32::try_from(self.wheels.len()).unwrap_or(u32::MAX);
        for (at, file) in wheel.tree.files().iter().enumerate() {
            let place = (number, u32::try_from(at).unwrap_or(u32::MAX));
            self.by_look.entry((file.size(), file.mtime_ns())).or_default().push(place);
            self.by_content.entry(file.sha256).or_insert(place);
        }
        self.wheels.push(wheel);
    }

    /// What a file contains, as far as that can be told without reading it: it was hashed before and has not changed since, or it is the
    /// very file that was unpacked into the cache, and looks as it did then.
    pub(super) fn content(&self, looked: &Looked) -> Option<ContentId> {
        if let Some(id) = self.stats.content(&looked.stat) {
            return Some(id);
        }
        let candidates = (looked.stat.links > 1).then(|| self.by_look.get(&(looked.stat.size, looked.stat.mtime_ns)));
        let same = candidates.flatten()?.iter().find(|place| {
            let (wheel, file) = self.file(**place);
            file.mode == looked.attributes.mode && is_same(&wheel.tree.path_of(file), &looked.stat)
        });
        same.map(|place| self.file(*place).1.sha256)
    }

    /// The file of a wheel that holds this content.
    pub(super) fn wheel(&self, id: &ContentId) -> Option<Place> {
        self.by_content.get(id).copied()
    }

    pub(super) fn file(&self, (wheel, file): Place) -> (&KnownWheel, &crate::objects::TreeFile) {
        let wheel = &self.wheels[wheel as usize];
        (wheel, &wheel.tree.files()[file as usize])
    }
}

fn is_same(path: &Path, stat: &Stat) -> bool {
    let found = fs::symlink_metadata(path).map(|found| Stat::of(&found));
    found.is_ok_and(|found| (found.device, found.inode) == (stat.device, stat.inode))
}
