//! A project's page through the chain of sources, and through what is kept of it.
//!
//! The first source that is asked about the project and has it is the only one that counts. "Not here" leads on to the next source
//! only when all believed members say so; whatever else happens ends the search with its reason, because going on would let a public
//! project take the place of a private one whose index is down.

use std::convert::Infallible;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::Instant;

use super::folder::Folders;
use super::gather::{Late, gather};
use super::known::{Known, SharedKnown, State};
use super::memory::Recent;
use super::record::{MemberRecord, Record};
use super::seen::Memory;
use super::under_way::{Key, UnderWay};
use crate::base::redact::safe_url;
use crate::base::single_flight::Flights;
use crate::fetch::shared::Shared;
use crate::fetch::totals::Count;
use crate::fetch::{Event, FetchError, Page};
use crate::index::{ProjectName, Source};
use crate::objects::ContentId;

/// Pages in memory, in bytes.
const MEMORY: usize = 128 << 20;

/// The pages of all sources: in memory, on disk, and on their way.
#[derive(Debug)]
pub(in crate::fetch) struct Pages {
    memory: Recent<Key, Known>,
    folders: Vec<Folders>,
    flights: Flights<Result<Found, FetchError>>,
    pub(super) under_way: UnderWay,
    /// What changes a record on disk holds the lock of its project: two answers for one project must not undo each other.
    writing: [Arc<Mutex<()>>; 16],
}

/// What one source says.
#[derive(Debug, Clone)]
enum Found {
    Page(Page, &'static str),
    Missing,
    /// It said so once, and cannot be asked now; the reason.
    WasMissing(FetchError),
}

impl Pages {
    pub(in crate::fetch) fn new(folders: Vec<Folders>) -> Self {
        let (memory, flights, under_way) = (Recent::new(MEMORY), Flights::new(), UnderWay::default());
        Self { memory, folders, flights, under_way, writing: Default::default() }
    }

    async fn lock(&self, key: &Key) -> OwnedMutexGuard<()> {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        Arc::clone(&self.writing[hasher.finish() as usize % self.writing.len()]).lock_owned().await
    }

    /// What the sources are known by, in their order: see [`Folders::names`].
    #[cfg(feature = "installer")]
    pub(in crate::fetch) fn names(&self) -> impl Iterator<Item = Vec<String>> {
        self.folders.iter().map(Folders::names)
    }

