//! Where the content of files comes from: wheels, unpacked in the download cache or not, and segments.

use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use super::holes::Holes;
use crate::base::fs::named;
use crate::base::times::set_modified;
use crate::objects::archive::Archive;
use crate::objects::{LinkMode, Linked, Linker, Pack, Segments, Store, StoreError, Tree, hash_path};
use crate::snapshot::tree::{Attributes, Content, Entry, Node, Wheel};
use crate::snapshot::{Extended, SnapshotError};

/// A wheel that files come out of.
struct WheelSource {
    pack: Pack,
    /// Unpacked in the download cache, if that can be used, with the numbers of its files.
    unpacked: Option<(Tree, HashMap<String, usize>)>,
}

/// Everything that content comes from.
pub(in crate::snapshot) struct Sources {
    /// In the order of the target's wheels; those that nothing is taken from are not opened.
    wheels: Vec<Option<WheelSource>>,
    segments: Segments,
}

impl Sources {
    /// Opens what is needed. What the download cache has unpacked is linked; where it has lost a wheel, files are read out of the
    /// archive: unpacked anew they would have other times than those that have to come back.
    pub(super) fn open(
        vault: &Store,
        cache: Option<&Store>,
        wheels: &[Wheel],
        needed: &dyn Fn(usize) -> bool,
    ) -> Result<Self, SnapshotError> {
        let open = |(number, wheel): (usize, &Wheel)| {
            if !needed(number) {
                return Ok(None);
            }
            let pack = match vault.pack(&wheel.sha256)? {
                Some(pack) => pack,
                // Damaged or deleted by somebody: the cache may have the same.
                None => match cache.map(|cache| cache.pack(&wheel.sha256)).transpose()?.flatten() {
                    Some(pack) => pack,
                    None => return Ok(None),
                },
            };
            let unpacked = cache.and_then(|cache| match cache.pack(&wheel.sha256) {
                Ok(pack) => pack.map(|pack| cache.tree(&pack)),
                Err(error) => Some(Err(error)),
            });
            let unpacked = unpacked.and_then(|tree| {
                tree.inspect_err(|error| tracing::debug!(wheel = wheel.name, %error, "read out of the archive")).ok()
            });
            let unpacked = unpacked.map(|tree| {
                let numbers = tree.files().iter().zip(0..).map(|(file, number)| (file.path.clone(), number)).collect();
                (tree, numbers)
            });
            Ok(Some(WheelSource { pack, unpacked }))
        };
        let wheels: Result<_, StoreError> = wheels.iter().enumerate().map(open).collect();
        Ok(Self { wheels: wheels?, segments: vault.segments()? })
    }

    /// Whether the content is there. It may still be found to be damaged when it is read.
    pub(super) fn has(&self, content: &Content) -> bool {
        let in_wheel = content.wheel.as_ref().is_some_and(|file| self.wheels[file.wheel as usize].is_some());
        in_wheel || self.segments.contains(&content.sha256)
    }

    /// For one thread: what is opened stays open from one file to the next.
    pub(super) fn reader(&self) -> Reader<'_> {
        Reader { sources: self, open: None }
    }
}

/// Puts files, one after the other.
pub(super) struct Reader<'a> {
    sources: &'a Sources,
    open: Option<(u32, OpenWheel<'a>)>,
}

/// The ways out of one wheel, as far as they were needed.
#[derive(Default)]
struct OpenWheel<'a> {
    linker: Option<Linker<'a>>,
    copier: Option<Linker<'a>>,
    archive: Option<Archive>,
}

impl Reader<'_> {
    /// Puts a file at a path where nothing is, as it was: content, permissions, owner, time. The content is checked.
    pub(super) fn put(&mut self, entry: &Entry, content: &Content, path: &Path) -> Result<(), SnapshotError> {
        let sources = self.sources;
        if let Some(file) = &content.wheel
            && let Some(wheel) = sources.wheels[file.wheel as usize].as_ref()
        {
            if self.open.as_ref().is_none_or(|(open, _)| *open != file.wheel) {
                self.open = Some((file.wheel, OpenWheel::default()));
            }
            if let Some((_, open)) = &mut self.open {
                if open.link(wheel, &file.path, entry, content, path)? {
                    return Ok(());
                }
                if open.unpack(wheel, &file.path, content, path)? {
                    return dress(path, entry);
                }
            }
        }
        match into(path, content, |file| sources.segments.copy(&content.sha256, file))? {
            Ok(_) => dress(path, entry),
            Err(StoreError::DestinationFull { source }) => {
                Err(SnapshotError::storage("put files back", named(path, &source)))
            }
            Err(error) => Err(error.into()),
        }
    }
}

