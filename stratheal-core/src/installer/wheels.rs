//! From what a lock selects to wheels that can be had.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::error::InstallError;
use super::lock::{LockedArchive, LockedFile, LockedPackage, Selected, SelectedSource, Selection};
use super::prepare::{WantedWheel, WheelSource};
use super::resolve::source_of;
use crate::base::redact::Secret;
use crate::fetch::{Fetcher, FileRequest};
use crate::index::{CoreMetadata, DistributionKind, DistributionName, Hashes, IndexFile, ProjectName, Yanked};
use crate::objects::Store;

/// What a lock selects: wheels, and what has to become wheels first.
#[derive(Debug)]
pub(super) struct Sorted<'l> {
    pub(super) wheels: Vec<WantedWheel>,
    pub(super) to_build: Vec<&'l Selected<'l>>,
}

/// Sorts a selection. `requested` are the projects that somebody asked for by name, `folder` is where the lock's paths begin.
pub(super) fn sort<'l>(
    selection: &'l Selection<'l>,
    requested: &dyn Fn(&ProjectName) -> bool,
    folder: &Path,
    fetcher: &Fetcher,
) -> Result<Sorted<'l>, InstallError> {
    let mut sorted = Sorted { wheels: Vec::new(), to_build: Vec::new() };
    for selected in selection.packages() {
        let package = selected.package;
        let wheel = match selected.source {
            SelectedSource::Wheel(file) => Some(of_file(package, file, folder, fetcher)?),
            SelectedSource::Archive(archive) if is_wheel(archive) => {
                Some(of_archive(package, archive, folder, fetcher)?)
            }
            _ => None,
        };
        match wheel {
            Some(wheel) => sorted.wheels.push(WantedWheel { requested: requested(&package.name), ..wheel }),
            None => sorted.to_build.push(selected),
        }
    }
    Ok(sorted)
}

fn of_file(
    package: &LockedPackage,
    file: &LockedFile,
    folder: &Path,
    fetcher: &Fetcher,
) -> Result<WantedWheel, InstallError> {
    let name = DistributionName::parse(&file.name, Some(&package.name)).map_err(|error| unusable(package, error))?;
    let version = package.version.clone().unwrap_or(name.version);
    let from = match (&file.path, &file.url) {
        (Some(path), url) => match from_path(fetcher.store(), &folder.join(path), &file.name, &file.hashes) {
            Err(_) if url.is_some() => request(package, &file.name, url.as_ref(), file.size, &file.hashes, fetcher)?,
            found => found?,
        },
        (None, url) => request(package, &file.name, url.as_ref(), file.size, &file.hashes, fetcher)?,
    };
    Ok(WantedWheel { name: package.name.clone(), version, from, requested: false, direct_url: None })
}

fn of_archive(
    package: &LockedPackage,
    archive: &LockedArchive,
    folder: &Path,
    fetcher: &Fetcher,
) -> Result<WantedWheel, InstallError> {
    let file_name = archive.file_name().ok_or_else(|| unusable(package, "its archive has no name"))?;
    let name = DistributionName::parse(&file_name, Some(&package.name)).map_err(|error| unusable(package, error))?;
    let version = package.version.clone().unwrap_or(name.version);
    let mut hashes: Map<String, Value> =
        archive.hashes.others.iter().map(|(name, hex)| (name.clone(), json!(hex))).collect();
    hashes.extend(archive.hashes.sha256.map(|id| ("sha256".to_owned(), json!(id.to_string()))));
    let (from, url) = match (&archive.path, &archive.url) {
        (Some(path), _) => {
            let path = folder.join(path);
            let url = url::Url::from_file_path(&path).map(String::from).unwrap_or_default();
            (from_path(fetcher.store(), &path, &file_name, &archive.hashes)?, url)
        }
        (None, url) => {
            let from = request(package, &file_name, url.as_ref(), archive.size, &archive.hashes, fetcher)?;
            // No password belongs into an environment.
            (from, url.as_ref().map(|url| without_password(url.expose())).unwrap_or_default())
        }
    };
    let direct_url = Some(json!({ "url": url, "archive_info": { "hashes": hashes } }));
    Ok(WantedWheel { name: package.name.clone(), version, from, requested: false, direct_url })
}

fn request(
    package: &LockedPackage,
    file_name: &str,
    url: Option<&Secret<String>>,
    size: Option<u64>,
    hashes: &Hashes,
    fetcher: &Fetcher,
) -> Result<WheelSource, InstallError> {
    let url = url.ok_or_else(|| unusable(package, "its file has neither a path nor a URL"))?;
    let url = url::Url::parse(url.expose()).map_err(|error| unusable(package, error))?;
    if hashes.sha256.is_none() {
        return Err(unusable(
            package,
            format!("{file_name} has no SHA-256, so that nobody could tell whether it is the right one"),
        ));
    }
    if url.scheme() == "file" {
        let path = url.to_file_path().map_err(|()| unusable(package, "its URL is no path on this machine"))?;
        return from_path(fetcher.store(), &path, file_name, hashes);
    }
    let index = package.index.as_ref().map(|index| index.expose().as_str());
    let source =
        source_of(fetcher, &package.name, index).ok_or_else(|| unusable(package, "no index answers for it"))?;
    let file = IndexFile {
        name: file_name.to_owned(),
        url,
        hashes: hashes.clone(),
        size,
        upload_time: None,
        requires_python: None,
        yanked: Yanked::No,
        core_metadata: CoreMetadata::Absent,
        gpg_sig: None,
        provenance: None,
        unknown: Map::new(),
    };
    Ok(WheelSource::Index(Box::new(FileRequest { source, project: package.name.clone(), file })))
}

/// Takes a file of this machine into the store.
fn from_path(store: &Store, path: &Path, name: &str, hashes: &Hashes) -> Result<WheelSource, InstallError> {
    if let Some(id) = hashes.sha256
        && let Some(pack) = store.pack(&id)?
    {
        return Ok(WheelSource::Store(pack));
    }
    let failed = |source| InstallError::storage("read a wheel", crate::base::fs::named(path, &source));
    let mut file = std::fs::File::open(path).map_err(failed)?;
    let mut writer = store.writer(name, "")?;
    std::io::copy(&mut file, &mut writer).map_err(failed)?;
    Ok(WheelSource::Store(writer.commit(hashes.sha256)?))
}

fn is_wheel(archive: &LockedArchive) -> bool {
    let name = archive.file_name().and_then(|name| DistributionName::parse(&name, None).ok());
    archive.subdirectory.is_none() && name.is_some_and(|name| matches!(name.kind, DistributionKind::Wheel(_)))
}

fn without_password(url: &str) -> String {
    let Ok(mut url) = url::Url::parse(url) else { return String::new() };
    // Neither can fail for a URL with a host, and one without has neither.
    let _ = (url.set_username(""), url.set_password(None));
    url.set_fragment(None);
    url.into()
}

fn unusable(package: &LockedPackage, reason: impl std::fmt::Display) -> InstallError {
    InstallError::Locked { name: package.name.clone(), reason: reason.to_string() }
}
