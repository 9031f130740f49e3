//! Linking a tree into an environment.
//!
//! A hard link shares the file: an edit in place through one environment is seen in the tree. So each link is compared with the
//! manifest *after* it was made; what differs was edited before, is not handed out, and is unpacked anew from the pack. The edited
//! file keeps its other names, so that the environment in which it was edited does not change.

use std::cell::Cell;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::unpack::{finish, unpack_one};
use super::{Tree, TreeFile};
use crate::objects::hash::hash_file;
use crate::objects::link::{copy, is_hopeless, may_go_another_way, undo};
use crate::objects::{ContentId, Hold, LinkMode, Linked, StoreError};

/// What linking a tree did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LinkReport {
    /// Files that share their blocks until they are written to.
    pub reflinked: usize,
    /// Files that are hard links.
    pub hard_linked: usize,
    /// Files that are copies.
    pub copied: usize,
    /// Files that had been edited through another environment, and were unpacked anew.
    pub repaired: usize,
}

/// Links files of one tree, and remembers from one file to the next which ways are not worth trying. While it is there, nothing of
/// the store is deleted. Not for several threads: each has its own.
#[derive(Debug)]
pub struct Linker<'a> {
    tree: &'a Tree,
    ways: Ways,
    _hold: Hold,
}

impl Linker<'_> {
    /// Links one file to `destination`, where nothing may be.
    ///
    /// # Errors
    /// As [`Tree::link_file`].
    pub fn link(&self, file: &TreeFile, destination: &Path) -> Result<Linked, StoreError> {
        self.tree.link_by(&self.ways, file, destination)
    }
}

/// Which ways are still worth trying, from one file to the next.
#[derive(Debug)]
struct Ways {
    reflink: Cell<bool>,
    hard_link: Cell<bool>,
    repaired: Cell<usize>,
}

impl Ways {
    const fn of(mode: LinkMode) -> Self {
        let tried = matches!(mode, LinkMode::Auto);
        Self { reflink: Cell::new(tried), hard_link: Cell::new(tried), repaired: Cell::new(0) }
    }
}

