//! Storing: written elsewhere first, then put in place as one step.
//!
//! Any number of tasks and processes may store the same content at the same time: each puts an equal file in place. Nothing is
//! synced to the disk; see `boot` for why that is safe.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::lookup::Known;
use super::scratch::Scratch;
use super::sidecar::Sidecar;
use super::stamp::{Stamp, mtime_for, set_mode, set_mtime};
use super::{ContentId, Kind, Pack, Store, StoreError};

/// Stored files are read-only: only a hard edit, or a fault, changes one.
const MODE: u32 = 0o444;

impl Store {
    /// Stores bytes. `name` is what the file is called, `from` says for people where it came from, without secrets.
    ///
    /// # Errors
    /// [`StoreError`], among others [`StoreError::DiskFull`]. Nothing is left then.
    pub fn put(&self, name: &str, from: &str, bytes: &[u8]) -> Result<Pack, StoreError> {
        let id = ContentId::of(bytes);
        let _hold = self.hold()?;
        if let Some(known) = self.look_up_again(Kind::Pack, &id)? {
            return Ok(Pack::of(self, &id, known));
        }
        let mut writer = self.writer(name, from)?;
        writer.file.write_all(bytes).map_err(StoreError::at("write", writer.scratch.path()))?;
        Ok(Pack::of(self, &id, writer.finish(id)?))
    }

    /// Takes a finished file into the store: `path` is gone afterwards. The caller has verified that its content is `id`'s, while
    /// writing it for example. It must be on the file system of the store ([`Store::scratch`]); from elsewhere it is copied.
    ///
    /// # Errors
    /// [`StoreError`], among others [`StoreError::DiskFull`].
    pub fn adopt(&self, path: &Path, id: &ContentId, name: &str, from: &str) -> Result<Pack, StoreError> {
        let file = File::options().read(true).open(path).map_err(StoreError::at("open", path))?;
        let _hold = self.hold()?;
        if let Some(known) = self.look_up_again(Kind::Pack, id)? {
            fs::remove_file(path).map_err(StoreError::at("delete", path))?;
            return Ok(Pack::of(self, id, known));
        }
        match self.place_file(id, &file, path, name, from) {
            Err(StoreError::Storage { source, .. }) if source.kind() == io::ErrorKind::CrossesDevices => {
                let mut writer = self.writer(name, from)?;
                let mut file = file;
                io::copy(&mut file, &mut writer).map_err(StoreError::at("copy", path))?;
                let pack = writer.commit(Some(*id))?;
                fs::remove_file(path).map_err(StoreError::at("delete", path))?;
                Ok(pack)
            }
            placed => placed.map(|known| Pack::of(self, id, known)),
        }
    }

    /// Takes a pack of another store: as the same file where that is possible, else as a copy.
    ///
    /// # Errors
    /// [`StoreError::Gone`] when it was deleted there meanwhile, [`StoreError::Mismatch`] when it is damaged; otherwise as [`Store::put`].
    pub fn share(&self, pack: &Pack) -> Result<Pack, StoreError> {
        let _hold = self.hold()?;
        if let Some(known) = self.look_up_again(Kind::Pack, &pack.id)? {
            return Ok(Pack::of(self, &pack.id, known));
        }
        let scratch = self.scratch()?;
        let from = "another store";
        let Ok(()) = fs::hard_link(&pack.path, scratch.path()) else {
            let mut writer = self.writer(&pack.name, from)?;
            let mut file = pack.open()?;
            io::copy(&mut file, &mut writer).map_err(StoreError::at("copy", &pack.path))?;
            return writer.commit(Some(pack.id));
        };
        let metadata = fs::symlink_metadata(scratch.path()).map_err(StoreError::at("look at", scratch.path()))?;
        // Its times stay as they are: by them the other store believes it.
        let stamp = Stamp::of(&metadata);
        let place = self.path_of(Kind::Pack, &pack.id);
        self.put_in_place(scratch.path(), &place)?;
        let boot = self.shared.boot.as_deref();
        self.write_sidecar(&place, &Sidecar::new(stamp, boot, &pack.name, from, self.now()));
        Ok(Pack::of(self, &pack.id, self.remember_stored(Kind::Pack, &pack.id, stamp, &pack.name)))
    }

    /// Stores what is written into the answer, once it is committed.
    ///
    /// # Errors
    /// [`StoreError`] when no file can be made.
    pub fn writer(&self, name: &str, from: &str) -> Result<PackWriter, StoreError> {
        let scratch = self.scratch()?;
        let opened = OpenOptions::new().read(true).write(true).create_new(true).open(scratch.path());
        let file = opened.map_err(StoreError::at("make a file", scratch.path()))?;
        let (name, from) = (name.to_owned(), from.to_owned());
        Ok(PackWriter { store: self.clone(), hasher: Sha256::new(), name, from, file, scratch })
    }

