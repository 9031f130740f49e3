//! The unpacked tree of a pack.
//!
//! It lies in `trees/`: a folder with `files/`, the manifest, and a marker that says during which start of the machine it was last
//! known to be good. The folder appears as one step and may be deleted at any time. Beside it stands when it was unpacked for the
//! first time, which outlives it, so that files get the same times again.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::manifest::Manifest;
use super::unpack::{Wheel, unpack_all};
use super::{RecordProblem, TreeFile};
use crate::base::fs::read_text;
use crate::objects::hash::hash_file;
use crate::objects::lookup::touch;
use crate::objects::stamp::mtime_for;
use crate::objects::{ContentId, Kind, Pack, Scratch, Store, StoreError};

/// The unpacked tree of a wheel. It may be deleted unless the store is held ([`Store::hold`]).
#[derive(Debug, Clone)]
pub struct Tree {
    pub(super) pack: Pack,
    pub(super) folder: PathBuf,
    pub(super) manifest: Arc<Manifest>,
    pub(super) first: i64,
}

/// When a tree was last known to be good, and its size. Its own time is when the tree was last used.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::objects) struct Marker {
    boot: Option<String>,
    pub(in crate::objects) bytes: u64,
    manifest: ContentId,
}

impl Marker {
    /// Reads a marker; a text that is none is `None`.
    pub(in crate::objects) fn read(tree: &Path) -> Option<Self> {
        serde_json::from_str(&read_text(&Self::place(tree), 4_096).ok()?).ok()
    }

    pub(in crate::objects) fn place(tree: &Path) -> PathBuf {
        tree.join("good.json")
    }
}

/// What a tree says about itself; `None` when that is damaged.
fn load(tree: &Path) -> Option<(Marker, Manifest)> {
    let marker = Marker::read(tree)?;
    let manifest = Manifest::read(&manifest_of(tree), &marker.manifest)?;
    Some((marker, manifest))
}

fn manifest_of(tree: &Path) -> PathBuf {
    tree.join("manifest.json")
}

/// Where the files of a tree lie.
pub(in crate::objects) fn files_of(tree: &Path) -> PathBuf {
    tree.join("files")
}

/// Where the time of a tree's first unpacking stands.
pub(in crate::objects) fn first_of(tree: &Path) -> PathBuf {
    tree.with_extension("first")
}

impl Tree {
    /// Its files, in the order of the archive.
    #[must_use]
    pub fn files(&self) -> &[TreeFile] {
        &self.manifest.files
    }

    /// In what the wheel's RECORD is wrong about them.
    #[must_use]
    pub fn problems(&self) -> &[RecordProblem] {
        &self.manifest.problems
    }

    /// The file with this path.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<&TreeFile> {
        self.manifest.files.iter().find(|file| file.path == path)
    }

    /// Where a file of the tree lies. It may have been edited: link it ([`Tree::link_file`]) to be sure.
    #[must_use]
    pub fn path_of(&self, file: &TreeFile) -> PathBuf {
        files_of(&self.folder).join(&file.path)
    }
}

/// A file of a tree that is not what it was.
pub(in crate::objects) struct DamagedFile {
    pub(in crate::objects) path: String,
    pub(in crate::objects) place: PathBuf,
    pub(in crate::objects) reason: String,
}

/// Hashes all files of a tree; `None` when its manifest cannot be read. `on` gets the bytes of each file, and may end it.
pub(in crate::objects) fn check_tree(tree: &Path, on: &mut dyn FnMut(u64) -> bool) -> Option<Vec<DamagedFile>> {
    let (_, manifest) = load(tree)?;
    let mut damaged = Vec::new();
    for file in &manifest.files {
        let place = files_of(tree).join(&file.path);
        let reason = match hash_file(&place) {
            Ok(hashed) if hashed.id == file.sha256 => None,
            Ok(hashed) => Some(format!("it hashes to {} ({} bytes)", hashed.id, hashed.stamp.size)),
            Err(error) => Some(error.to_string()),
        };
        damaged.extend(reason.map(|reason| DamagedFile { path: file.path.clone(), place, reason }));
        if !on(file.size()) {
            break;
        }
    }
    Some(damaged)
}

impl Store {
    /// The unpacked tree of a wheel; it is unpacked if it is not there. All files are hashed while they are unpacked, and compared with
    /// RECORD; where that is wrong, [`Tree::problems`] says so.
    ///
    /// # Errors
    /// [`StoreError::Archive`] when the archive is refused or no wheel, [`StoreError::Gone`] when the pack was deleted.
    pub fn tree(&self, pack: &Pack) -> Result<Tree, StoreError> {
        let _hold = self.hold()?;
        let folder = self.path_of(Kind::Tree, &pack.id);
        if let Some(manifest) = self.good_tree(&pack.id, &folder)? {
            let first = self.first_unpacked(&folder)?;
            return Ok(Tree { pack: pack.clone(), folder, manifest: manifest.into(), first });
        }
        let scratch = self.scratch()?;
        let wheel = Wheel::open(pack)?;
        let first = self.first_unpacked(&folder)?;
        let manifest = unpack_all(wheel, &files_of(scratch.path()), first)?;
        let (place, text) = (manifest_of(scratch.path()), manifest.to_text());
        fs::write(&place, &text).map_err(StoreError::at("write", &place))?;
        let bytes = manifest.files.iter().map(TreeFile::size).sum();
        self.mark(scratch.path(), bytes, ContentId::of(text.as_bytes()))?;
        let manifest = match self.put_in_place(scratch.path(), &folder) {
            Ok(()) => manifest,
            // Somebody else has just unpacked the same, or left something damaged, which is out of the way now.
            Err(_) => match self.good_tree(&pack.id, &folder)? {
                Some(theirs) => theirs,
                None => self.put_in_place(scratch.path(), &folder).map(|()| manifest)?,
            },
        };
        Ok(Tree { pack: pack.clone(), folder, manifest: manifest.into(), first })
    }

