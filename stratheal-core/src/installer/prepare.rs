//! Getting wheels ready: fetched, verified, unpacked, and what each of them puts where.

use std::sync::Arc;

use futures::StreamExt;
use pep440_rs::Version;
use tokio::sync::Semaphore;

use super::error::InstallError;
use super::event::InstallEvent;
use super::python::Interpreter;
use super::stage::{Addition, Contents, contents_of};
use crate::fetch::{FetchError, Fetcher, FileRequest};
use crate::index::ProjectName;
use crate::objects::{ContentId, Pack, Store, StoreError};

/// Wheels that are on their way at the same time; the fetcher decides how many connections that makes.
const AT_ONCE: usize = 64;

/// A wheel that is wanted.
#[derive(Debug, Clone)]
pub struct WantedWheel {
    /// The project.
    pub name: ProjectName,
    /// Its version.
    pub version: Version,
    /// Where the wheel is.
    pub from: WheelSource,
    /// Whether somebody asked for it by name.
    pub requested: bool,
    /// Where it came from when that is no index (PEP 610).
    pub direct_url: Option<serde_json::Value>,
}

/// Where a wheel is.
#[derive(Debug, Clone)]
pub enum WheelSource {
    /// It is a file of an index.
    Index(Box<FileRequest>),
    /// It is in the store.
    Store(Pack),
}

impl WantedWheel {
    /// Its size in bytes, as far as somebody says it.
    pub(in crate::installer) fn size(&self) -> u64 {
        match &self.from {
            WheelSource::Index(request) => request.file.size.unwrap_or(0),
            WheelSource::Store(pack) => pack.size(),
        }
    }
}

/// A wheel that can be installed.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) addition: Addition,
    pub(super) contents: Contents,
}

/// Prepares wheels, the large ones first, so that none of them is waited for alone at the end. The answer has the order of the names.
///
/// Dropping the future stops what is being fetched; what arrived is kept.
pub(super) async fn prepare(
    fetcher: &Fetcher,
    mut wanted: Vec<WantedWheel>,
    interpreter: &Interpreter,
    tell: &(dyn Fn(InstallEvent) + Sync),
) -> Result<Vec<Prepared>, InstallError> {
    wanted.sort_by_key(|wheel| std::cmp::Reverse(wheel.size()));
    let interpreter = Arc::new(interpreter.clone());
    // Unpacking is work of processors and disks; more of it at once makes nothing faster.
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let permits = Arc::new(Semaphore::new(threads + 1));
    let each = wanted.into_iter().map(|wheel| {
        let (interpreter, permits) = (Arc::clone(&interpreter), Arc::clone(&permits));
        async move {
            let pack = pack_of(fetcher, &wheel.from).await?;
            let permit = permits.acquire_owned().await;
            let WantedWheel { name, version, requested, direct_url, .. } = wheel;
            let addition = Addition { name, version, wheel: pack, requested, direct_url };
            let store = fetcher.store().clone();
            let unpacked = tokio::task::spawn_blocking(move || {
                let _permit = permit;
                let tree = store.tree(&addition.wheel)?;
                let contents = contents_of(&addition, tree, &interpreter)?;
                Ok::<_, InstallError>(Prepared { addition, contents })
            });
            let prepared = unpacked.await.map_err(|error| InstallError::Panicked(error.to_string()))??;
            tell(InstallEvent::Prepared { wheel: prepared.addition.wheel.name().to_owned() });
            Ok::<_, InstallError>(prepared)
        }
    });
    let mut all = futures::stream::iter(each).buffer_unordered(AT_ONCE);
    let mut prepared = Vec::new();
    while let Some(one) = all.next().await {
        prepared.push(one?);
    }
    prepared.sort_by(|a, b| a.addition.name.cmp(&b.addition.name));
    Ok(prepared)
}

async fn pack_of(fetcher: &Fetcher, source: &WheelSource) -> Result<Pack, InstallError> {
    let request = match source {
        WheelSource::Store(pack) => return Ok(pack.clone()),
        WheelSource::Index(request) => request,
    };
    let id = fetch(fetcher, request).await?;
    let gone = || StoreError::Gone { what: request.file.name.clone() };
    Ok(look_up(fetcher.store(), id).await?.ok_or_else(gone)?)
}

/// Gets a file by what is said about it. A lock may be older than the place of its files: then the index is asked where the file with
/// this hash is now.
async fn fetch(fetcher: &Fetcher, request: &FileRequest) -> Result<ContentId, InstallError> {
    let failed = match fetcher.file(request).await {
        Ok(file) => return Ok(file.id),
        Err(error @ (FetchError::HashMismatch { .. } | FetchError::Changed(_) | FetchError::Offline { .. })) => {
            return Err(error.into());
        }
        Err(error) => error,
    };
    let Some(sha256) = request.file.hashes.sha256 else { return Err(failed.into()) };
    let Ok(page) = fetcher.page(&request.project).await else { return Err(failed.into()) };
    let same = page.page.files.iter().find(|file| file.hashes.sha256 == Some(sha256) && file.url != request.file.url);
    let Some(file) = same.cloned() else { return Err(failed.into()) };
    let elsewhere = FileRequest { source: page.source, project: request.project.clone(), file };
    Ok(fetcher.file(&elsewhere).await?.id)
}

async fn look_up(store: &Store, id: ContentId) -> Result<Option<Pack>, InstallError> {
    let store = store.clone();
    let found = tokio::task::spawn_blocking(move || store.pack(&id)).await;
    Ok(found.map_err(|error| InstallError::Panicked(error.to_string()))??)
}
