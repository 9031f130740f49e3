//! Making what was composed: folders, second names, links out of the store, written files.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::{Composition, Content, Contents, Placed};
use crate::base::fs::named;
use crate::objects::{LinkMode, Linker, StoreError};

/// The most threads that link; more only wait for the file system.
const MOST_THREADS: usize = 4;

/// So many files are taken at once.
const BATCH: usize = 64;

/// What building did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::installer) struct Built {
    pub(in crate::installer) kept: usize,
    pub(in crate::installer) new: usize,
}

/// Why the next environment could not be built.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BuildError {
    /// The store could not give a file.
    #[error(transparent)]
    Store(StoreError),
    /// The system refused.
    #[error("cannot build the next environment")]
    Storage(#[source] io::Error),
    /// Somebody asked for it to stop.
    #[error("stopped")]
    Stopped,
}

impl From<StoreError> for BuildError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::DestinationFull { source } => Self::Storage(source),
            error => Self::Store(error),
        }
    }
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> BuildError {
    move |error| BuildError::Storage(named(path, &error))
}

/// What is built from what.
pub(in crate::installer) struct Building<'a> {
    /// The current environment, if there is one.
    pub(in crate::installer) current: Option<&'a Path>,
    pub(in crate::installer) composition: &'a Composition,
    pub(in crate::installer) contents: &'a [Contents],
    pub(in crate::installer) link_mode: LinkMode,
    /// Set by whoever wants it to stop.
    pub(in crate::installer) stop: &'a AtomicBool,
}

/// Builds into `stage`, a folder that is there and empty. What a failed one leaves there has to be deleted.
pub(in crate::installer) fn build(building: &Building<'_>, stage: &Path) -> Result<Built, BuildError> {
    let composition = building.composition;
    for (folder, _) in &composition.folders {
        fs::create_dir(stage.join(folder)).map_err(at(&stage.join(folder)))?;
    }
    for (path, target) in &composition.links {
        symlink(target, &stage.join(path)).map_err(at(&stage.join(path)))?;
    }
    let kept = Shared::new(composition.kept.len(), building.stop);
    let new = Shared::new(composition.new.len(), building.stop);
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                kept.work(|range| {
                    let current = building.current.unwrap_or(Path::new(""));
                    composition.kept[range]
                        .iter()
                        .try_for_each(|path| second_name(&current.join(path), &stage.join(path)))
                });
                // Files of a wheel lie side by side, so that a thread mostly stays with one.
                let mut linker: Option<(usize, Linker<'_>)> = None;
                new.work(|range| {
                    for (index, placed) in &composition.new[range] {
                        let contents = &building.contents[*index];
                        if linker.as_ref().is_none_or(|(of, _)| of != index) {
                            linker = Some((*index, contents.tree.linker(building.link_mode)?));
                        }
                        if let Some((_, linker)) = &linker {
                            put(placed, contents, linker, stage)?;
                        }
                    }
                    Ok(())
                });
            });
        }
    });
    kept.finish()?;
    new.finish()?;
    // A folder that may not be written to gets its bits when it is full.
    for (folder, attributes) in composition.folders.iter().rev() {
        if let Some(attributes) = attributes {
            attributes.apply(&stage.join(folder)).map_err(at(&stage.join(folder)))?;
        }
    }
    Ok(Built { kept: composition.kept.len(), new: composition.new.len() })
}

/// Work that several threads share; the first error ends it.
struct Shared<'a> {
    next: AtomicUsize,
    count: usize,
    stop: &'a AtomicBool,
    failed: Mutex<Option<BuildError>>,
}

impl<'a> Shared<'a> {
    const fn new(count: usize, stop: &'a AtomicBool) -> Self {
        Self { next: AtomicUsize::new(0), count, stop, failed: Mutex::new(None) }
    }

    fn work(&self, mut on: impl FnMut(std::ops::Range<usize>) -> Result<(), BuildError>) {
        loop {
            let start = self.next.fetch_add(BATCH, Ordering::Relaxed);
            if start >= self.count {
                return;
            }
            let stopped = if self.stop.load(Ordering::Relaxed) { Err(BuildError::Stopped) } else { Ok(()) };
            if let Err(error) = stopped.and_then(|()| on(start..(start + BATCH).min(self.count))) {
                self.next.store(self.count, Ordering::Relaxed);
                let mut failed = self.failed.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                failed.get_or_insert(error);
                return;
            }
        }
    }

    fn finish(self) -> Result<(), BuildError> {
        let failed = self.failed.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        failed.map_or(Ok(()), Err)
    }
}

/// A second name for a file of the current environment, so that whoever has it open goes on with the same file; a copy where the file
/// system or the file's owner does not allow that.
pub(crate) fn second_name(from: &Path, to: &Path) -> Result<(), BuildError> {
    match fs::hard_link(from, to) {
        Ok(()) => Ok(()),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::StorageFull) => {
            Err(at(from)(error))
        }
        Err(_) => copy(from, to).map_err(at(to)),
    }
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let found = fs::symlink_metadata(from)?;
    if !found.is_file() {
        return Err(io::Error::other("it is neither a file nor a folder nor a link, and cannot be carried over"));
    }
    let mut source = fs::File::open(from)?;
    let mut copied = OpenOptions::new().write(true).create_new(true).open(to)?;
    io::copy(&mut source, &mut copied)?;
    give_to_its_owner(&copied, &found)?;
    copied.set_permissions(found.permissions())?;
    copied.set_modified(found.modified()?)
}

