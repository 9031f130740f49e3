//! Taking in a snapshot that somebody exported.
//!
//! All of it may be hostile. Nothing is written but objects of the store, each under the hash that it was found to have, until
//! everything is there that the tree needs; the tree says by itself that it stays within its root.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;
use tar::{Archive, EntryType};

use super::catalog::{Invalid, parse_snapshot, read_tree};
use super::export::{HEAD, OBJECTS, TREE, WHEELS, contents_of};
use super::tree::Tree;
use super::{Reason, Snapshot, SnapshotError, Snapshots};
use crate::objects::{ContentId, StoreError};

/// The largest first members, in bytes.
const LARGEST_HEAD: u64 = 64 << 20;
const LARGEST_TREE: u64 = 256 << 20;

/// The largest wheel, in bytes.
const LARGEST_WHEEL: u64 = 16 << 30;

/// What was imported.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Imported {
    /// The snapshot, with its number here.
    pub snapshot: Snapshot,
    /// Wheels and contents that were added.
    pub added: usize,
    /// Those that were there already.
    pub there: usize,
}

impl Snapshots {
    /// Takes in a snapshot out of a file that [`Snapshots::export`] wrote.
    ///
    /// # Cancellation
    /// Dropping the future stops the work; nothing is left but what the next collection deletes.
    ///
    /// # Errors
    /// [`SnapshotError::NotAnExport`] when it is none, is cut off or damaged, or needs what is not here.
    pub async fn import(&self, path: &Path) -> Result<Imported, SnapshotError> {
        let path = path.to_owned();
        self.blocking(move |own, stop| own.read_export(&path, stop)).await
    }

    fn read_export(&self, path: &Path, stop: &AtomicBool) -> Result<Imported, SnapshotError> {
        let refused = |reason: String| SnapshotError::NotAnExport { path: path.to_owned(), reason };
        let file = File::open(path).map_err(SnapshotError::at("read the export", path))?;
        let decoder = zstd::stream::read::Decoder::new(BufReader::new(file));
        let decoder = decoder.map_err(|error| refused(error.to_string()))?;
        let mut archive = Archive::new(decoder);
        let entries = archive.entries().map_err(|error| refused(error.to_string()))?;
        let mut members = Members { entries, refused: &refused };
        let invalid = |invalid: Invalid| match invalid {
            Invalid::Newer(found) => {
                SnapshotError::NewerFormat { what: path.display().to_string(), found, known: Snapshot::FORMAT }
            }
            Invalid::Other(reason) => refused(reason),
        };
        let text = String::from_utf8(members.head(HEAD, LARGEST_HEAD)?)
            .map_err(|_| refused("its head is no text".to_owned()))?;
        let snapshot = parse_snapshot(&text).map_err(invalid)?;
        if !snapshot.root.is_absolute() {
            return Err(refused("it does not say of which environment it is".to_owned()));
        }
        let tree = read_tree(members.head(TREE, LARGEST_TREE)?.as_slice(), snapshot.tree, None).map_err(invalid)?;
        if let Some((entry, _)) = tree.files().find(|(entry, _)| entry.attributes.mode & 0o6000 != 0) {
            // Nothing in an environment is, and restored by root it would be a way in.
            return Err(refused(format!("{} would run as its owner, whoever starts it", entry.path.display())));
        }
        let lock = self.shared.catalog.lock()?;
        let taking = Taking::new(self, &snapshot, &tree);
        let (added, there) = taking.all(&mut members, stop)?;
        self.complete(&snapshot, &tree, &refused)?;
        let catalog = &self.shared.catalog;
        catalog.put_tree(&lock, &tree, true)?;
        let label = snapshot.label.clone().filter(|label| Snapshot::check_label(label).is_ok());
        let reason = Reason::Imported { number: snapshot.number, reason: Box::new(snapshot.reason.clone()) };
        let snapshot = catalog.add(&lock, Snapshot { number: 0, reason, label, pinned: false, ..snapshot }, true)?;
        Ok(Imported { snapshot, added, there })
    }

    /// Whether everything is there that the snapshot needs.
    fn complete(
        &self,
        snapshot: &Snapshot,
        tree: &Tree,
        refused: &dyn Fn(String) -> SnapshotError,
    ) -> Result<(), SnapshotError> {
        let vault = self.vault()?;
        let segments = vault.segments()?;
        let mut wheels = Vec::with_capacity(tree.wheels.len());
        for wheel in &tree.wheels {
            wheels.push(vault.pack(&wheel.sha256)?.is_some());
        }
        let in_wheel =
            |content: &super::Content| content.wheel.as_ref().is_some_and(|file| wheels[file.wheel as usize]);
        let missing =
            tree.files().filter(|(_, content)| !in_wheel(content) && !segments.contains(&content.sha256)).count();
        let beside = snapshot.project.files.iter().filter(|file| !segments.contains(&file.sha256)).count();
        match missing + beside {
            0 => Ok(()),
            count => Err(refused(format!(
                "it was exported without {count} files that are not here: import the snapshot that it builds on first, or export all of it"
            ))),
        }
    }
}

/// The members of an export, one after the other.
struct Members<'a, R: Read> {
    entries: tar::Entries<'a, R>,
    refused: &'a dyn Fn(String) -> SnapshotError,
}

