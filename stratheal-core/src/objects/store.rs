//! The store as a folder.

use std::collections::HashMap;
use std::fmt;
use std::fs::{self, DirBuilder};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use jiff::Timestamp;

use super::lookup::Known;
use super::scratch::ScratchFolder;
use super::{ContentId, Kind, StoreError, boot};
use crate::base::clock::{Clock, SystemClock};
use crate::base::fs::read_text;

/// The format this version writes. An older one is read as long as this list has one entry.
const FORMAT: u32 = 1;

/// A content-addressed store in a folder. Clones share everything; any number of processes may use one folder at the same time.
///
/// ```
/// use stratheal_core::objects::{ContentId, Store};
/// # let folder = tempfile::tempdir()?;
/// let store = Store::open(&folder.path().join("objects"))?;
/// let pack = store.put("hello.txt", "written by hand", b"hello")?;
/// assert_eq!(pack.id(), ContentId::of(b"hello"));
/// let found = store.pack(&pack.id())?.expect("it was just put there");
/// assert_eq!((found.name(), found.size()), ("hello.txt", 5));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Store {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    folder: PathBuf,
    clock: Arc<dyn Clock>,
    pub(super) boot: Option<Arc<str>>,
    pub(super) scratch: Mutex<Option<Arc<ScratchFolder>>>,
    pub(super) known: Mutex<HashMap<(Kind, ContentId), Known>>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("folder", &self.shared.folder).finish_non_exhaustive()
    }
}

impl Store {
    /// Opens a store, and makes it where there is none (the last folders only for this user). Looks at one small file, however
    /// much there is.
    ///
    /// # Errors
    /// [`StoreError`]: a newer format, no store, or it cannot be made.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        Self::open_with(folder, Arc::new(SystemClock))
    }

    /// Opens a store that asks this clock when something is stored and used.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_with(folder: &Path, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let folder = std::path::absolute(folder).map_err(StoreError::at("find", folder))?;
        let shared =
            Shared { folder, clock, boot: boot::id(), scratch: Mutex::new(None), known: Mutex::new(HashMap::new()) };
        let store = Self { shared: Arc::new(shared) };
        store.check_format()?;
        Ok(store)
    }

    /// The folder, as an absolute path.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.shared.folder
    }

    pub(super) fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    /// Where an object lies if it is there.
    pub(super) fn path_of(&self, kind: Kind, id: &ContentId) -> PathBuf {
        self.shared.folder.join(kind.place(id))
    }

    fn check_format(&self) -> Result<(), StoreError> {
        let folder = self.folder();
        let not_a_store = |reason: String| StoreError::NotAStore { folder: folder.display().to_string(), reason };
        let path = folder.join("version");
        let text = match read_text(&path, 64) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                create(folder).map_err(StoreError::at("make the folder", folder))?;
                self.write_version(&path)?;
                read_text(&path, 64)
            }
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
                return Err(not_a_store("it is not a folder".to_owned()));
            }
            text => text,
        };
        let text = text.map_err(StoreError::at("read the version", &path))?;
        let found = text.trim().parse::<u32>().map_err(|_| not_a_store("its version is no number".to_owned()))?;
        if found > FORMAT {
            return Err(StoreError::NewerFormat { folder: folder.display().to_string(), found, known: FORMAT });
        }
        Ok(())
    }

    /// The only file that is synced: a store whose version is lost could not be opened any more.
    fn write_version(&self, path: &Path) -> Result<(), StoreError> {
        let scratch = self.scratch()?;
        fs::write(scratch.path(), format!("{FORMAT}\n"))
            .and_then(|()| fs::File::open(scratch.path())?.sync_all())
            .map_err(StoreError::at("write the version", path))?;
        self.put_in_place(scratch.path(), path)
    }
}

fn create(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::class::{ErrorClass, chain};

    #[test]
    fn a_newer_format_and_other_things_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        Store::open(folder.path()).unwrap();
        let version = folder.path().join("version");
        assert_eq!(fs::read_to_string(&version).unwrap(), "1\n");
        fs::write(&version, "2\n").unwrap();
        let error = Store::open(folder.path()).unwrap_err();
        assert!(matches!(error, StoreError::NewerFormat { found: 2, known: 1, .. }), "{}", chain(&error));
        assert_eq!(error.class(), ErrorClass::Permanent);
        fs::write(&version, "two").unwrap();
        assert!(matches!(Store::open(folder.path()), Err(StoreError::NotAStore { .. })));
        assert!(Store::open(&version).is_err());
    }

    #[test]
    fn nothing_is_left_in_scratch() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let scratch = store.scratch().unwrap();
        fs::write(scratch.path(), "unfinished").unwrap();
        drop(store);
        assert!(scratch.path().exists());
        drop(scratch);
        assert_eq!(fs::read_dir(folder.path().join("scratch")).unwrap().count(), 0);
    }
}
