//! What an installer does, against a source that misbehaves.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::try_join_all;
use stratheal_core::fetch::{
    Event, FetchError, FetchedFile, Fetcher, FileRequest, TransportSettings, TrustedCertificates,
};
use stratheal_core::index::{Chain, IndexFile, Member, ProjectName, Source, Trust};
use stratheal_core::objects::ContentId;
use stratheal_core::testing::faulty_index::{Content, Package, Pattern, Settings};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;

/// How long a file or a page may go without progress. Short, so that a fault that is not survived is known soon.
pub(crate) const DEADLINE: Duration = Duration::from_secs(25);

/// What is installed: small wheels, larger ones, and one that has to be built.
pub(crate) fn content() -> Content {
    let wheels = (0..6).map(|number| {
        let payload = [1_500_000, 300_000, 120_000, 60_000, 60_000, 5_000][number as usize];
        Package::new(&format!("part-{number}"), "1.0").payload(payload)
    });
    let older = Package::new("part-1", "0.9").payload(80_000);
    Content::new(wheels.chain([older, Package::new("part-built", "1.0").sdist()]))
}

/// A source called `default` with these members.
pub(crate) fn source(urls: &[String]) -> Source {
    let members = urls.iter().map(|url| Member { url: url.parse().unwrap(), trust: Trust::Pages });
    Source { name: "default".to_owned(), members: members.collect(), only: Vec::new(), immutable: true }
}

/// Settings that read nothing of this machine.
pub(crate) fn transport() -> TransportSettings {
    let certificates = TrustedCertificates { system: false, files: Vec::new(), folders: Vec::new() };
    TransportSettings { certificates, ..TransportSettings::default() }
}

pub(crate) fn fetcher(sources: Vec<Source>, cache: &Path) -> Fetcher {
    patient(sources, cache, DEADLINE)
}

fn patient(sources: Vec<Source>, cache: &Path, deadline: Duration) -> Fetcher {
    Fetcher::builder(Chain { sources }, cache.to_owned()).transport(transport()).deadline(deadline).build().unwrap()
}

pub(crate) fn project(name: &str) -> ProjectName {
    name.parse().unwrap()
}

/// The files of a project, as requests.
pub(crate) async fn files_of(fetcher: &Fetcher, name: &str) -> Result<Vec<FileRequest>, FetchError> {
    let page = fetcher.page(&project(name)).await?;
    let request =
        |file: &IndexFile| FileRequest { source: Arc::clone(&page.source), project: project(name), file: file.clone() };
    Ok(page.page.files.iter().map(request).collect())
}

/// Gets everything: each project's page, metadata of wheels, and files, all at once.
pub(crate) async fn everything(fetcher: &Fetcher, content: &Content) -> Result<Vec<FetchedFile>, FetchError> {
    let mut projects: Vec<_> = content.files().iter().map(|file| file.project.as_str()).collect();
    projects.sort_unstable();
    projects.dedup();
    let each = projects.into_iter().map(async |name| {
        let requests = files_of(fetcher, name).await?;
        try_join_all(requests.iter().map(async |request| {
            if Path::new(&request.file.name).extension().is_some_and(|extension| extension == "whl") {
                fetcher.metadata(request).await?;
            }
            fetcher.file(request).await
        }))
        .await
    });
    Ok(try_join_all(each).await?.concat())
}

/// Complains unless these files are the content, byte for byte.
pub(crate) fn complete(fetched: &[FetchedFile], content: &Content) -> Result<(), String> {
    for wanted in content.files() {
        let id = wanted.body.id();
        let file = fetched.iter().find(|file| file.id == id).ok_or_else(|| format!("{} is missing", wanted.name))?;
        let bytes = std::fs::read(&file.path).map_err(|error| format!("{} cannot be read: {error}", wanted.name))?;
        if ContentId::of(&bytes) != id || file.size != wanted.body.length() {
            return Err(format!("{} has the wrong content", wanted.name));
        }
    }
    Ok(())
}

/// What became of a pattern.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) name: String,
    pub(crate) problem: Option<String>,
    pub(crate) took: Duration,
    /// Bytes of files that were sent although they had been sent before.
    pub(crate) repeated: u64,
    /// Requests, to all servers.
    pub(crate) requests: usize,
}

/// Installs under a pattern with a cold cache.
pub(crate) async fn under(name: String, pattern: &Pattern, content: &Content, deadline: Duration) -> Outcome {
    let scenario = pattern.start_with(content, &Settings::default()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let subject = patient(vec![source(scenario.urls())], folder.path(), deadline);
    let troubles = Arc::new(Mutex::new(VecDeque::new()));
    let watcher = tokio::spawn(watch(subject.events(), Arc::clone(&troubles)));
    let began = Instant::now();
    let limit = deadline * 2;
    let problem = match tokio::time::timeout(limit, everything(&subject, content)).await {
        Err(_) => Some(format!("still at it after {} s", limit.as_secs())),
        Ok(Err(error)) => Some(error.to_string()),
        Ok(Ok(fetched)) => complete(&fetched, content).err(),
    };
    watcher.abort();
    let problem = problem.map(|problem| problem + &troubles.lock().unwrap().drain(..).collect::<String>());
    let (repeated, requests) = (scenario.repeated_bytes(), scenario.requests());
    Outcome { name, problem, took: began.elapsed(), repeated, requests }
}

/// Collects what goes wrong, the last things of it, for whoever has to find out why.
async fn watch(mut events: Receiver<Event>, last: Arc<Mutex<VecDeque<String>>>) {
    let began = Instant::now();
    loop {
        match events.recv().await {
            Ok(Event::Trouble { wanted, problem, next, .. }) => {
                let mut last = last.lock().unwrap();
                last.push_back(format!("\n    {:.1} s {wanted}: {problem}: {next}", began.elapsed().as_secs_f64()));
                if last.len() > 20 {
                    last.pop_front();
                }
            }
            Ok(_) | Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}
