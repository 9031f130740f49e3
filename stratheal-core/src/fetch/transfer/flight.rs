//! One transfer for all who want the same file: between tasks by a table, between processes by the lock of the part file.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::arriving::{Arriving, Status};
use super::habits::Habits;
use super::landing::{Landing, LandingError};
use super::seen;
use super::state::{Transfer, Wanted};
use crate::fetch::places::Places;
use crate::fetch::shared::{Location, Shared};
use crate::fetch::totals::Count;
use crate::fetch::{Attempt, FetchError, FetchedFile, FileOrigin, FileRequest, MemberFailure};
use crate::objects::{ContentId, PartKey};

/// How often it is looked whether another process is done.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
const LOOK_AGAIN_MOST: Duration = Duration::from_millis(400);

/// The transfers of a fetcher.
#[derive(Debug, Default)]
pub(in crate::fetch) struct Transfers {
    flights: Mutex<HashMap<String, Weak<Flight>>>,
    habits: Arc<Habits>,
    /// Bytes of all transfers that are in memory for readers.
    in_memory: Arc<AtomicU64>,
}

/// A transfer that goes on as long as somebody holds this.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) arriving: Arc<Arriving>,
    task: JoinHandle<()>,
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Says that a transfer ended, in whatever way: nobody waits for one that panicked.
struct Ending(Arc<Arriving>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.tell(|status| {
            status.outcome.get_or_insert_with(|| Err(FetchError::Store("the transfer was stopped".to_owned())));
        });
    }
}

impl Flight {
    /// Waits for the end.
    pub(super) async fn outcome(&self) -> Result<FetchedFile, FetchError> {
        let mut status = self.arriving.subscribe();
        let ended = || FetchError::Store("the transfer was stopped".to_owned());
        let status = status.wait_for(|status| status.outcome.is_some()).await.map_err(|_| ended())?;
        status.outcome.clone().unwrap_or_else(|| Err(ended()))
    }
}

impl Transfers {
    /// The transfer of this file: the one that is under way, or a new one.
    pub(super) fn join(&self, shared: &Arc<Shared>, request: &FileRequest, locations: Vec<Location>) -> Arc<Flight> {
        let wanted = Wanted {
            file: request.file.name.clone(),
            expected: request.file.hashes.sha256,
            digests: request.file.hashes.others.clone(),
            size: request.file.size,
            key: key_of(request),
            places: Places::of(shared, request),
        };
        let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        let name = wanted.key.as_str().to_owned();
        let going_on = |flight: &Arc<Flight>| flight.arriving.subscribe().borrow().outcome.is_none();
        if let Some(flight) = flights.get(&name).and_then(Weak::upgrade).filter(going_on) {
            return flight;
        }
        // Looking at all of them only when the table would grow keeps adding cheap.
        if flights.len() == flights.capacity() {
            flights.retain(|_, flight| flight.strong_count() > 0);
        }
        let arriving = Arc::new(Arriving::new(self.in_memory.clone()));
        let work = work(shared.clone(), self.habits.clone(), arriving.clone(), wanted, locations);
        let ending = Ending(arriving.clone());
        let task = tokio::spawn(async move {
            let outcome = work.await;
            ending.0.tell(|status| status.outcome = Some(outcome));
        });
        let flight = Arc::new(Flight { arriving, task });
        flights.insert(name, Arc::downgrade(&flight));
        flight
    }
}

pub(super) fn key_of(request: &FileRequest) -> PartKey {
    let file = &request.file;
    let place = || PartKey::place(&request.source, &file.name, file.url.as_str());
    file.hashes.sha256.map_or_else(place, |id| PartKey::content(&id))
}

