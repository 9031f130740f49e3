//! Getting wheels ready: fetched, verified, unpacked, and what each of them puts where.

use std::sync::Arc;

use futures::StreamExt;
use pep440_rs::Version;
use tokio::sync::Semaphore;

use super::build::{Buildable, Builder};
use super::error::InstallError;
use super::event::InstallEvent;
use super::requirement::ExtraName;
use super::stage::{Addition, Contents, contents_of};
use super::unpack::Unpacker;
use crate::base::class::chain;
use crate::fetch::{FetchError, Fetcher, FileRequest};
use crate::index::ProjectName;
use crate::objects::{ContentId, Pack, StoreError};

/// Wheels that are on their way at the same time; the fetcher decides how many connections that makes.
const AT_ONCE: usize = 64;

/// Builds that run at the same time. Each may use all processors, and compilers take a lot of memory.
const BUILDS: usize = 2;

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
    /// The extras that somebody asked for.
    pub extras: Vec<ExtraName>,
    /// Where it came from when that is no index (PEP 610).
    pub direct_url: Option<serde_json::Value>,
    /// Whether the same version of it may be another wheel, as where it is made of a folder.
    pub may_differ: bool,
}

/// Where a wheel comes from.
#[derive(Debug, Clone)]
pub enum WheelSource {
    /// It is there.
    File(FileSource),
    /// It has to be built.
    Build(Box<Buildable>),
}

/// Where a file is.
#[derive(Debug, Clone)]
pub enum FileSource {
    /// It is a file of an index.
    Index(Box<FileRequest>),
    /// It is in the store.
    Store(Pack),
}

impl WantedWheel {
    /// Its size in bytes, as far as somebody says it.
    pub(in crate::installer) fn size(&self) -> u64 {
        match &self.from {
            WheelSource::File(FileSource::Index(request)) => request.file.size.unwrap_or(0),
            WheelSource::File(FileSource::Store(pack)) => pack.size(),
            // What has to be built first is waited for longest.
            WheelSource::Build(_) => u64::MAX,
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
    builder: &Builder<'_>,
    unpacker: &Unpacker,
    mut wanted: Vec<WantedWheel>,
) -> Result<Vec<Prepared>, InstallError> {
    let Builder { fetcher, interpreter, tell, .. } = *builder;
    wanted.sort_by_key(|wheel| std::cmp::Reverse(wheel.size()));
    let interpreter = Arc::new(interpreter.clone());
    let builds = Semaphore::new(BUILDS);
    let builds = &builds;
    let each = wanted.into_iter().map(|wheel| {
        let interpreter = Arc::clone(&interpreter);
        async move {
            let pack = match &wheel.from {
                WheelSource::File(file) => pack_of(fetcher, file).await?,
                WheelSource::Build(buildable) => {
                    let _building = builds.acquire().await;
                    builder.build(buildable).await.map_err(InstallError::building(buildable))?.pack
                }
            };
            let tree = unpacker.tree(fetcher.store(), &pack).await?;
            let WantedWheel { name, version, requested, direct_url, .. } = wheel;
            let addition = Addition { name, version, wheel: pack, requested, direct_url };
            let looked_at = tokio::task::spawn_blocking(move || {
                let contents = contents_of(&addition, tree, &interpreter)?;
                Ok::<_, InstallError>(Prepared { addition, contents })
            });
            let prepared = looked_at.await.map_err(|error| InstallError::Panicked(error.to_string()))??;
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

/// Gets a file into the store.
///
/// # Cancellation
/// Dropping the future stops the transfer; what arrived is kept.
pub(in crate::installer) async fn pack_of(fetcher: &Fetcher, source: &FileSource) -> Result<Pack, FetchError> {
    let request = match source {
        FileSource::Store(pack) => return Ok(pack.clone()),
        FileSource::Index(request) => request,
    };
    let id = fetch(fetcher, request).await?;
    let (store, name) = (fetcher.store().clone(), request.file.name.clone());
    let found = tokio::task::spawn_blocking(move || store.pack(&id)?.ok_or(StoreError::Gone { what: name }));
    let found = found.await.map_err(|error| FetchError::Store(chain(&error)))?;
    found.map_err(|error| FetchError::Store(chain(&error)))
}

/// Gets a file by what is said about it. A lock may be older than the place of its files: then the index is asked where the file with
/// this hash is now.
async fn fetch(fetcher: &Fetcher, request: &FileRequest) -> Result<ContentId, FetchError> {
    let failed = match fetcher.file(request).await {
        Ok(file) => return Ok(file.id),
        Err(
            error @ (FetchError::HashMismatch { .. }
            | FetchError::DigestMismatch(_)
            | FetchError::Changed(_)
            | FetchError::Offline { .. }),
        ) => {
            return Err(error);
        }
        Err(error) => error,
    };
    let Some(sha256) = request.file.hashes.sha256 else { return Err(failed) };
    let Ok(page) = fetcher.page(&request.project).await else { return Err(failed) };
    let same = page.page.files.iter().find(|file| file.hashes.sha256 == Some(sha256) && file.url != request.file.url);
    let Some(file) = same.cloned() else { return Err(failed) };
    let elsewhere = FileRequest { source: page.source, project: request.project.clone(), file };
    Ok(fetcher.file(&elsewhere).await?.id)
}
