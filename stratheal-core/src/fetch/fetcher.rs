//! The fetcher itself: settings in, pages and files out.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::broadcast;

use super::{Event, FetchError, FetchedFile, FileRequest, Page};
use crate::index::{Chain, ProjectName};

/// Settings of a [`Fetcher`].
#[derive(Debug, Clone)]
pub struct Builder {
    chain: Chain,
    cache: PathBuf,
    offline: bool,
    deadline: Duration,
}

impl Builder {
    /// Never opens a socket: what is not in the cache is an error.
    #[must_use]
    pub const fn offline(mut self, offline: bool) -> Self {
        self.offline = offline;
        self
    }

    /// How long one page or file may take without any progress, all retries included; default 120 s.
    #[must_use]
    pub const fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Opens the cache.
    ///
    /// # Errors
    /// [`FetchError::Store`] when it cannot be opened.
    pub fn build(self) -> Result<Fetcher, FetchError> {
        let (events, _) = broadcast::channel(1024);
        Ok(Fetcher { shared: Arc::new(Shared { settings: self, events }) })
    }
}

/// Gets pages and files from a chain of sources. Clones share everything.
#[derive(Debug, Clone)]
pub struct Fetcher {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    settings: Builder,
    events: broadcast::Sender<Event>,
}

impl Fetcher {
    /// Begins with a chain and the folder of the cache.
    #[must_use]
    pub fn builder(chain: Chain, cache: PathBuf) -> Builder {
        Builder { chain, cache, offline: false, deadline: Duration::from_mins(2) }
    }

    /// The chain.
    #[must_use]
    pub fn chain(&self) -> &Chain {
        &self.shared.settings.chain
    }

    /// What happens from now on. A listener that is too slow loses the oldest events.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.shared.events.subscribe()
    }

    /// The page of a project, from the first source of the chain that has it.
    ///
    /// # Cancellation
    /// Dropping the future stops the work, unless somebody else waits for the same page.
    ///
    /// # Errors
    /// See [`FetchError`].
    pub async fn page(&self, project: &ProjectName) -> Result<Page, FetchError> {
        let _ = (project, &self.shared.settings.cache);
        std::future::ready(Err(FetchError::Store("nothing is fetched yet".to_owned()))).await
    }

    /// A file, whole and verified, in the store.
    ///
    /// # Cancellation
    /// Dropping the future stops the transfer; what arrived is kept and continued by the next one.
    ///
    /// # Errors
    /// See [`FetchError`].
    pub async fn file(&self, request: &FileRequest) -> Result<FetchedFile, FetchError> {
        let _ = request;
        std::future::ready(Err(FetchError::Store("nothing is fetched yet".to_owned()))).await
    }

    /// The core metadata of a wheel: from the index (PEP 658), else read out of the wheel by ranges, else out of the whole wheel.
    ///
    /// # Cancellation
    /// As for [`Fetcher::file`].
    ///
    /// # Errors
    /// See [`FetchError`].
    pub async fn metadata(&self, request: &FileRequest) -> Result<Bytes, FetchError> {
        let _ = request;
        std::future::ready(Err(FetchError::Store("nothing is fetched yet".to_owned()))).await
    }
}