impl<'a, R: Read> Members<'a, R> {
    fn next(&mut self) -> Result<Option<(String, tar::Entry<'a, R>)>, SnapshotError> {
        let refused = self.refused;
        let Some(member) = self.entries.next() else { return Ok(None) };
        let member = member.map_err(|error| refused(format!("it is cut off or damaged: {error}")))?;
        let name = String::from_utf8(member.path_bytes().into_owned());
        let name = name.map_err(|_| refused("a name in it is no text".to_owned()))?;
        if member.header().entry_type() != EntryType::Regular {
            return Err(refused(format!("`{}` in it is no file", name.escape_debug())));
        }
        Ok(Some((name, member)))
    }

    /// The next one, which must have this name.
    fn head(&mut self, wanted: &str, limit: u64) -> Result<Vec<u8>, SnapshotError> {
        let refused = self.refused;
        let Some((_, member)) = self.next()?.filter(|(name, _)| name == wanted) else {
            return Err(refused(format!("it is no export of a snapshot: `{wanted}` is not where it should be")));
        };
        let mut bytes = Vec::new();
        let size = member.size();
        member.take(limit).read_to_end(&mut bytes).map_err(|error| refused(format!("it is cut off: {error}")))?;
        if bytes.len() as u64 == size {
            Ok(bytes)
        } else {
            Err(refused(format!("`{wanted}` is cut off, or too large")))
        }
    }
}

/// What of an export is taken.
struct Taking<'a> {
    own: &'a Snapshots,
    /// The sizes of contents that the snapshot has.
    sizes: HashMap<ContentId, u64>,
    wheels: HashMap<ContentId, String>,
}

impl<'a> Taking<'a> {
    fn new(own: &'a Snapshots, snapshot: &Snapshot, tree: &Tree) -> Self {
        let files = tree.files().map(|(_, content)| (content.sha256, content.size));
        let beside = snapshot.project.files.iter().map(|file| (file.sha256, file.size));
        let sizes: HashMap<_, _> = files.chain(beside).collect();
        debug_assert!(contents_of(snapshot, tree).all(|id| sizes.contains_key(&id)));
        let wheels = tree.wheels.iter().map(|wheel| (wheel.sha256, wheel.name.clone())).collect();
        Self { own, sizes, wheels }
    }

    /// Takes all members. Answers how many were added, and how many were there already.
    fn all<R: Read>(&self, members: &mut Members<'_, R>, stop: &AtomicBool) -> Result<(usize, usize), SnapshotError> {
        let refused = members.refused;
        let vault = self.own.vault()?;
        let segments = vault.segments()?;
        let mut writer = vault.segment()?;
        let (mut added, mut there, mut seen) = (0, 0, HashSet::new());
        while let Some((name, member)) = members.next()? {
            if stop.load(Ordering::Relaxed) {
                return Err(SnapshotError::Stopped);
            }
            let strange = || refused(format!("`{}` in it belongs to no snapshot", name.escape_debug()));
            let (kind, id) = name.split_once('/').ok_or_else(strange)?;
            let id: ContentId = id.parse().map_err(|_| strange())?;
            if !seen.insert((kind == WHEELS, id)) {
                return Err(refused(format!("`{name}` is in it twice")));
            }
            let wrong = || refused(format!("`{name}` in it is damaged: copy it again"));
            let cut_off = |error: io::Error| refused(format!("it is cut off or damaged at `{name}`: {error}"));
            let is_new = match kind {
                WHEELS => {
                    let file = self.wheels.get(&id).ok_or_else(strange)?;
                    if member.size() > LARGEST_WHEEL {
                        return Err(strange());
                    }
                    if vault.pack(&id)?.is_none() {
                        let mut member = member;
                        let mut wheel = vault.writer(file, "an import")?;
                        copy(&mut member, &mut wheel, &cut_off)?;
                        match wheel.commit(Some(id)) {
                            Err(StoreError::Mismatch { .. }) => return Err(wrong()),
                            committed => drop(committed?),
                        }
                        true
                    } else {
                        false
                    }
                }
                OBJECTS => {
                    let size = *self.sizes.get(&id).ok_or_else(strange)?;
                    if member.size() != size {
                        return Err(wrong());
                    }
                    if segments.contains(&id) {
                        false
                    } else {
                        let mut member = Noting { inner: member, failed: None };
                        let taken = writer.add_from(&mut member, |found| *found == id);
                        if let Some(error) = member.failed {
                            return Err(cut_off(error));
                        }
                        if taken? != id {
                            return Err(wrong());
                        }
                        true
                    }
                }
                _ => return Err(strange()),
            };
            if is_new { added += 1 } else { there += 1 }
        }
        writer.finish(true)?;
        Ok((added, there))
    }
}

/// Copies, and tells trouble with reading from trouble with writing.
fn copy(
    from: &mut dyn Read,
    to: &mut dyn io::Write,
    cut_off: &dyn Fn(io::Error) -> SnapshotError,
) -> Result<(), SnapshotError> {
    let mut piece = vec![0; 128 << 10];
    loop {
        match from.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(count) => {
                to.write_all(&piece[..count]).map_err(|error| SnapshotError::storage("write into the store", error))?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(cut_off(error)),
        }
    }
}

/// Remembers why reading failed.
struct Noting<R> {
    inner: R,
    failed: Option<io::Error>,
}

impl<R: Read> Read for Noting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read(buffer).inspect_err(|error| {
            self.failed = Some(io::Error::new(error.kind(), error.to_string()));
        })
    }
}