impl Tree {
    /// For linking many files one by one.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be held.
    pub fn linker(&self, mode: LinkMode) -> Result<Linker<'_>, StoreError> {
        Ok(Linker { tree: self, ways: Ways::of(mode), _hold: self.pack.store.hold()? })
    }

    /// The content of a file, which has at most `limit` bytes: as it was unpacked, else as the pack has it.
    ///
    /// # Errors
    /// [`StoreError::Archive`] when it is larger, [`StoreError::Gone`] when the pack was deleted.
    pub fn read(&self, file: &TreeFile, limit: u64) -> Result<Vec<u8>, StoreError> {
        if file.size() <= limit
            && let Ok(bytes) = fs::read(self.path_of(file))
            && ContentId::of(&bytes) == file.sha256
        {
            return Ok(bytes);
        }
        let gone = || StoreError::Gone { what: format!("the pack {}, which holds `{}`", self.pack.id, file.path) };
        let pack = self.pack.store.pack(&self.pack.id)?.ok_or_else(gone)?;
        let bytes = pack.archive()?.read(&file.path, limit).map_err(|error| pack.refused(error))?;
        let got = ContentId::of(&bytes);
        if got != file.sha256 {
            return Err(StoreError::Mismatch { name: file.path.clone(), expected: file.sha256, got });
        }
        Ok(bytes)
    }

    /// Hashes a file, whatever its size and times say; one that is wrong is unpacked anew. Answers whether it was right.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be unpacked.
    pub fn check(&self, file: &TreeFile) -> Result<bool, StoreError> {
        let _hold = self.pack.store.hold()?;
        let found = hash_file(&self.path_of(file));
        let is_right = found.is_ok_and(|found| found.id == file.sha256);
        if !is_right {
            tracing::warn!(pack = %self.pack.id, file = file.path, "damaged: unpacked anew");
            self.unpack_again(file)?;
        }
        Ok(is_right)
    }

    /// Links one file to `destination`, where nothing may be.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is left at the destination then. [`StoreError::Gone`] when the file must be unpacked anew and its pack
    /// is not there any more.
    pub fn link_file(&self, file: &TreeFile, destination: &Path, mode: LinkMode) -> Result<Linked, StoreError> {
        let _hold = self.pack.store.hold()?;
        self.link_by(&Ways::of(mode), file, destination)
    }

    /// Links all files below `destination`, making the folders.
    ///
    /// # Errors
    /// As [`Tree::link_file`]. What was linked until then stays.
    pub fn link_into(&self, destination: &Path, mode: LinkMode) -> Result<LinkReport, StoreError> {
        let _hold = self.pack.store.hold()?;
        let ways = Ways::of(mode);
        let mut report = LinkReport::default();
        let mut parent_there: Option<PathBuf> = None;
        for file in self.files() {
            let path = destination.join(&file.path);
            if let Some(parent) = path.parent().filter(|parent| parent_there.as_deref() != Some(*parent)) {
                let failed = |error| StoreError::at("make a folder", parent)(error).outside();
                fs::create_dir_all(parent).map_err(failed)?;
                parent_there = Some(parent.to_owned());
            }
            match self.link_by(&ways, file, &path)? {
                Linked::Reflink => report.reflinked += 1,
                Linked::HardLink => report.hard_linked += 1,
                Linked::Copy => report.copied += 1,
            }
        }
        report.repaired = ways.repaired.get();
        Ok(report)
    }

    fn link_by(&self, ways: &Ways, file: &TreeFile, destination: &Path) -> Result<Linked, StoreError> {
        if let Some(linked) = self.try_link(ways, file, destination)? {
            return Ok(linked);
        }
        // Nothing is lost, and it is counted in the report: no matter for whoever installs something else.
        tracing::debug!(pack = %self.pack.id, file = file.path, "edited through an environment: unpacked anew");
        ways.repaired.set(ways.repaired.get() + 1);
        self.unpack_again(file)?;
        if let Some(linked) = self.try_link(ways, file, destination)? {
            return Ok(linked);
        }
        // Edited again at once, or unpacked by another user: a copy of what the pack holds is right in any case.
        self.unpack_to(file, destination).map_err(StoreError::outside)?;
        Ok(Linked::Copy)
    }

    /// Links the file if it is as it was unpacked. `None` when it is not, and then nothing is at the destination.
    fn try_link(&self, ways: &Ways, file: &TreeFile, destination: &Path) -> Result<Option<Linked>, StoreError> {
        let source = self.path_of(file);
        let failed = |error| StoreError::at("link", destination)(error).outside();
        let linked = match any_way(ways, &source, destination) {
            Err(_) if is_missing(&source) => return Ok(None),
            linked => linked.map_err(failed)?,
        };
        let looked = if linked == Linked::HardLink { destination } else { &source };
        let is_good = fs::symlink_metadata(looked).is_ok_and(|found| file.is_as(&found, self.manifest.owner));
        if !is_good {
            undo(destination);
            return Ok(None);
        }
        if linked != Linked::HardLink {
            let dressed = File::options().write(true).open(destination);
            dressed.and_then(|copy| finish(&copy, file.mode, file.mtime_ns())).map_err(|error| {
                undo(destination);
                failed(error)
            })?;
        }
        Ok(Some(linked))
    }

    /// Puts a fresh file in place of an edited one, as one step.
    fn unpack_again(&self, file: &TreeFile) -> Result<(), StoreError> {
        let store = &self.pack.store;
        let scratch = store.scratch()?;
        self.unpack_to(file, scratch.path())?;
        store.put_in_place(scratch.path(), &self.path_of(file))
    }

    fn unpack_to(&self, file: &TreeFile, path: &Path) -> Result<(), StoreError> {
        let id = self.pack.id;
        let gone = || StoreError::Gone { what: format!("the pack {id}, which holds `{}`", file.path) };
        let pack = self.pack.store.pack(&id)?.ok_or_else(gone)?;
        let mut archive = pack.archive()?;
        let entry = archive.entry(&file.path).ok_or_else(gone)?.clone();
        let (found, _) = unpack_one(&pack, &mut archive, &entry, path, self.first).inspect_err(|_| undo(path))?;
        let dressed = File::options().write(true).open(path);
        dressed.and_then(|copy| finish(&copy, file.mode, file.mtime_ns())).map_err(StoreError::at("unpack", path))?;
        if found.sha256 != file.sha256 {
            undo(path);
            let (expected, got) = (file.sha256, found.sha256);
            return Err(StoreError::Mismatch { name: file.path.clone(), expected, got });
        }
        Ok(())
    }
}

fn is_missing(path: &Path) -> bool {
    fs::symlink_metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

fn any_way(ways: &Ways, source: &Path, destination: &Path) -> io::Result<Linked> {
    if ways.reflink.get() {
        match reflink_copy::reflink(source, destination) {
            Ok(()) => return Ok(Linked::Reflink),
            Err(error) if is_hopeless(&error) => ways.reflink.set(false),
            Err(error) => return Err(error),
        }
    }
    if ways.hard_link.get() {
        match fs::hard_link(source, destination) {
            Ok(()) => return Ok(Linked::HardLink),
            Err(error) if may_go_another_way(&error) => ways.hard_link.set(!is_hopeless(&error)),
            Err(error) => return Err(error),
        }
    }
    copy(source, destination).map(|()| Linked::Copy)
}