/// Transfers the file, or waits for the process that does.
async fn work(
    shared: Arc<Shared>,
    habits: Arc<Habits>,
    arriving: Arc<Arriving>,
    wanted: Wanted,
    locations: Vec<Location>,
) -> Result<FetchedFile, FetchError> {
    shared.begin_work();
    let folder = shared.store.folder().join("partials");
    let mut elsewhere = Elsewhere::new(&folder, &wanted.key);
    loop {
        match Landing::open(shared.store.clone(), folder.clone(), wanted.key.clone()).await {
            Ok(Some(landing)) => {
                // Whoever had it may have finished just now.
                if let Some(found) = stored(&shared, &wanted).await? {
                    return Ok(found);
                }
                let (key, proven) = (wanted.key.clone(), wanted.expected.is_some());
                let transfer = Transfer::new(shared.clone(), habits, arriving, wanted, locations, landing);
                let fetched = transfer.run().await?;
                if !proven {
                    seen::remember(&shared, &key, &fetched.id).await;
                }
                return Ok(fetched);
            }
            Ok(None) => {}
            Err(LandingError::DiskFull(_)) => {
                return Err(FetchError::DiskFull { folder: shared.cache.display().to_string() });
            }
            Err(LandingError::Storage(text)) => return Err(FetchError::Store(text)),
        }
        elsewhere.wait(&shared, &wanted).await?;
        if let Some(found) = stored(&shared, &wanted).await? {
            return Ok(found);
        }
    }
}

/// The file, if it is in the store.
async fn stored(shared: &Arc<Shared>, wanted: &Wanted) -> Result<Option<FetchedFile>, FetchError> {
    match wanted.expected {
        Some(id) => in_store(shared, id).await,
        None => Ok(None),
    }
}

/// Looks for content in the store.
pub(super) async fn in_store(shared: &Arc<Shared>, id: ContentId) -> Result<Option<FetchedFile>, FetchError> {
    let store = shared.store.clone();
    let found = tokio::task::spawn_blocking(move || store.pack(&id)).await;
    let pack = found
        .map_err(|error| FetchError::Store(error.to_string()))?
        .map_err(|error| FetchError::Store(crate::base::class::chain(&error)))?;
    Ok(pack.map(|pack| {
        shared.counters.add(Count::StoreBytes, pack.size());
        FetchedFile { path: pack.path().to_owned(), id, size: pack.size(), origin: FileOrigin::Store }
    }))
}

/// A file that another process is at.
struct Elsewhere {
    files: [PathBuf; 2],
    lengths: [u64; 2],
    progressed: Instant,
    pause: Duration,
}

impl Elsewhere {
    fn new(folder: &Path, key: &PartKey) -> Self {
        let file = |ending: &str| folder.join(format!("{}.{ending}", key.as_str()));
        Self { files: [file("part"), file("journal")], lengths: [0; 2], progressed: Instant::now(), pause: LOOK_AGAIN }
    }

    /// Waits a moment, as long as the other one makes progress.
    async fn wait(&mut self, shared: &Shared, wanted: &Wanted) -> Result<(), FetchError> {
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(LOOK_AGAIN_MOST);
        let mut lengths = self.lengths;
        for (length, file) in lengths.iter_mut().zip(&self.files) {
            // One that is gone is finished, or not begun.
            *length = std::fs::metadata(file).map_or(0, |metadata| metadata.len());
        }
        let now = Instant::now();
        if lengths != self.lengths {
            (self.lengths, self.progressed) = (lengths, now);
        }
        if now.saturating_duration_since(self.progressed) < shared.deadline {
            return Ok(());
        }
        let failure = MemberFailure::Slow("has the file under way, and gets nowhere".to_owned());
        let attempts = vec![Attempt { member: "another process".to_owned(), times: 1, failure }];
        Err(FetchError::Deadline { wanted: wanted.file.clone(), within: shared.deadline, attempts, retry_after: None })
    }
}

/// Waits until the size is known or bytes are there, or until it ended.
pub(super) async fn begun(status: &mut watch::Receiver<Status>) -> Result<(), FetchError> {
    let there = |status: &Status| status.size.is_some() || status.prefix > 0 || status.outcome.is_some();
    let found = status.wait_for(there).await;
    let status = found.map_err(|_| FetchError::Store("the transfer was stopped".to_owned()))?;
    match &status.outcome {
        Some(Err(error)) => Err(error.clone()),
        _ => Ok(()),
    }
}
