//! Wheels that will probably be needed, fetched and unpacked while versions are still being chosen.
//!
//! Whoever chooses versions asks for the metadata of those that it considers, and most often takes them. Meanwhile the network and a
//! processor have little to do. A wrong guess costs a transfer, which ends when the choice is known; a file that arrived stays in
//! the cache.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinSet;

use super::prepare::{FileSource, WantedWheel, WheelSource, pack_of};
use super::unpack::Unpacker;
use crate::base::class::chain;
use crate::fetch::{Event, Fetcher, FileRequest};
use crate::index::ProjectName;

/// Larger files are waited for, in bytes: a wrong guess would cost too much.
const LARGEST: u64 = 64 << 20;

/// All guesses together, in bytes.
const MOST_BYTES: u64 = 1 << 30;

/// Guesses for one project. Whoever looks at more versions of it has no easy choice.
const MOST_VERSIONS: usize = 2;

/// What is being fetched ahead. It stops when this is dropped.
#[derive(Debug)]
pub(super) struct Ahead {
    listening: tokio::task::JoinHandle<()>,
    shared: Arc<Mutex<Guesses>>,
}

#[derive(Debug, Default)]
struct Guesses {
    /// The transfers, by file.
    transfers: HashMap<String, tokio::task::AbortHandle>,
    /// It stops whatever is in it when it is dropped.
    running: JoinSet<()>,
    by_project: BTreeMap<ProjectName, usize>,
    bytes: u64,
}

impl Ahead {
    /// Begins to listen for what is looked at. Projects in `settled` are there already.
    pub(super) fn begin(fetcher: &Fetcher, unpacker: &Arc<Unpacker>, settled: BTreeSet<ProjectName>) -> Self {
        let mut events = fetcher.events();
        let shared = Arc::new(Mutex::new(Guesses::default()));
        let (fetcher, unpacker, guesses) = (fetcher.clone(), Arc::clone(unpacker), Arc::clone(&shared));
        let listening = tokio::spawn(async move {
            loop {
                match events.recv().await {
                    Ok(Event::Metadata { project, file }) => {
                        let Ok(project) = project.parse::<ProjectName>() else { continue };
                        if settled.contains(&project) {
                            continue;
                        }
                        // It is in memory: it was asked for its metadata a moment ago.
                        let Ok(page) = fetcher.page(&project).await else { continue };
                        let Some(file) = page.page.files.iter().find(|known| known.name == file) else { continue };
                        let request = FileRequest { source: page.source.clone(), project, file: file.clone() };
                        let mut guesses = guesses.lock().unwrap_or_else(PoisonError::into_inner);
                        if guesses.allow(&request) {
                            guesses.begin(&fetcher, &unpacker, request);
                        }
                    }
                    Ok(_) | Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return,
                }
            }
        });
        Self { listening, shared }
    }

    /// Goes on with these only, and makes no more guesses.
    pub(super) fn keep(&self, chosen: &[WantedWheel]) {
        self.listening.abort();
        let wanted = |file: &str| {
            let is = |wheel: &WantedWheel| matches!(&wheel.from, WheelSource::File(FileSource::Index(request)) if request.file.name == file);
            chosen.iter().any(is)
        };
        let mut guesses = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        for (_, transfer) in guesses.transfers.extract_if(|file, _| !wanted(file)) {
            transfer.abort();
        }
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

impl Guesses {
    /// Whether it is worth it; counted when it is.
    fn allow(&mut self, request: &FileRequest) -> bool {
        // What has no size may have any.
        let size = request.file.size.unwrap_or(LARGEST);
        let count = self.by_project.entry(request.project.clone()).or_default();
        let is_allowed = size <= LARGEST
            && self.bytes + size <= MOST_BYTES
            && *count < MOST_VERSIONS
            && !self.transfers.contains_key(&request.file.name);
        if is_allowed {
            *count += 1;
            self.bytes += size;
        }
        is_allowed
    }

    fn begin(&mut self, fetcher: &Fetcher, unpacker: &Arc<Unpacker>, request: FileRequest) {
        let (fetcher, unpacker, name) = (fetcher.clone(), Arc::clone(unpacker), request.file.name.clone());
        let transfer = self.running.spawn(async move {
            let file = request.file.name.clone();
            let arrives = async {
                let pack = pack_of(&fetcher, &FileSource::Index(Box::new(request))).await?;
                unpacker.tree(fetcher.store(), &pack).await
            };
            if let Err(error) = arrives.await {
                // Whoever needs it will meet the same.
                tracing::debug!(file, error = chain(&error), "not fetched ahead");
            }
        });
        self.transfers.insert(name, transfer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::{PageContext, PageLimits, ProjectPage};

    fn request(project: &str, file: &str, size: Option<u64>) -> FileRequest {
        let project: ProjectName = project.parse().unwrap();
        let base = "https://index.example/".parse().unwrap();
        let context = PageContext { project: project.clone(), base, limits: PageLimits::default() };
        let body = serde_json::json!({ "files": [{ "filename": file, "url": file, "hashes": {}, "size": size }] });
        let page = ProjectPage::from_json(body.to_string().as_bytes(), &context).unwrap().page;
        FileRequest { source: "default".into(), project, file: page.files[0].clone() }
    }

    #[test]
    fn guesses_are_bounded() {
        let mut guesses = Guesses::default();
        assert!(guesses.allow(&request("a", "a-1-py3-none-any.whl", Some(1))));
        assert!(guesses.allow(&request("a", "a-2-py3-none-any.whl", Some(1))));
        assert!(!guesses.allow(&request("a", "a-3-py3-none-any.whl", Some(1))), "a third version");
        assert!(!guesses.allow(&request("b", "b-1-py3-none-any.whl", Some(LARGEST + 1))), "too large");
        let fits = (0..100).filter(|number| guesses.allow(&request(&format!("c{number}"), "c", None))).count();
        assert_eq!(fits as u64, MOST_BYTES / LARGEST - 1, "all together");
    }
}