impl<'a> OpenWheel<'a> {
    /// Links a file out of the unpacked wheel, as a file of its own where permissions, owner or time are not what they have to be, and
    /// then it gets those. False when the wheel has not what is wanted, and then nothing is left.
    fn link(
        &mut self,
        wheel: &'a WheelSource,
        inside: &str,
        entry: &Entry,
        content: &Content,
        path: &Path,
    ) -> Result<bool, SnapshotError> {
        let Some((tree, numbers)) = wheel.unpacked.as_ref().filter(|_| !content.sparse) else { return Ok(false) };
        let attributes = entry.attributes;
        let file = numbers.get(inside).map(|number| &tree.files()[*number]);
        let Some(file) = file.filter(|file| file.sha256 == content.sha256) else { return Ok(false) };
        // Whoever edits one file that looks like another must not find both changed.
        let mut is_whole = false;
        let is_its_own = entry.path.ends_with(place_of(inside));
        if is_its_own && (file.mode, file.mtime_ns()) == (attributes.mode, attributes.mtime_ns) {
            let linked = of(&mut self.linker, tree, LinkMode::Auto)?.link(file, path)?;
            let found = fs::symlink_metadata(path).map_err(SnapshotError::at("look at what was put back", path))?;
            let extended = Extended::read(path).map_err(SnapshotError::at("look at what was put back", path))?;
            // The cache's own file must keep its owner, and what is attached to it.
            is_whole = crate::snapshot::capture::attributes(&found) == attributes && extended == entry.extended;
            if linked == Linked::HardLink && !is_whole {
                remove(path)?;
                of(&mut self.copier, tree, LinkMode::Copy)?.link(file, path)?;
            }
        } else {
            of(&mut self.copier, tree, LinkMode::Copy)?.link(file, path)?;
        }
        // What looks right may have been edited by somebody who hid it.
        let hashed = hash_path(path);
        let hashed = hashed.map_err(|error| SnapshotError::storage("read what was put back", named(path, &error)))?;
        if hashed != content.sha256 {
            return remove(path).map(|()| false);
        }
        if !is_whole {
            dress(path, entry)?;
        }
        Ok(true)
    }

    /// Unpacks a file out of the wheel. False when it cannot be had there, and then nothing is left.
    fn unpack(
        &mut self,
        wheel: &WheelSource,
        inside: &str,
        content: &Content,
        path: &Path,
    ) -> Result<bool, SnapshotError> {
        let archive = match &mut self.archive {
            Some(archive) => archive,
            none => none.insert(wheel.pack.archive()?),
        };
        match into(path, content, |file| archive.copy(inside, file))? {
            Ok(Ok(found)) if found == content.sha256 => return Ok(true),
            Ok(found) => tracing::warn!(wheel = wheel.pack.name(), inside, ?found, "a wheel has not what it had"),
            Err(source) => return Err(SnapshotError::storage("put files back", named(path, &source))),
        }
        remove(path).map(|()| false)
    }
}

fn of<'o, 'a>(open: &'o mut Option<Linker<'a>>, tree: &'a Tree, mode: LinkMode) -> Result<&'o Linker<'a>, StoreError> {
    match open {
        Some(linker) => Ok(linker),
        none => Ok(none.insert(tree.linker(mode)?)),
    }
}

/// Where an installer puts a file of a wheel, from the folder for it on: what lies in a folder of data has two folders before that.
fn place_of(inside: &str) -> &str {
    let data = inside.split_once(".data/").filter(|(before, _)| !before.contains('/'));
    data.and_then(|(_, rest)| rest.split_once('/')).map_or(inside, |(_, place)| place)
}

/// Lets a new file be written, with holes where it had some.
fn into<T>(path: &Path, content: &Content, write: impl FnOnce(&mut dyn Write) -> T) -> Result<T, SnapshotError> {
    let failed = SnapshotError::at("put files back", path);
    let mut file = match OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(file) => file,
        Err(error) => return Err(failed(error)),
    };
    if !content.sparse {
        return Ok(write(&mut file));
    }
    let mut holes = Holes::new(file);
    let written = write(&mut holes);
    holes.finish().map_err(failed)?;
    Ok(written)
}

fn remove(path: &Path) -> Result<(), SnapshotError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(SnapshotError::at("put files back", path)(error)),
        _ => Ok(()),
    }
}

/// Gives a file or a folder the owner, the permissions, the extended attributes and the time that it had.
pub(super) fn dress(path: &Path, entry: &Entry) -> Result<(), SnapshotError> {
    set(path, entry).map_err(SnapshotError::at("give back permissions and times", path))
}

#[cfg(unix)]
fn set(path: &Path, entry: &Entry) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    let Attributes { mode, uid, gid, mtime_ns } = entry.attributes;
    let found = fs::symlink_metadata(path)?;
    if (found.uid(), found.gid()) != (uid, gid) {
        // Only root may give something away; anybody else goes on as the owner.
        if let Err(error) = std::os::unix::fs::lchown(path, Some(uid), Some(gid)) {
            tracing::debug!(path = %path.display(), %error, "the owner cannot be given back");
        }
    }
    if found.mode() & 0o7777 != mode {
        fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode))?;
    }
    // After the owner, because a new one takes capabilities away.
    if !matches!(entry.node, Node::Link(_)) {
        entry.extended.give(path)?;
    }
    set_modified(path, mtime_ns)
}

#[cfg(not(unix))]
fn set(_path: &Path, _entry: &Entry) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_a_wheel_have_their_places() {
        for (inside, place) in [
            ("flask/app.py", "flask/app.py"),
            ("flask-3.0.data/scripts/run", "run"),
            ("flask-3.0.data/purelib/flask/app.py", "flask/app.py"),
            ("deep/flask.data/purelib/app.py", "deep/flask.data/purelib/app.py"),
            ("flask.data/loose", "flask.data/loose"),
        ] {
            assert_eq!(place_of(inside), place);
        }
    }
}
