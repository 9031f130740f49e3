//! The steps of a rollback that touch files: building beside, and switching.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::build::Building;
use super::durable::sync_stage;
use super::plan::Recipe;
use super::source::{Sources, dress};
use crate::installer::change::{StageFolder, Switched, Switching};
use crate::installer::stage::{self, Composition, FileStamp, Kind};
use crate::installer::switch::{Folders, Identity, Journal, Look, Register};
use crate::installer::{How, InstallError};
use crate::objects::Store;
use crate::snapshot::capture::{Looked, Sight};
use crate::snapshot::tree::{Attributes, Entry, Tree};
use crate::snapshot::{Moment, SnapshotError, SnapshotEvent, Snapshots};

/// All that a rollback takes. The environment is locked, and what is there was captured.
pub(in crate::snapshot) struct Returning<'a> {
    pub(in crate::snapshot) root: &'a Path,
    pub(in crate::snapshot) register: &'a Register,
    pub(in crate::snapshot) snapshots: &'a Snapshots,
    pub(in crate::snapshot) vault: Store,
    /// The snapshot, for messages.
    pub(in crate::snapshot) number: u64,
    /// What is there, and how it looked; `None` when nothing is.
    pub(in crate::snapshot) current: Option<(&'a Tree, &'a [Looked])>,
    pub(in crate::snapshot) target: &'a Tree,
    /// Whether files are to be replaced one by one.
    pub(in crate::snapshot) in_place: bool,
    /// The one path that the trees are of, where they are not of all of the environment.
    pub(in crate::snapshot) only: Option<PathBuf>,
    pub(in crate::snapshot) stop: &'a AtomicBool,
}

/// What was built beside.
#[derive(Debug)]
pub(in crate::snapshot) struct Built {
    stage: StageFolder,
    before: Option<Identity>,
    in_place: bool,
    /// Whether it is one file, which is replaced by itself.
    single: bool,
    recipe: Recipe,
}

/// What a rollback did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::snapshot) struct Returned {
    pub(in crate::snapshot) how: How,
    /// Whether it was one file, which nobody can have seen half of.
    pub(in crate::snapshot) single: bool,
    pub(in crate::snapshot) put: usize,
    pub(in crate::snapshot) kept: usize,
    pub(in crate::snapshot) lost: Vec<PathBuf>,
}

impl Built {
    /// Where the interpreter of what was built lies, if it is there as a whole.
    pub(in crate::snapshot) fn folder(&self) -> Option<&Path> {
        (!self.in_place).then(|| self.stage.path())
    }
}