    /// Puts a finished file in place. The caller holds the store, so that a collector that looked before does not delete it.
    fn place_file(
        &self,
        id: &ContentId,
        file: &File,
        path: &Path,
        name: &str,
        from: &str,
    ) -> Result<Known, StoreError> {
        let now = self.now();
        let prepared = set_mode(file, MODE).and_then(|()| set_mtime(file, mtime_for(now)));
        let metadata = prepared.and_then(|()| file.metadata()).map_err(StoreError::at("prepare", path))?;
        let stamp = Stamp::of(&metadata);
        let place = self.path_of(Kind::Pack, id);
        self.put_in_place(path, &place)?;
        self.write_sidecar(&place, &Sidecar::new(stamp, self.shared.boot.as_deref(), name, from, now));
        Ok(self.remember_stored(Kind::Pack, id, stamp, name))
    }
}

/// Takes bytes, hashes them as they come, and stores them when they are committed. Dropped without that, it leaves nothing.
#[derive(Debug)]
pub struct PackWriter {
    store: Store,
    hasher: Sha256,
    name: String,
    from: String,
    file: File,
    scratch: Scratch,
}

impl PackWriter {
    /// Stores what was written. With `expected`, only when it is that.
    ///
    /// # Errors
    /// [`StoreError::Mismatch`] when it is something else; otherwise as [`Store::put`]. Nothing is left then.
    pub fn commit(self, expected: Option<ContentId>) -> Result<Pack, StoreError> {
        let got = ContentId::new(self.hasher.clone().finalize().into());
        if let Some(expected) = expected.filter(|expected| *expected != got) {
            return Err(StoreError::Mismatch { name: self.name, expected, got });
        }
        let store = self.store.clone();
        let _hold = store.hold()?;
        let known = match store.look_up_again(Kind::Pack, &got)? {
            Some(known) => known,
            None => self.finish(got)?,
        };
        Ok(Pack::of(&store, &got, known))
    }

    fn finish(self, id: ContentId) -> Result<Known, StoreError> {
        self.store.place_file(&id, &self.file, self.scratch.path(), &self.name, &self.from)
    }
}

