//! Where the gateway has its answers from.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::broadcast;

use crate::fetch::{Chunks, Event, FetchError, FetchedFile, Fetcher, FileOrigin, FileRequest, Page};
use crate::index::{Chain, ProjectList, ProjectName};

/// What the gateway asks: a fetcher, or in tests something that needs no network.
#[async_trait]
pub(super) trait Origin: Debug + Send + Sync + 'static {
    /// The chain, for its hosts and names.
    fn chain(&self) -> &Chain;
    /// What happens, for the counters.
    fn events(&self) -> broadcast::Receiver<Event>;
    /// A project, from the first source that has it.
    async fn page(&self, project: &ProjectName) -> Result<Page, FetchError>;
    /// All projects there are.
    async fn projects(&self) -> Result<ProjectList, FetchError>;
    /// A file, whole and verified.
    async fn file(&self, request: &FileRequest) -> Result<FetchedFile, FetchError>;
    /// A file, whole and verified, with its content where that is in memory.
    async fn verified(&self, request: &FileRequest) -> Result<(FetchedFile, Option<Chunks>), FetchError>;
    /// The metadata of a wheel.
    async fn metadata(&self, request: &FileRequest) -> Result<Bytes, FetchError>;
    /// A file while it arrives, where that can be told. See [`Opened`].
    async fn open(&self, request: &FileRequest) -> Result<Opened, FetchError>;
}

/// A file that is there, or on its way.
pub(super) enum Opened {
    /// It is there, whole and verified, perhaps in memory as well.
    Stored(FetchedFile, Option<Chunks>),
    /// It arrives.
    Arriving {
        /// Its size, if anybody said.
        size: Option<u64>,
        /// Its pieces. The last ones come only once all of it is known to be right.
        chunks: Chunks,
    },
}

#[async_trait]
impl Origin for Fetcher {
    fn chain(&self) -> &Chain {
        Self::chain(self)
    }

    fn events(&self) -> broadcast::Receiver<Event> {
        Self::events(self)
    }

    async fn page(&self, project: &ProjectName) -> Result<Page, FetchError> {
        Self::page(self, project).await
    }

    async fn projects(&self) -> Result<ProjectList, FetchError> {
        Self::projects(self).await
    }

    async fn file(&self, request: &FileRequest) -> Result<FetchedFile, FetchError> {
        Self::file(self, request).await
    }

    async fn verified(&self, request: &FileRequest) -> Result<(FetchedFile, Option<Chunks>), FetchError> {
        Self::verified(self, request).await
    }

    async fn metadata(&self, request: &FileRequest) -> Result<Bytes, FetchError> {
        Self::metadata(self, request).await
    }

    async fn open(&self, request: &FileRequest) -> Result<Opened, FetchError> {
        let stream = Self::stream(self, request).await?;
        match stream.origin {
            // Out of the store it can be sent in part as well.
            FileOrigin::Store => Self::file(self, request).await.map(|file| Opened::Stored(file, None)),
            FileOrigin::Members(_) => Ok(Opened::Arriving { size: stream.size, chunks: stream.chunks }),
        }
    }
}

/// Shared by all connections.
pub(super) type SharedOrigin = Arc<dyn Origin>;
