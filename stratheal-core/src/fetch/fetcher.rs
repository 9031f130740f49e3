//! The fetcher itself: pages and files out of a chain of sources.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::broadcast;
use tokio::time::Instant;

use super::shared::Shared;
use super::transport::Transport;
use super::{
    Builder, Chunks, Event, FetchError, FetchedFile, FetcherStatus, FileRequest, FileStream, Page, metadata, pages,
    projects, transfer,
};
use crate::base::class::chain;
use crate::base::clock::Clock;
use crate::index::{Chain, ProjectList, ProjectName};
use crate::objects::{ContentId, Store};

/// Gets pages and files from a chain of sources. Clones share everything.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use stratheal_core::fetch::{Fetcher, FileRequest};
/// use stratheal_core::index::{Chain, Member, Source, Trust};
///
/// let mirror = |url: &str| Ok::<_, url::ParseError>(Member { url: url.parse()?, trust: Trust::Pages });
/// let members = vec![mirror("https://index.example/simple/")?, mirror("https://mirror.example/simple/")?];
/// let source = Source { name: "default".to_owned(), members, only: Vec::new(), immutable: true };
/// let fetcher = Fetcher::builder(Chain { sources: vec![source] }, "cache".into()).build()?;
///
/// let project = "demo".parse()?;
/// let page = fetcher.page(&project).await?;
/// if let Some(file) = page.page.files.first() {
///     let request = FileRequest { source: page.source.clone(), project, file: file.clone() };
///     println!("{}", fetcher.file(&request).await?.path.display());
/// }
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Fetcher {
    shared: Arc<Shared>,
}

impl Fetcher {
    /// Begins with a chain and the folder of the cache.
    #[must_use]
    pub fn builder(chain: Chain, cache: PathBuf) -> Builder {
        Builder::new(chain, cache)
    }

    pub(super) fn new(shared: Shared) -> Self {
        Self { shared: Arc::new(shared) }
    }

    #[cfg(test)]
    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// The chain.
    #[must_use]
    pub fn chain(&self) -> &Chain {
        &self.shared.chain
    }

    /// The store that files are kept in.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.shared.store
    }

    /// Whether it never opens a socket.
    #[must_use]
    pub fn is_offline(&self) -> bool {
        self.shared.offline
    }

    /// The sources of the chain, each with what it is known by in the cache: the same for all of its members, and another for any other
    /// index.
    #[cfg(feature = "installer")]
    pub(crate) fn sources(&self) -> impl Iterator<Item = (&crate::index::Source, Vec<String>)> {
        self.shared.chain.sources.iter().zip(self.shared.pages.names())
    }

    /// What happens from now on. A listener that is too slow loses the oldest events.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.shared.events.subscribe()
    }

    pub(super) fn transport(&self) -> &Transport {
        &self.shared.transport
    }

    pub(super) fn clock(&self) -> &dyn Clock {
        &*self.shared.clock
    }

    /// Tells listeners when something could not be had in the end.
    fn told<T>(&self, wanted: &str, result: Result<T, FetchError>) -> Result<T, FetchError> {
        if let Err(error) = &result {
            let (cause, reason) = (error.cause(), chain(error));
            self.shared.tell(Event::Failed { wanted: wanted.to_owned(), cause, reason });
        }
        result
    }

    /// How the members are doing, and what was done so far.
    #[must_use]
    pub fn status(&self) -> FetcherStatus {
        let members = self.shared.members.status(Instant::now());
        FetcherStatus { members, totals: self.shared.counters.totals() }
    }

    /// Waits until the pages that came so far are in the cache on disk, which nobody waits for otherwise. A program that ends without this
    /// may have to fetch the last ones again.
    ///
    /// # Cancellation
    /// Dropping the future is harmless: writing goes on.
    pub async fn settled(&self) {
        self.shared.pages.settled().await;
    }

    /// The page of a project, from the first source of the chain that has it.
    ///
    /// # Cancellation
    /// Dropping the future stops the work, unless somebody else waits for the same page.
    ///
    /// # Errors
    /// See [`FetchError`].
    pub async fn page(&self, project: &ProjectName) -> Result<Page, FetchError> {
        self.told(project.as_str(), pages::page(&self.shared, project).await)
    }

    /// All projects of all sources, the first source's first. It is not kept, and may be large.
    ///
    /// # Cancellation
    /// Dropping the future stops the work.
    ///
    /// # Errors
    /// See [`FetchError`].
    pub async fn projects(&self) -> Result<ProjectList, FetchError> {
        projects::projects(&self.shared).await
    }

    /// Accepts that a file of a source changed its content: from now on the one with this hash is offered. Kept in the cache.
    ///
    /// For a decision of a person, after [`FetchError::Changed`] or [`Event::Refused`] showed both hashes.
    ///
    /// # Errors
    /// [`FetchError::Settings`] for a source that is not in the chain, [`FetchError::Store`] when it cannot be kept.
    pub async fn accept(
        &self,
        source: &str,
        project: &ProjectName,
        file: &str,
        hash: ContentId,
    ) -> Result<(), FetchError> {
        pages::accept(&self.shared, source, project, file, hash).await
    }

    /// A file, whole and verified, in the store.
    ///
    /// # Cancellation
    /// Dropping the future stops the transfer; what arrived is kept and continued by the next one.
    ///
    /// # Errors
    /// See [`FetchError`].
    pub async fn file(&self, request: &FileRequest) -> Result<FetchedFile, FetchError> {
        let fetched = async {
            self.shared.refuse_changed(request).await?;
            transfer::fetch_file(&self.shared, request).await
        };
        self.told(&request.file.name, fetched.await)
    }

    /// As [`Fetcher::file`], with the content as well when it was fetched just now, so that it need not be read from the disk again.
    /// `None` when it was in the store already.
    ///
    /// # Cancellation
    /// As for [`Fetcher::file`]; what the pieces hold is kept in memory until they are dropped.
    ///
    /// # Errors
    /// See [`FetchError`].
    pub async fn verified(&self, request: &FileRequest) -> Result<(FetchedFile, Option<Chunks>), FetchError> {
        let fetched = async {
            self.shared.refuse_changed(request).await?;
            transfer::verified_file(&self.shared, request).await
        };
        self.told(&request.file.name, fetched.await)
    }

    /// A file that can be read while it arrives. Up to 64 KiB at its end come only after all of it was found to be right.
    ///
    /// # Cancellation
    /// Dropping the future or the stream stops the transfer, unless somebody else waits for the same file; what arrived is kept and
    /// continued by the next one.
    ///
    /// # Errors
    /// See [`FetchError`]; the stream itself ends with one when the file turns out to be wrong.
    pub async fn stream(&self, request: &FileRequest) -> Result<FileStream, FetchError> {
        self.shared.refuse_changed(request).await?;
        transfer::stream_file(&self.shared, request).await
    }

    /// The core metadata of a wheel: from the index (PEP 658), else read out of the wheel by ranges, else out of the whole wheel.
    ///
    /// # Cancellation
    /// As for [`Fetcher::file`].
    ///
    /// # Errors
    /// See [`FetchError`].
    pub async fn metadata(&self, request: &FileRequest) -> Result<Bytes, FetchError> {
        let found = self.told(&request.file.name, metadata::metadata(&self.shared, request).await)?;
        let (project, file) = (request.project.to_string(), request.file.name.clone());
        self.shared.tell(Event::Metadata { project, file });
        Ok(found)
    }
}