impl Write for PackWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.hasher.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objects::sidecar::Sidecar;

    fn store() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        (folder, store)
    }

    /// A store that another process would open.
    fn again(store: &Store) -> Store {
        Store::open(store.folder()).unwrap()
    }

    /// Writes over a stored file in place.
    fn damage(pack: &Pack, bytes: &[u8]) {
        set_mode(&File::open(pack.path()).unwrap(), 0o644).unwrap();
        fs::write(pack.path(), bytes).unwrap();
    }

    #[test]
    fn what_is_put_is_found_by_everybody() {
        let (_folder, store) = store();
        let pack = store.put("a.whl", "somewhere", b"content").unwrap();
        assert_eq!(fs::read(pack.path()).unwrap(), b"content");
        for store in [&store, &again(&store)] {
            let found = store.pack(&pack.id()).unwrap().unwrap();
            assert_eq!((found.name(), found.size(), found.path()), ("a.whl", 7, pack.path()));
        }
        assert!(store.pack(&ContentId::of(b"other")).unwrap().is_none());
        assert!(pack.path().metadata().unwrap().permissions().readonly());
    }

    #[test]
    fn a_stream_is_stored_when_it_is_what_was_promised() {
        let (_folder, store) = store();
        let write = |bytes: &[&[u8]]| {
            let mut writer = store.writer("a", "").unwrap();
            bytes.iter().try_for_each(|piece| writer.write_all(piece)).unwrap();
            writer
        };
        let id = ContentId::of(b"onetwo");
        let error = write(&[b"one"]).commit(Some(id)).unwrap_err();
        assert!(matches!(error, StoreError::Mismatch { expected, .. } if expected == id), "{error}");
        assert!(store.pack(&id).unwrap().is_none());
        assert_eq!(write(&[b"one", b"two"]).commit(Some(id)).unwrap().id(), id);
        assert_eq!(write(&[b"onetwo"]).commit(None).unwrap().id(), id);
    }

    #[test]
    fn a_file_is_adopted_and_an_equal_one_kept() {
        let (folder, store) = store();
        let id = ContentId::of(b"x");
        for place in [store.scratch().unwrap().path().to_owned(), folder.path().join("x")] {
            fs::write(&place, b"x").unwrap();
            let pack = store.adopt(&place, &id, "x.whl", "here").unwrap();
            assert_eq!((pack.id(), pack.name(), place.exists()), (id, "x.whl", false));
        }
    }

    #[test]
    fn a_shared_pack_outlives_the_store_it_came_from() {
        let (folder, store) = store();
        let other = Store::open(&folder.path().join("other")).unwrap();
        let pack = store.put("a.whl", "somewhere", b"content").unwrap();
        for _ in 0..2 {
            let shared = other.share(&pack).unwrap();
            assert_eq!(
                (shared.id(), shared.name(), fs::read(shared.path()).unwrap()),
                (pack.id(), "a.whl", b"content".to_vec())
            );
        }
        assert!(again(&store).pack(&pack.id()).unwrap().is_some() && again(&other).pack(&pack.id()).unwrap().is_some());
        fs::remove_file(pack.path()).unwrap();
        assert!(again(&other).pack(&pack.id()).unwrap().is_some());
        let gone = Store::open(&folder.path().join("third")).unwrap().share(&pack);
        assert!(matches!(gone, Err(StoreError::Gone { .. })), "{gone:?}");
    }

    #[test]
    fn a_damaged_pack_is_quarantined_and_had_again() {
        let (_folder, store) = store();
        let pack = store.put("a.whl", "", b"content").unwrap();
        for other in [b"c0ntent".as_slice(), b"", b"content, and more"] {
            damage(&pack, other);
            assert!(store.pack(&pack.id()).unwrap().is_none());
            assert!(store.put("a.whl", "", b"content").is_ok());
            assert!(again(&store).pack(&pack.id()).unwrap().is_some());
        }
        let quarantined = store.quarantined().unwrap();
        assert_eq!(quarantined.len(), 3);
        assert!(quarantined.iter().all(|q| q.kind == Kind::Pack && q.id == pack.id()), "{quarantined:?}");
        assert!(quarantined[2].reason.contains("17 bytes"), "{quarantined:?}");
    }

    #[test]
    fn zeros_after_a_power_loss_are_found_though_size_and_time_are_right() {
        let (_folder, store) = store();
        let pack = store.put("a.whl", "", b"content").unwrap();
        let before = Stamp::of(&fs::metadata(pack.path()).unwrap());
        damage(&pack, &[0; 7]);
        set_mtime(&File::options().write(true).open(pack.path()).unwrap(), before.mtime_ns).unwrap();
        assert_eq!(Stamp::of(&fs::metadata(pack.path()).unwrap()), before);
        assert!(
            again(&store).pack(&pack.id()).unwrap().is_some(),
            "during the same start of the machine it is believed"
        );
        let place = Sidecar::place(pack.path());
        let mut sidecar = Sidecar::read(&place).unwrap();
        sidecar.boot = Some("an earlier one".to_owned());
        store.write_sidecar(pack.path(), &sidecar);
        assert!(again(&store).pack(&pack.id()).unwrap().is_none());
    }

    #[test]
    fn a_lost_or_damaged_sidecar_is_written_again() {
        let (_folder, store) = store();
        let pack = store.put("a.whl", "", b"content").unwrap();
        let place = Sidecar::place(pack.path());
        for text in ["", "{", "{\"version\":99}", "\0"] {
            fs::write(&place, text).unwrap();
            assert!(again(&store).pack(&pack.id()).unwrap().is_some());
            assert!(Sidecar::read(&place).is_some());
        }
        fs::remove_file(&place).unwrap();
        assert_eq!(again(&store).pack(&pack.id()).unwrap().unwrap().name(), "");
        assert!(Sidecar::read(&place).is_some());
    }

    #[test]
    fn something_else_in_its_place_is_moved_away() {
        let (_folder, store) = store();
        let id = ContentId::of(b"x");
        let place = store.path_of(Kind::Pack, &id);
        fs::create_dir_all(place.join("below")).unwrap();
        assert!(store.pack(&id).unwrap().is_none());
        assert!(store.put("x", "", b"x").is_ok());
    }

    #[test]
    fn what_was_found_and_deleted_is_gone_unless_it_is_open() {
        use std::io::Read;
        let (_folder, store) = store();
        let pack = store.put("a.whl", "", b"content").unwrap();
        let mut open = pack.open().unwrap();
        fs::remove_file(pack.path()).unwrap();
        let mut text = String::new();
        open.read_to_string(&mut text).unwrap();
        assert_eq!(text, "content");
        assert!(matches!(pack.open(), Err(StoreError::Gone { .. })));
        assert!(store.pack(&pack.id()).unwrap().is_none());
    }
}
