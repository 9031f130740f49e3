//! A whole file in the store: a wheel, a source distribution, anything that was fetched or built.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::archive::{Archive, ArchiveError};
use super::lookup::Known;
use super::sidecar::Sidecar;
use super::{ContentId, Kind, Store, StoreError};

/// A whole file in the store, found to be good.
#[derive(Debug, Clone)]
pub struct Pack {
    pub(super) store: Store,
    pub(super) id: ContentId,
    pub(super) path: PathBuf,
    pub(super) size: u64,
    pub(super) name: Arc<str>,
}

impl Pack {
    /// Its SHA-256.
    #[must_use]
    pub const fn id(&self) -> ContentId {
        self.id
    }

    /// Where it lies. Read-only; it may be deleted unless the store is held ([`Store::hold`]).
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its size in bytes.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// What it was called when it was stored; empty when nobody knows any more.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Opens it. What is open can be read to its end, also when it is deleted meanwhile.
    ///
    /// # Errors
    /// [`StoreError::Gone`] when it was deleted since it was found.
    pub fn open(&self) -> Result<File, StoreError> {
        match File::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(StoreError::Gone { what: format!("the pack {} ({})", self.id, self.name) })
            }
            opened => opened.map_err(StoreError::at("open a pack", &self.path)),
        }
    }

    /// Reads and checks its directory, if it is a zip archive. Single files can be read then without unpacking the others.
    ///
    /// # Errors
    /// [`StoreError::Archive`] when it is refused, [`StoreError::Gone`] when it was deleted since it was found.
    pub fn archive(&self) -> Result<Archive, StoreError> {
        Archive::new(self.open()?).map_err(|error| self.refused(error))
    }

    pub(super) fn refused(&self, source: ArchiveError) -> StoreError {
        let name = if self.name.is_empty() { self.id.to_string() } else { self.name.to_string() };
        StoreError::Archive { name, source }
    }

    pub(super) fn of(store: &Store, id: &ContentId, known: Known) -> Self {
        let path = store.path_of(Kind::Pack, id);
        Self { store: store.clone(), id: *id, path, size: known.stamp.size, name: known.name }
    }
}

impl Store {
    /// The pack with this id, if it is there and good. A damaged one is moved to the quarantine and answered as absent.
    ///
    /// Costs one look at the file when this process knows it; one more small file when another process stored it; and hashing it
    /// when the machine was started anew since, or when it was touched.
    ///
    /// # Errors
    /// [`StoreError`] when it is there and cannot be read.
    pub fn pack(&self, id: &ContentId) -> Result<Option<Pack>, StoreError> {
        Ok(self.look_up(Kind::Pack, id)?.map(|known| Pack::of(self, id, known)))
    }

    /// What packs were called when they were stored, with their ids. Whether one is still there and good, [`Store::pack`] tells.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be listed.
    pub fn packs_by_name(&self) -> Result<Vec<(String, ContentId)>, StoreError> {
        let named = self.ids(Kind::Pack)?.into_iter().filter_map(|(id, path)| {
            let name = Sidecar::read(&Sidecar::place(&path))?.name;
            (!name.is_empty()).then_some((name, id))
        });
        Ok(named.collect())
    }
}