/// A second name would have the same owner.
#[cfg(unix)]
fn give_to_its_owner(copied: &fs::File, found: &fs::Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, fchown};
    let is = copied.metadata()?;
    if (is.uid(), is.gid()) != (found.uid(), found.gid())
        // Only root may give something away; anybody else goes on as the owner.
        && let Err(error) = fchown(copied, Some(found.uid()), Some(found.gid()))
    {
        tracing::debug!(%error, "a copy has another owner");
    }
    Ok(())
}

#[cfg(not(unix))]
fn give_to_its_owner(_copied: &fs::File, _found: &fs::Metadata) -> io::Result<()> {
    Ok(())
}

fn put(placed: &Placed, contents: &Contents, linker: &Linker<'_>, stage: &Path) -> Result<(), BuildError> {
    let path = stage.join(&placed.path);
    match &placed.content {
        Content::Tree(number) => Ok(linker.link(&contents.tree.files()[*number], &path).map(drop)?),
        Content::Bytes(bytes, mode) => write(&path, bytes, *mode).map_err(at(&path)),
    }
}

/// Writes a file that is not there.
pub(in crate::installer) fn write(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(bytes)?;
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(mode))?;
    #[cfg(not(unix))]
    let _: (u32, Option<Permissions>) = (mode, None);
    Ok(())
}

#[cfg(unix)]
pub(crate) fn symlink(target: &Path, path: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, path)
}

#[cfg(not(unix))]
pub(crate) fn symlink(_target: &Path, _path: &Path) -> io::Result<()> {
    Err(io::Error::from(io::ErrorKind::Unsupported))
}

/// Deletes a tree that nobody uses any more, with several threads. Folders without write permission are opened up first.
pub(in crate::installer) fn remove_tree(root: &Path) -> io::Result<()> {
    match fs::remove_dir_all(root) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            open_up(root)?;
            fs::remove_dir_all(root).map_err(|error| named(root, &error))
        }
        removed => removed.map_err(|error| named(root, &error)),
    }
}

/// Deletes a stage, and the folders around it when nothing else lies in them.
pub(in crate::installer) fn remove_stage(stage: &Path) -> io::Result<()> {
    remove_tree(stage)?;
    for folder in stage.ancestors().skip(1).take(2) {
        if !remove_unused(folder).map_err(|error| named(folder, &error))? {
            break;
        }
    }
    Ok(())
}

/// Deletes a folder that nothing lies in but what hides it from git. Others may be staging, or keep there what nobody else has: so it is only
/// ever deleted when it is empty, and stays when it cannot be listed to its end.
fn remove_unused(folder: &Path) -> io::Result<bool> {
    const HIDES: &str = ".gitignore";
    let names =
        fs::read_dir(folder).and_then(|all| all.map(|one| Ok(one?.file_name())).collect::<io::Result<Vec<_>>>());
    let names = match names {
        // Whoever was killed here had got as far as that.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        names => names?,
    };
    if names.iter().any(|name| name != HIDES) {
        return Ok(false);
    }
    for _ in names {
        fs::remove_file(folder.join(HIDES))?;
    }
    match fs::remove_dir(folder) {
        // Somebody has come meanwhile.
        Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {
            fs::write(folder.join(HIDES), "*\n").map(|()| false)
        }
        removed => removed.map(|()| true),
    }
}

fn open_up(root: &Path) -> io::Result<()> {
    let mut waiting: Vec<PathBuf> = vec![root.to_owned()];
    while let Some(folder) = waiting.pop() {
        #[cfg(unix)]
        fs::set_permissions(&folder, <Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o700))?;
        for child in fs::read_dir(&folder)? {
            let child = child?;
            if child.file_type()?.is_dir() {
                waiting.push(child.path());
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_is_removed_from_wherever_that_ended() {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join(".own");
        let stage = own.join("stage/env-1-1");
        for there in [&["stage/env-1-1/lib", ".gitignore"][..], &["stage", ".gitignore"], &[".gitignore"], &[""]] {
            for name in there {
                fs::create_dir_all(&own).unwrap();
                let path = own.join(name);
                if *name == ".gitignore" { fs::write(path, "*\n").unwrap() } else { fs::create_dir_all(path).unwrap() }
            }
            remove_stage(&stage).unwrap();
            assert!(!own.exists(), "{there:?}");
        }
        fs::create_dir_all(own.join("stage/other-1-1")).unwrap();
        fs::create_dir_all(&stage).unwrap();
        remove_stage(&stage).unwrap();
        assert!(own.join("stage/other-1-1").exists() && !stage.exists(), "others are staging");
    }
}