    /// Waits until what came so far is on disk.
    pub(in crate::fetch) async fn settled(&self) {
        for lock in &self.writing {
            drop(lock.lock().await);
        }
    }
}

/// The page of a project, from the first source of the chain that has it.
pub(in crate::fetch) async fn page(shared: &Arc<Shared>, project: &ProjectName) -> Result<Page, FetchError> {
    let begun = Instant::now();
    let mut asked = Vec::new();
    // Set once a source only said "not here" in the past: then nothing new may be believed from the sources behind it.
    let mut doubt = None;
    for (number, source) in shared.chain.sources.iter().enumerate() {
        if !source.is_asked_about(project) {
            continue;
        }
        let found = if shared.offline || doubt.is_some() {
            kept(shared, number, source, project)
                .await
                .ok_or_else(|| doubt.clone().unwrap_or_else(|| FetchError::Offline { wanted: project.to_string() }))?
        } else {
            found(shared, number, source, project).await?
        };
        match found {
            Found::Page(page, how) => {
                tell(shared, source, project, how, begun);
                return Ok(page);
            }
            Found::Missing => {}
            Found::WasMissing(why) => doubt = Some(why),
        }
        asked.extend(source.members.iter().map(|member| safe_url(member.url.as_str())));
    }
    Err(doubt.unwrap_or_else(|| FetchError::NoSuchProject { project: project.to_string(), asked }))
}

/// What is known of a project at a source, if it is in memory.
pub(in crate::fetch) fn in_memory(shared: &Shared, number: usize, project: &ProjectName) -> Option<SharedKnown> {
    shared.pages.memory.get(&(number, project.clone()))
}

/// What is known of a project at a source without asking anybody, from memory or from disk.
pub(in crate::fetch) async fn known(shared: &Arc<Shared>, number: usize, project: &ProjectName) -> Option<SharedKnown> {
    let source = shared.chain.sources.get(number)?;
    let key = (number, project.clone());
    if let Some(known) = shared.pages.memory.get(&key) {
        return Some(known);
    }
    let (record, memory) = read(shared, number, project).await;
    if record.members.is_empty() {
        return None;
    }
    let known = Arc::new(Known::new(record, memory, source, shared.now()));
    shared.pages.memory.put(key, known.clone(), known.size());
    Some(known)
}

/// What a source says now, or said so recently that it still counts.
async fn found(
    shared: &Arc<Shared>,
    number: usize,
    source: &Source,
    project: &ProjectName,
) -> Result<Found, FetchError> {
    let fresh = |known: &Known| known.is_fresh(source, shared.now()).then(|| current(known, "cache")).flatten();
    if let Some(known) = shared.pages.memory.get(&(number, project.clone()))
        && let Some(found) = fresh(&known)
    {
        return Ok(found);
    }
    let flight = shared.pages.flights.get(&format!("{number}/{project}"));
    let work = async {
        let known = known(shared, number, project).await;
        if let Some(found) = known.as_deref().and_then(fresh) {
            return Ok::<_, Infallible>(Ok(found));
        }
        let record = known.as_ref().map(|known| known.record.clone()).unwrap_or_default();
        Ok(ask(shared, number, source, project, &record).await)
    };
    let Ok(found) = flight.run(work).await;
    found
}

/// Asks the members, and keeps what they say.
async fn ask(
    shared: &Arc<Shared>,
    number: usize,
    source: &Source,
    project: &ProjectName,
    record: &Record,
) -> Result<Found, FetchError> {
    let late = late(shared, number, project);
    let gathered = gather(shared, number, project, record, late).await;
    let is_unchanged = |new: &MemberRecord| record.of(&new.member).is_some_and(|old| old.said == new.said);
    let how = if gathered.new.iter().all(is_unchanged) { "unchanged" } else { "fetched" };
    let known = keep(shared, number, source, project, gathered.new).await;
    let Some(lacking) = gathered.lacking else {
        let unknown = || FetchError::Store(format!("what was said about {project} contradicts itself"));
        return current(&known, how).ok_or_else(unknown);
    };
    // Denied is an answer, and a decision of somebody: an older page must not hide it.
    if matches!(lacking, FetchError::Denied { .. }) {
        return Err(lacking);
    }
    match &known.state {
        State::Page(..) => known.old_page(&lacking.to_string()).map(|page| Found::Page(page, "stale")).ok_or(lacking),
        State::Missing => Ok(Found::WasMissing(lacking)),
        State::Unknown => Err(lacking),
    }
}

/// What a source said before, without asking anybody.
async fn kept(shared: &Arc<Shared>, number: usize, source: &Source, project: &ProjectName) -> Option<Found> {
    let known = known(shared, number, project).await?;
    if known.is_fresh(source, shared.now()) {
        return current(&known, "cache");
    }
    match known.state {
        State::Page(..) => known.old_page("nobody is asked").map(|page| Found::Page(page, "stale")),
        State::Missing => Some(Found::Missing),
        State::Unknown => None,
    }
}

fn current(known: &Known, how: &'static str) -> Option<Found> {
    match &known.state {
        State::Page(_, page) => Some(Found::Page(page.clone(), how)),
        State::Missing => Some(Found::Missing),
        State::Unknown => None,
    }
}

/// Takes new answers into memory, and begins to write them to disk: nobody waits for that but whoever changes the same page next. A disk
/// that takes nothing costs the cache, not the page.
async fn keep(
    shared: &Arc<Shared>,
    number: usize,
    source: &Source,
    project: &ProjectName,
    new: Vec<MemberRecord>,
) -> SharedKnown {
    let key = (number, project.clone());
    let lock = shared.pages.lock(&key).await;
    let (mut record, memory) = match shared.pages.memory.get(&key) {
        Some(known) => (known.record.clone(), known.memory.clone()),
        None => read(shared, number, project).await,
    };
    let is_new = !new.is_empty();
    for answer in new {
        record.put(answer);
    }
    let seen = memory.seen.clone();
    let known = Arc::new(Known::new(record, memory, source, shared.now()));
    tell_refused(shared, &known);
    shared.pages.memory.put(key, known.clone(), known.size());
    if is_new && let Some(folders) = shared.pages.folders.get(number).cloned() {
        let (project, written) = (project.clone(), known.clone());
        tokio::task::spawn_blocking(move || {
            let _lock = lock;
            let remembered =
                if written.memory.seen == seen { Ok(()) } else { folders.remember(&project, &written.memory.seen) };
            if let Err(error) = remembered.and_then(|()| folders.write(&project, &written.record)) {
                tracing::warn!(%error, "a page cannot be kept");
            }
        });
    }
    known
}

/// Keeps an answer that came when nobody waited for it any more. It is in memory when that is done.
pub(super) fn late(shared: &Arc<Shared>, number: usize, project: &ProjectName) -> Late {
    let (shared, project) = (Arc::downgrade(shared), project.clone());
    Arc::new(move |record| {
        let (shared, project) = (shared.clone(), project.clone());
        Box::pin(async move {
            let Some(shared) = shared.upgrade() else { return };
            if let Some(source) = shared.chain.sources.get(number) {
                keep(&shared, number, source, &project, vec![record]).await;
            }
        })
    })
}

async fn read(shared: &Arc<Shared>, number: usize, project: &ProjectName) -> (Record, Memory) {
    let Some(folders) = shared.pages.folders.get(number).cloned() else { return Default::default() };
    let project = project.clone();
    tokio::task::spawn_blocking(move || (folders.read(&project), folders.remembered(&project))).await.unwrap_or_else(
        |error| {
            tracing::warn!(%error, "a cached page cannot be read");
            Default::default()
        },
    )
}

/// Keeps that a person accepts a file of a source with this hash; the next page offers it.
pub(in crate::fetch) async fn accept(
    shared: &Arc<Shared>,
    source: &str,
    project: &ProjectName,
    file: &str,
    hash: ContentId,
) -> Result<(), FetchError> {
    let number = shared.chain.sources.iter().position(|known| known.name == source);
    let folders = number.and_then(|number| Some((number, shared.pages.folders.get(number)?.clone())));
    let Some((number, folders)) = folders else {
        return Err(FetchError::Settings(format!("there is no source named `{source}`")));
    };
    let key = (number, project.clone());
    let _lock = shared.pages.lock(&key).await;
    let (project, file) = (project.clone(), file.to_owned());
    let written = tokio::task::spawn_blocking(move || folders.accept(&project, &file, hash)).await;
    written
        .map_err(|error| FetchError::Store(error.to_string()))?
        .map_err(|error| FetchError::Store(error.to_string()))?;
    // What is in memory was compared without it.
    shared.pages.memory.remove(&key);
    Ok(())
}

fn tell_refused(shared: &Shared, known: &Known) {
    let State::Page(_, page) = &known.state else { return };
    for (file, reason) in page.refused.iter() {
        shared.tell(Event::Refused { file: file.clone(), reason: reason.clone() });
    }
}

fn tell(shared: &Shared, source: &Source, project: &ProjectName, how: &'static str, begun: Instant) {
    let count = match how {
        "cache" => Count::PagesCached,
        "unchanged" => Count::PagesUnchanged,
        "stale" => Count::PagesStale,
        _ => Count::PagesFetched,
    };
    shared.counters.add(count, 1);
    let (project, source) = (project.to_string(), source.name.clone());
    shared.tell(Event::Page { project, source, how, took: begun.elapsed() });
}
