//! An origin without a network, for tests: pages and files that are given to it.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::Map;
use tempfile::TempDir;
use tokio::sync::broadcast;

use super::origin::{Opened, Origin};
use crate::fetch::{Chunks, Event, FetchError, FetchedFile, FileOrigin, FileRequest, Freshness, Page};
use crate::index::{
    Chain, CoreMetadata, Hashes, IndexFile, ListedProject, Member, PageMeta, ProjectList, ProjectName, ProjectPage,
    Source, Trust, Yanked,
};
use crate::objects::ContentId;

/// A page of the source `default` with these files.
pub(super) fn page(project: &str, files: &[(&str, &[u8])]) -> Page {
    let file = |(name, content): &(&str, &[u8])| IndexFile {
        name: (*name).to_owned(),
        url: format!("https://files.example/{name}").parse().unwrap(),
        hashes: Hashes { sha256: Some(ContentId::of(content)), ..Hashes::default() },
        size: Some(content.len() as u64),
        upload_time: None,
        requires_python: None,
        yanked: Yanked::No,
        core_metadata: CoreMetadata::Absent,
        gpg_sig: None,
        provenance: None,
        unknown: Map::new(),
    };
    let meta = PageMeta { api_version: (1, 1), last_serial: None, tracks: Vec::new(), unknown: Map::new() };
    let page = ProjectPage {
        name: project.parse().unwrap(),
        meta,
        files: files.iter().map(file).collect(),
        versions: Some(Vec::new()),
        status: None,
        alternate_locations: Vec::new(),
        unknown: Map::new(),
    };
    Page { source: "default".into(), page: page.into(), freshness: Freshness::Fresh, refused: Vec::new().into() }
}

/// Pages and files in memory and in a temporary folder.
#[derive(Debug)]
pub(super) struct TestOrigin {
    chain: Chain,
    folder: TempDir,
    events: broadcast::Sender<Event>,
    pages: Mutex<HashMap<ProjectName, Result<Page, FetchError>>>,
    contents: Mutex<HashMap<String, Vec<u8>>>,
    /// What arrives instead of being there, by file: the bytes, which may be fewer than the page says.
    arriving: Mutex<HashMap<String, Vec<u8>>>,
    /// How often a page was asked for.
    pub asked: AtomicU64,
}

impl TestOrigin {
    pub(super) fn new() -> Self {
        let url = "https://index.example/simple/".parse().unwrap();
        let members = vec![Member { url, trust: Trust::Pages }];
        let source = Source { name: "default".to_owned(), members, only: Vec::new(), immutable: true };
        Self {
            chain: Chain { sources: vec![source] },
            folder: tempfile::tempdir().unwrap(),
            events: broadcast::channel(16).0,
            pages: Mutex::default(),
            contents: Mutex::default(),
            arriving: Mutex::default(),
            asked: AtomicU64::new(0),
        }
    }

    pub(super) fn with(self, project: &str, files: &[(&str, &[u8])]) -> Self {
        self.pages.lock().unwrap().insert(project.parse().unwrap(), Ok(page(project, files)));
        for (name, content) in files {
            self.contents.lock().unwrap().insert((*name).to_owned(), content.to_vec());
        }
        self
    }

    pub(super) fn failing(self, project: &str, error: FetchError) -> Self {
        self.pages.lock().unwrap().insert(project.parse().unwrap(), Err(error));
        self
    }

    /// From now on this file is not stored but arrives, as these bytes. `None`: it is stored.
    pub(super) fn arrives(&self, file: &str, bytes: Option<&[u8]>) {
        let mut arriving = self.arriving.lock().unwrap();
        match bytes {
            Some(bytes) => arriving.insert(file.to_owned(), bytes.to_vec()),
            None => arriving.remove(file),
        };
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }
}

#[async_trait]
impl Origin for TestOrigin {
    fn chain(&self) -> &Chain {
        &self.chain
    }

    fn events(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    async fn page(&self, project: &ProjectName) -> Result<Page, FetchError> {
        self.asked.fetch_add(1, Relaxed);
        let missing = || FetchError::NoSuchProject { project: project.to_string(), asked: Vec::new() };
        self.pages.lock().unwrap().get(project).cloned().unwrap_or_else(|| Err(missing()))
    }

    async fn projects(&self) -> Result<ProjectList, FetchError> {
        let names = self.pages.lock().unwrap().keys().map(ToString::to_string).collect::<Vec<_>>();
        let projects = names.into_iter().map(|name| ListedProject { name, last_serial: None }).collect();
        Ok(ProjectList { last_serial: None, projects })
    }

    async fn file(&self, request: &FileRequest) -> Result<FetchedFile, FetchError> {
        let name = &request.file.name;
        let contents = self.contents.lock().unwrap();
        let Some(content) = contents.get(name) else {
            return Err(FetchError::Offline { wanted: name.clone() });
        };
        std::fs::write(self.path(name), content).unwrap();
        let size = content.len() as u64;
        Ok(FetchedFile { path: self.path(name), id: ContentId::of(content), size, origin: FileOrigin::Store })
    }

    async fn verified(&self, request: &FileRequest) -> Result<(FetchedFile, Option<Chunks>), FetchError> {
        self.file(request).await.map(|file| (file, None))
    }

    async fn metadata(&self, request: &FileRequest) -> Result<Bytes, FetchError> {
        Ok(format!("Metadata-Version: 2.1\nName: {}\n", request.project).into())
    }

    async fn open(&self, request: &FileRequest) -> Result<Opened, FetchError> {
        let bytes = self.arriving.lock().unwrap().get(&request.file.name).cloned();
        match bytes {
            Some(bytes) => {
                let size = request.file.size;
                let broken = (bytes.len() as u64) < size.unwrap();
                let mut pieces: Vec<_> = bytes.chunks(100_000).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
                if broken {
                    pieces.push(Err(FetchError::Store("it broke".to_owned())));
                }
                Ok(Opened::Arriving { size, chunks: Box::pin(futures::stream::iter(pieces)) })
            }
            None => self.file(request).await.map(|file| Opened::Stored(file, None)),
        }
    }
}
