//! Where a file of a lock is.

use std::path::Path;

use serde_json::Map;

use crate::base::fs::named;
use crate::base::redact::Secret;
use crate::fetch::{Fetcher, FileRequest};
use crate::index::{CoreMetadata, Hashes, IndexFile, Yanked};
use crate::installer::error::InstallError;
use crate::installer::lock::{LockedArchive, LockedFile, LockedPackage};
use crate::installer::prepare::FileSource;
use crate::installer::resolve::source_of;
use crate::objects::Store;

/// What a lock says about a file.
pub(super) struct Place<'a> {
    name: &'a str,
    path: Option<&'a str>,
    url: Option<&'a Secret<String>>,
    size: Option<u64>,
    hashes: &'a Hashes,
}

impl<'a> Place<'a> {
    pub(super) fn of_file(file: &'a LockedFile) -> Self {
        let LockedFile { name, path, url, size, hashes, .. } = file;
        Self { name, path: path.as_deref(), url: url.as_ref(), size: *size, hashes }
    }

    pub(super) fn of_archive(archive: &'a LockedArchive, name: &'a str) -> Self {
        let LockedArchive { path, url, size, hashes, .. } = archive;
        Self { name, path: path.as_deref(), url: url.as_ref(), size: *size, hashes }
    }

    /// Where it is. `folder` is where paths begin. A path goes before a URL, unless there is nothing.
    pub(super) fn find(
        &self,
        package: &LockedPackage,
        folder: &Path,
        fetcher: &Fetcher,
    ) -> Result<FileSource, InstallError> {
        match self.path.map(|path| self.of_this_machine(&folder.join(path), fetcher.store())) {
            Some(Err(_)) if self.url.is_some() => self.elsewhere(package, fetcher),
            Some(found) => found,
            None => self.elsewhere(package, fetcher),
        }
    }

    fn elsewhere(&self, package: &LockedPackage, fetcher: &Fetcher) -> Result<FileSource, InstallError> {
        let unusable = |reason: String| InstallError::Locked { name: package.name.clone(), reason };
        let url = self.url.ok_or_else(|| unusable("its file has neither a path nor a URL".to_owned()))?;
        let url = url::Url::parse(url.expose()).map_err(|error| unusable(error.to_string()))?;
        if url.scheme() == "file" {
            let path = url.to_file_path().map_err(|()| unusable("its URL is no path on this machine".to_owned()))?;
            return self.of_this_machine(&path, fetcher.store());
        }
        if self.hashes.sha256.is_none() {
            let text = format!("{} has no SHA-256, so that nobody could tell whether it is the right one", self.name);
            return Err(unusable(text));
        }
        let index = package.index.as_ref().map(|index| index.expose().as_str());
        let source = source_of(fetcher, &package.name, index);
        let source = source.ok_or_else(|| unusable("no index answers for it".to_owned()))?;
        let file = IndexFile {
            name: self.name.to_owned(),
            url,
            hashes: self.hashes.clone(),
            size: self.size,
            upload_time: None,
            requires_python: None,
            yanked: Yanked::No,
            core_metadata: CoreMetadata::Absent,
            gpg_sig: None,
            provenance: None,
            unknown: Map::new(),
        };
        Ok(FileSource::Index(Box::new(FileRequest { source, project: package.name.clone(), file })))
    }

    /// Takes a file of this machine into the store.
    fn of_this_machine(&self, path: &Path, store: &Store) -> Result<FileSource, InstallError> {
        if let Some(id) = self.hashes.sha256
            && let Some(pack) = store.pack(&id)?
        {
            return Ok(FileSource::Store(pack));
        }
        let failed = |source| InstallError::storage("read a wheel", named(path, &source));
        let mut file = std::fs::File::open(path).map_err(failed)?;
        let mut writer = store.writer(self.name, "")?;
        std::io::copy(&mut file, &mut writer).map_err(failed)?;
        Ok(FileSource::Store(writer.commit(self.hashes.sha256)?))
    }
}
