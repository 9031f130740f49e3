//! The whole of it, until the tree is known and all of its content is kept.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;

use super::contents::{Keeping, Writers, is_same_content, read_all};
use super::known::Known;
use super::look::{Looked, Sight, look};
use super::parallel::ask;
use crate::installer::switch::Register;
use crate::installer::verify::Stat;
use crate::objects::{ContentId, Segments, Store};
use crate::snapshot::tree::{Content, Entry, Node, Tree, Wheel, WheelFile};
use crate::snapshot::{Moment, SnapshotError};

/// How often everything is looked at anew because something changed meanwhile.
const MOST_ATTEMPTS: usize = 3;

/// All that capturing takes. The environment is locked against other programs that know of its lock.
pub(in crate::snapshot) struct Capturing<'a> {
    pub(in crate::snapshot) root: &'a Path,
    pub(in crate::snapshot) register: &'a Register,
    /// The download cache.
    pub(in crate::snapshot) cache: Option<&'a Store>,
    /// Where content is kept.
    pub(in crate::snapshot) vault: &'a Store,
    /// The tree of the newest snapshot.
    pub(in crate::snapshot) before: Option<&'a Tree>,
    /// Whether what nobody has is kept; else it is only looked at.
    pub(in crate::snapshot) keeps: bool,
    /// Whether it must be on the disk in the end.
    pub(in crate::snapshot) durable: bool,
    /// When it began.
    pub(in crate::snapshot) began: Timestamp,
    /// Set by whoever wants it to stop.
    pub(in crate::snapshot) stop: &'a AtomicBool,
    pub(in crate::snapshot) told: &'a (dyn Fn(Moment) + Sync),
}

/// What was captured.
#[derive(Debug)]
pub(in crate::snapshot) struct Captured {
    pub(in crate::snapshot) tree: Tree,
    /// How it looked.
    pub(in crate::snapshot) looked: Vec<Looked>,
    /// What changed while it was captured.
    pub(in crate::snapshot) changed: Vec<PathBuf>,
    /// Whether it is the tree of the newest snapshot again.
    pub(in crate::snapshot) is_as_before: bool,
    /// Files that were read.
    pub(in crate::snapshot) read: usize,
    /// The bytes that were added to what is kept.
    pub(in crate::snapshot) stored: u64,
}

/// What one look at everything came to.
struct Attempt {
    looked: Vec<Looked>,
    contents: HashMap<usize, ContentId>,
    changed: Vec<PathBuf>,
    read: usize,
}

impl Capturing<'_> {
    /// Captures. What changes while that goes on is looked at again, three times; then it is named.
    pub(in crate::snapshot) fn run(&self) -> Result<Captured, SnapshotError> {
        // Wheels that are looked at now are shared in the end.
        let _hold = self.cache.map(Store::hold).transpose()?;
        let mut known = Known::gather(self.register, self.vault, self.before);
        let segments = self.vault.segments()?;
        let writers = Writers::new(self.vault);
        let mut attempt = self.attempt(&mut known, &segments, &writers)?;
        for _ in 1..MOST_ATTEMPTS {
            if attempt.changed.is_empty() {
                break;
            }
            attempt = self.attempt(&mut known, &segments, &writers)?;
        }
        (self.told)(Moment::Keeping);
        let mut stored = writers.finish(self.durable)?;
        let Attempt { looked, contents, changed, read } = attempt;
        let (tree, used) = compose(&looked, &contents, &known);
        for wheel in used.into_iter().filter(|_| self.keeps) {
            let before = self.vault.pack(&wheel.id())?.is_some();
            let shared = self.vault.share(&wheel)?;
            if self.durable && !before {
                shared.open()?.sync_all().map_err(SnapshotError::at("write to the disk", shared.path()))?;
            }
            stored += if before { 0 } else { shared.size() };
        }
        known.stats.keep_only(looked.iter().map(|one| &one.stat));
        // Without it the next one has to read everything again, and that is all.
        if known.has_learned
            && let Err(error) = known.stats.write(&self.register.snapshot_stats())
        {
            tracing::debug!(%error, "what was hashed is not remembered");
        }
        let is_as_before = self.before == Some(&tree);
        Ok(Captured { tree, looked, changed, is_as_before, read, stored })
    }

    fn attempt(&self, known: &mut Known, segments: &Segments, writers: &Writers<'_>) -> Result<Attempt, SnapshotError> {
        (self.told)(Moment::Looking);
        let stopped = || self.stop.load(Ordering::Relaxed);
        let looked = look(self.root, &|stat| known.stats.is_bare(stat), self.stop)
            .map_err(|error| SnapshotError::storage("read the environment", error))?;
        let mut contents = HashMap::with_capacity(looked.len());
        let (mut unknown, mut wanted) = (Vec::new(), Vec::new());
        let has = |known: &Known, id: &ContentId| !self.keeps || known.place(id).is_some() || segments.contains(id);
        for (index, one) in looked.iter().enumerate().filter(|(_, one)| one.sight == Sight::File) {
            if let Some(id) = known.content(one).filter(|id| has(known, id)) {
                contents.insert(index, id);
                continue;
            }
            unknown.push(index);
        }
        if !unknown.is_empty() {
            known.look_at_wheels(self.register, self.cache);
        }
        let found = ask(&unknown, |index| {
            let one = &looked[*index];
            known.content(one).map(|id| (id, false)).or_else(|| Some((known.unpacked_content(one)?, true)))
        });
        for (index, found) in unknown.into_iter().zip(found) {
            let one = &looked[index];
            if let Some((id, true)) = found {
                known.learn(one, one.stat, id, self.began);
            }
            match found.filter(|(id, _)| has(known, id)) {
                Some((id, _)) => drop(contents.insert(index, id)),
                None => wanted.push((index, one.stat.size)),
            }
        }
        if stopped() {
            return Err(SnapshotError::Stopped);
        }
        (self.told)(Moment::Reading { files: wanted.len(), bytes: wanted.iter().map(|(_, size)| size).sum() });
        let read = wanted.len();
        let keeping = Keeping { keeps: self.keeps, has: &|id| has(known, id), writers, stop: self.stop };
        let all = read_all(&keeping, wanted, &|index| self.root.join(&looked[index].path))?;
        if stopped() {
            return Err(SnapshotError::Stopped);
        }
        let mut changed = Vec::new();
        for one in all {
            let seen = &looked[one.index];
            match one.content {
                Some((id, stat)) if is_same_content(&stat, &seen.stat) => {
                    known.learn(seen, stat, id, self.began);
                    contents.insert(one.index, id);
                }
                // It is kept as it was read, and named.
                Some((id, _)) => {
                    contents.insert(one.index, id);
                    changed.push(seen.path.clone());
                }
                None => changed.push(seen.path.clone()),
            }
        }
        // What was added, removed or renamed has left its mark on a folder.
        let folders = looked.iter().filter(|one| one.sight == Sight::Folder);
        changed.extend(folders.filter(|one| !is_as_it_was(self.root, one)).map(|one| one.path.clone()));
        changed.retain(|path| !path.iter().any(|part| part == "__pycache__"));
        Ok(Attempt { looked, contents, changed, read })
    }
}

