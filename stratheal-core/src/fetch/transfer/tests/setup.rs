//! A fetcher with members of one's own.

use std::sync::Arc;
use std::time::Duration;

use super::server::FileServer;
use crate::fetch::member::Purpose;
use crate::fetch::shared::{Location, Shared};
use crate::fetch::{Event, FetchError, FetchedFile, Fetcher, FileRequest};
use crate::index::{Chain, CoreMetadata, Hashes, IndexFile, Yanked};
use crate::objects::ContentId;

pub(super) struct Setup {
    pub(super) shared: Arc<Shared>,
    pub(super) folder: tempfile::TempDir,
    events: tokio::sync::broadcast::Receiver<Event>,
}

/// Content that no compression and no repetition makes look right by chance.
pub(super) fn content(length: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(length as u64);
    let mut bytes = vec![0; length];
    random.fill(&mut bytes);
    bytes
}

pub(super) fn request(content: &[u8]) -> FileRequest {
    let file = IndexFile {
        name: "demo-1-py3-none-any.whl".to_owned(),
        url: "http://127.0.0.1:1/demo".parse().unwrap(),
        hashes: Hashes { sha256: Some(ContentId::of(content)), ..Hashes::default() },
        size: Some(content.len() as u64),
        upload_time: None,
        requires_python: None,
        yanked: Yanked::No,
        core_metadata: CoreMetadata::Absent,
        gpg_sig: None,
        provenance: None,
        unknown: serde_json::Map::new(),
    };
    FileRequest { source: "default".into(), project: "demo".parse().unwrap(), file }
}

pub(super) fn shared_in(folder: &std::path::Path, deadline: Duration) -> Arc<Shared> {
    let builder = Fetcher::builder(Chain::default(), folder.to_owned()).deadline(deadline);
    Arc::new(builder.open().unwrap())
}

impl Setup {
    pub(super) fn new() -> Self {
        Self::with_deadline(Duration::from_secs(20))
    }

    pub(super) fn with_deadline(deadline: Duration) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let shared = shared_in(folder.path(), deadline);
        let events = shared.events.subscribe();
        Self { shared, folder, events }
    }

    pub(super) fn locations(&self, servers: &[&FileServer]) -> Vec<Location> {
        let of = |server: &&FileServer| {
            let url = server.url();
            let base = url.join("/simple/").unwrap();
            Location { member: self.shared.members.get(&base, &url, Purpose::Files), url }
        };
        servers.iter().map(of).collect()
    }

    pub(super) async fn fetch(
        &self,
        request: &FileRequest,
        servers: &[&FileServer],
    ) -> Result<FetchedFile, FetchError> {
        let fetching =
            async { self.shared.transfers.join(&self.shared, request, self.locations(servers)).outcome().await };
        tokio::time::timeout(Duration::from_mins(1), fetching).await.expect("it ends at all")
    }

    /// Bytes that crossed the network, as this side counts.
    pub(super) fn network(&self) -> u64 {
        self.shared.counters.totals().network_bytes
    }

    pub(super) fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.events.try_recv().ok()).collect()
    }

    /// Nothing is left of a transfer that is done.
    pub(super) fn left_over(&self) -> Vec<String> {
        let folder = self.shared.store.folder().join("partials");
        let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
    }
}
