//! Files that no pack holds: edited, built, or foreign.
//!
//! They are copied out or reflinked, never hard-linked: a damaged file of a tree is unpacked anew from its pack, but a loose object is
//! the only copy of itself, so that an edit through one environment must not reach it.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::lookup::Known;
use super::put::PackWriter;
use super::stamp::set_mode;
use super::{ContentId, Kind, Linked, Store, StoreError};

/// A file in the store that belongs to no pack.
#[derive(Debug, Clone)]
pub struct Loose {
    id: ContentId,
    path: PathBuf,
    size: u64,
}

impl Loose {
    /// Its SHA-256.
    #[must_use]
    pub const fn id(&self) -> ContentId {
        self.id
    }

    /// Where it lies. Read-only.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its size in bytes.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Opens it. What is open can be read to its end, also when it is deleted meanwhile.
    ///
    /// # Errors
    /// [`StoreError::Gone`] when it was deleted since it was found.
    pub fn open(&self) -> Result<File, StoreError> {
        match File::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(self.gone()),
            opened => opened.map_err(StoreError::at("open a loose object", &self.path)),
        }
    }

    /// Puts a file with its content at `destination`, where nothing may be, with these permission bits.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is left at the destination then.
    pub fn link(&self, destination: &Path, mode: u32) -> Result<Linked, StoreError> {
        let linked = super::link::clone_or_copy(&self.path, destination);
        let done = linked.and_then(|linked| set_mode(&File::open(destination)?, mode).map(|()| linked));
        done.map_err(|error| {
            if error.kind() == io::ErrorKind::NotFound && !self.path.exists() {
                return self.gone();
            }
            StoreError::at("link", destination)(error)
        })
    }

    fn gone(&self) -> StoreError {
        StoreError::Gone { what: format!("the loose object {}", self.id) }
    }

    fn of(store: &Store, id: ContentId, known: &Known) -> Self {
        Self { id, path: store.path_of(Kind::Loose, &id), size: known.stamp.size }
    }
}

/// Takes bytes, and stores them as a loose object when they are committed. Dropped without that, it leaves nothing.
#[derive(Debug)]
pub struct LooseWriter {
    store: Store,
    writer: PackWriter,
}

impl LooseWriter {
    /// Stores what was written.
    ///
    /// # Errors
    /// As [`Store::put`].
    pub fn commit(self) -> Result<Loose, StoreError> {
        let (id, known) = self.writer.commit_as(Kind::Loose, None)?;
        Ok(Loose::of(&self.store, id, &known))
    }
}

impl Write for LooseWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

impl Store {
    /// Stores bytes as a loose object.
    ///
    /// # Errors
    /// As [`Store::put`].
    pub fn put_loose(&self, bytes: &[u8]) -> Result<Loose, StoreError> {
        let (id, known) = self.put_as(Kind::Loose, "", "", bytes)?;
        Ok(Loose::of(self, id, &known))
    }

    /// Stores what is written into the answer as a loose object, once it is committed.
    ///
    /// # Errors
    /// As [`Store::writer`].
    pub fn loose_writer(&self) -> Result<LooseWriter, StoreError> {
        Ok(LooseWriter { store: self.clone(), writer: self.writer("", "")? })
    }

    /// The loose object with this id, if it is there and good.
    ///
    /// # Errors
    /// As [`Store::pack`].
    pub fn loose(&self, id: &ContentId) -> Result<Option<Loose>, StoreError> {
        Ok(self.look_up(Kind::Loose, id)?.map(|known| Loose::of(self, *id, &known)))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_is_put_is_found_and_an_edit_of_a_link_does_not_reach_it() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("store")).unwrap();
        let mut writer = store.loose_writer().unwrap();
        writer.write_all(b"edited by hand").unwrap();
        let loose = writer.commit().unwrap();
        assert_eq!(store.put_loose(b"edited by hand").unwrap().path(), loose.path());
        let out = folder.path().join("out");
        assert_ne!(loose.link(&out, 0o644).unwrap(), Linked::HardLink);
        fs::write(&out, b"edited again!!").unwrap();
        let found = store.loose(&loose.id()).unwrap().unwrap();
        assert_eq!((fs::read(found.path()).unwrap(), found.size()), (b"edited by hand".to_vec(), 14));
        assert!(loose.link(&out, 0o644).is_err(), "nothing is overwritten");
        assert_eq!(fs::read(&out).unwrap(), b"edited again!!");
        fs::remove_file(loose.path()).unwrap();
        assert!(matches!(loose.link(&folder.path().join("b"), 0o644), Err(StoreError::Gone { .. })));
    }
}