fn is_as_it_was(root: &Path, folder: &Looked) -> bool {
    let now = fs::symlink_metadata(root.join(&folder.path)).map(|found| Stat::of(&found));
    // Where this program stages inside, the root changes.
    now.is_ok_and(|now| now.is_as(&folder.stat) || folder.path.as_os_str().is_empty())
}

/// Which files are further names of others, and of which: those with the first name of each.
fn first_names(looked: &[Looked], contents: &HashMap<usize, ContentId>) -> HashMap<usize, usize> {
    let mut firsts: HashMap<(u64, u64), usize> = HashMap::new();
    let mut others = HashMap::new();
    let files = looked.iter().enumerate().filter(|(_, one)| one.sight == Sight::File && one.stat.links > 1);
    for (index, one) in files.filter(|(index, _)| contents.contains_key(index)) {
        let first = *firsts.entry((one.stat.device, one.stat.inode)).or_insert(index);
        // What changed between two looks is not the same.
        let same = |at: usize| {
            let Looked { attributes, extended, sparse, stat, .. } = &looked[at];
            (*attributes, extended.clone(), *sparse, stat.size, contents.get(&at).copied())
        };
        if first != index && same(first) == same(index) {
            others.insert(index, first);
        }
    }
    others
}

/// The tree, and the wheels that it refers to. The same files make the same tree, whatever was found in which order.
pub(super) fn compose(
    looked: &[Looked],
    contents: &HashMap<usize, ContentId>,
    known: &Known,
) -> (Tree, Vec<crate::objects::Pack>) {
    let mut used: BTreeMap<ContentId, u32> = BTreeMap::new();
    for (wheel, _) in contents.values().filter_map(|id| known.place(id)) {
        used.insert(known.wheel(*wheel).id(), *wheel);
    }
    let numbers: HashMap<u32, u32> = used.values().zip(0..).map(|(wheel, number)| (*wheel, number)).collect();
    let first_names = first_names(looked, contents);
    let entry = |(index, one): (usize, &Looked)| {
        let node = match &one.sight {
            Sight::Folder => Node::Folder,
            Sight::Link(target) => Node::Link(target.clone()),
            Sight::Other => Node::Other,
            Sight::File => {
                // One that could not be read to its end is gone, or will be.
                let sha256 = *contents.get(&index)?;
                let place = known.place(&sha256);
                let wheel = place.map(|(wheel, path)| WheelFile { wheel: numbers[wheel], path: path.to_string() });
                let first = first_names.get(&index).map(|first| looked[*first].path.clone());
                Node::File(Content { size: one.stat.size, sha256, wheel, sparse: one.sparse, first })
            }
        };
        Some(Entry { path: one.path.clone(), attributes: one.attributes, extended: one.extended.clone(), node })
    };
    let entries = looked.iter().enumerate().filter_map(entry).collect();
    let packs: Vec<_> = used.values().map(|wheel| known.wheel(*wheel).clone()).collect();
    let wheels = packs.iter().map(|pack| Wheel { sha256: pack.id(), name: pack.name().to_owned() }).collect();
    (Tree { wheels, entries }, packs)
}