impl Returning<'_> {
    fn tell(&self, moment: Moment) {
        self.snapshots.tell(SnapshotEvent::Moment { moment });
    }

    /// Whether everything that has to be put back can be had. Looks at no content.
    pub(in crate::snapshot) fn sources(&self, recipe: &Recipe) -> Result<Sources, SnapshotError> {
        let needed = |wheel: usize| {
            let entries = recipe.put.iter().filter_map(|index| self.target.entries[*index].content());
            entries.filter_map(|content| content.wheel.as_ref()).any(|file| file.wheel as usize == wheel)
        };
        let needed: Vec<bool> = (0..self.target.wheels.len()).map(needed).collect();
        let cache = self.snapshots.shared.cache.as_ref();
        let sources = Sources::open(&self.vault, cache, &self.target.wheels, &|wheel| needed[wheel])?;
        let entries = recipe.put.iter().map(|index| &self.target.entries[*index]);
        let missing: Vec<_> =
            entries.filter(|entry| entry.content().is_some_and(|content| !sources.has(content))).collect();
        if let Some(first) = missing.first() {
            let reason = format!(
                "the content of {} of its files is gone, {} among them: choose another snapshot (`stratheal snapshot verify` says which are whole)",
                missing.len(),
                first.path.display()
            );
            return Err(SnapshotError::Damaged { number: self.number, reason });
        }
        Ok(sources)
    }

    /// Builds what it will be, beside what it is.
    pub(in crate::snapshot) fn build(&self) -> Result<Built, SnapshotError> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let root = self.root;
        let recipe = Recipe::new(self.current.map(|(tree, _)| tree), self.target);
        let sources = self.sources(&recipe)?;
        self.tell(Moment::Building { files: recipe.put.len() });
        let before = Identity::of(root).map_err(SnapshotError::at("look at the environment", root))?;
        // Numbers of their own: a process may install at the same time, elsewhere.
        let number = (1 << 32) + COUNT.fetch_add(1, Ordering::Relaxed);
        let (stage, is_beside) = StageFolder::make(self.register, root, number)?;
        let single = recipe.single(self.current.map(|(tree, _)| tree), self.target);
        let in_place = before.is_some() && (self.in_place || !is_beside || single.is_some() || self.only.is_some());
        let current = self.current.map(|_| root).filter(|_| !in_place);
        Building { root, current, target: self.target, recipe: &recipe, sources: &sources, stop: self.stop }
            .build(stage.path())?;
        sync_stage(stage.path(), self.target, &recipe)?;
        let single = single.is_some();
        Ok(Built { stage, before, in_place, single, recipe })
    }

    /// Switches. `None` when somebody changed the environment meanwhile: then it is as they left it.
    pub(in crate::snapshot) fn switch(&self, built: Built) -> Result<Option<Returned>, SnapshotError> {
        let Built { mut stage, before, in_place, single, recipe } = built;
        if self.stop.load(Ordering::Relaxed) {
            return Err(SnapshotError::Stopped);
        }
        let current: Vec<stage::Entry> =
            self.current.map(|(_, looked)| looked.iter().filter_map(entry).collect()).unwrap_or_default();
        let looks: Vec<_> = recipe.folders.iter().map(|index| look(&self.target.entries[*index])).collect();
        let folders = looks.iter().filter(|(path, _)| !path.as_os_str().is_empty());
        let folders = folders.map(|(path, look)| (path.clone(), Some(look.attributes))).collect();
        let composition = Composition::of(folders, recipe.kept.clone(), recipe.links.clone());
        let told = |moment| self.tell(Moment::Switch { moment });
        let switching = Switching {
            root: self.root,
            stage: &mut stage,
            register: self.register,
            before,
            current: Some(&current),
            only: self.only.as_deref(),
            composition: &composition,
            folders: Folders::new(looks),
            told: &told,
        };
        let close = || {
            let closed = Journal::close(self.register);
            closed.map_err(|source| InstallError::storage("close the journal", source))
        };
        let how = match switching.switch(in_place)? {
            Switched::Done(how) => how,
            Switched::Changed(changed) => {
                tracing::debug!(?changed, "changed while it was switched");
                drop(stage);
                close()?;
                return Ok(None);
            }
        };
        self.tell(Moment::Cleaning);
        // First: where it lay within, its end changes the time of the folder around it.
        drop(stage);
        if how == How::Replaced {
            // The switch has seen to all but what is attached to folders that were there before.
            for folder in recipe.folders.iter().rev().map(|index| &self.target.entries[*index]) {
                dress(&self.root.join(&folder.path), folder)?;
            }
        } else if let Some(root) = recipe.folders.first().map(|index| &self.target.entries[*index]) {
            // In the stage it looked right, but XFS gives a folder that gets another parent a new time.
            dress(self.root, root)?;
        }
        if let Some(parent) = self.root.parent() {
            File::open(parent)
                .and_then(|folder| folder.sync_all())
                .map_err(SnapshotError::at("write to the disk", parent))?;
        }
        close()?;
        Ok(Some(Returned {
            how,
            single,
            put: recipe.put.len() + recipe.names.len(),
            kept: recipe.kept.len(),
            lost: recipe.lost,
        }))
    }
}

fn look(folder: &Entry) -> (PathBuf, Look) {
    let Attributes { mode, uid, gid, mtime_ns: modified_ns } = folder.attributes;
    (folder.path.clone(), Look { attributes: stage::Attributes { mode, uid, gid }, modified_ns })
}

/// What a switch compares.
fn entry(looked: &Looked) -> Option<stage::Entry> {
    let Attributes { mode, uid, gid, mtime_ns } = looked.attributes;
    let kind = match &looked.sight {
        _ if looked.path.as_os_str().is_empty() => return None,
        Sight::Folder => Kind::Folder(stage::Attributes { mode, uid, gid }),
        Sight::Link(target) => Kind::Link { target: target.clone() },
        Sight::File | Sight::Other => {
            let stat = &looked.stat;
            Kind::File { stamp: FileStamp { device: stat.device, inode: stat.inode, size: stat.size, mtime_ns } }
        }
    };
    Some(stage::Entry { path: looked.path.clone(), kind })
}