    /// Where a file of a pack's tree lies, if it was unpacked. Nothing is looked at.
    #[must_use]
    pub fn unpacked_path(&self, id: &ContentId, path: &str) -> PathBuf {
        files_of(&self.path_of(Kind::Tree, id)).join(path)
    }

    /// Deletes the tree of a pack, if there is one. It is unpacked again when it is wanted.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be deleted.
    pub fn drop_tree(&self, id: &ContentId) -> Result<(), StoreError> {
        self.take_tree(id).map(drop)
    }

    /// Moves a tree out of the way as one step; it is deleted when the answer is dropped, which may take long, and may be cut off.
    pub(in crate::objects) fn take_tree(&self, id: &ContentId) -> Result<Option<Scratch>, StoreError> {
        let folder = self.path_of(Kind::Tree, id);
        let scratch = self.scratch()?;
        match fs::rename(&folder, scratch.path()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            moved => moved.map(|()| Some(scratch)).map_err(StoreError::at("delete", &folder)),
        }
    }

    /// The manifest of a tree that can be used. One that cannot be understood is moved out of the way.
    fn good_tree(&self, id: &ContentId, folder: &Path) -> Result<Option<Manifest>, StoreError> {
        let loaded = match load(folder) {
            None if !self.drop_damaged_tree(id, folder)? => load(folder),
            loaded => loaded,
        };
        let Some((marker, manifest)) = loaded else { return Ok(None) };
        let boot = self.shared.boot.as_deref();
        if boot.is_some() && marker.boot.as_deref() == boot {
            touch(&Marker::place(folder), self.now());
            return Ok(Some(manifest));
        }
        // The files of the right size may be full of zeros: those that are wrong go, and are unpacked anew when they are linked.
        for damaged in check_tree(folder, &mut |_| true).unwrap_or_default() {
            tracing::warn!(%id, file = damaged.path, reason = damaged.reason, "damaged since the machine was started");
            match fs::remove_file(&damaged.place) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(StoreError::at("delete", &damaged.place)(error));
                }
                _ => {}
            }
        }
        self.mark(folder, marker.bytes, marker.manifest)?;
        Ok(Some(manifest))
    }

    /// Moves a tree out of the way whose manifest cannot be understood. Answers whether there was one.
    pub(in crate::objects) fn drop_damaged_tree(&self, id: &ContentId, folder: &Path) -> Result<bool, StoreError> {
        // In this order: one that was placed after somebody found none is whole.
        if !folder.is_dir() || load(folder).is_some() {
            return Ok(false);
        }
        let Some(taken) = self.take_tree(id)? else { return Ok(false) };
        if load(taken.path()).is_none() {
            return Ok(true);
        }
        // What was damaged a moment ago was replaced by somebody else, who uses the new one.
        if let Err(error) = self.put_in_place(taken.path(), folder) {
            tracing::debug!(%id, %error, "a tree is unpacked once more");
        }
        Ok(false)
    }

    fn mark(&self, folder: &Path, bytes: u64, manifest: ContentId) -> Result<(), StoreError> {
        let boot = self.shared.boot.as_deref().map(str::to_owned);
        let marker = Marker { boot, bytes, manifest };
        let place = Marker::place(folder);
        self.write_whole(&place, &serde_json::to_string(&marker).unwrap_or_default())?;
        touch(&place, self.now());
        Ok(())
    }

    /// The time of the first unpacking, in nanoseconds; now, if it was never unpacked.
    fn first_unpacked(&self, folder: &Path) -> Result<i64, StoreError> {
        let place = first_of(folder);
        let read = || read_text(&place, 64).ok().and_then(|text| text.trim().parse::<i64>().ok());
        if let Some(first) = read() {
            return Ok(first);
        }
        let first = mtime_for(self.now());
        let scratch = self.scratch()?;
        fs::write(scratch.path(), format!("{first}\n")).map_err(StoreError::at("write", scratch.path()))?;
        if let Some(parent) = place.parent() {
            fs::create_dir_all(parent).map_err(StoreError::at("make a folder", parent))?;
        }
        // The first one to come wins, so that all get the same time. One that cannot be read is replaced.
        match fs::hard_link(scratch.path(), &place) {
            Ok(()) => Ok(first),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && read().is_some() => {
                Ok(read().unwrap_or(first))
            }
            Err(_) => self.put_in_place(scratch.path(), &place).map(|()| first),
        }
    }
}
