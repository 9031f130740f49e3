//! The history as the rest of the program sees it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, timeout_at};

use super::inbox::{Inbox, Ledger, inbox};
use super::reader::HistoryReader;
use super::writer::{LAST, Parts, Writer};
use crate::base::blocking::panic_text;
use crate::base::clock::Clock;
use crate::contract::History;
use crate::contract::history::{Entry, HistoryError, HistoryState, Query, RollupRow, RunRow, TransitionRow};
use crate::history::Retention;

/// A history in an SQLite file, written by a thread of its own.
///
/// The one who opens it must be the only writer: see [`StateFolder`](crate::state::StateFolder). Any number of
/// [`HistoryReader`]s may read it meanwhile.
///
/// - Entries are written together, at the latest half a second after they came. What cannot be taken is counted in
///   [`HistoryState::dropped`]; 8192 runs and 4096 changes may wait.
/// - A full disk, a vanished folder or any other trouble is told in [`HistoryState::failing`]; writing is tried again after 1 s,
///   then 2 s, and so on up to every minute, and goes on by itself.
/// - A damaged file is moved to `<name>.damaged-<time>` and a new one is begun; that too is told in `failing`, for ten minutes.
/// - The file never exceeds `max_size`. Its write-ahead log comes on top, usually less than 5 MiB.
///
/// Dropping it writes what waits, for at most 2 s, and blocks for that long; [`flush`](History::flush) before.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// use std::sync::Arc;
/// use std::time::Duration;
/// use stratheal_core::base::clock::SystemClock;
/// use stratheal_core::contract::History;
/// use stratheal_core::contract::history::Query;
/// use stratheal_core::history::{Retention, SqliteHistory};
/// let folder = tempfile::tempdir().unwrap();
/// let path = folder.path().join("history.db");
/// let history = SqliteHistory::open(&path, Retention::default(), Arc::new(SystemClock)).unwrap();
/// history.flush(Duration::from_secs(5)).await.unwrap();
/// assert!(history.runs(&Query::default()).await.unwrap().is_empty());
/// # }
/// ```
#[derive(Debug)]
pub struct SqliteHistory {
    inbox: Inbox,
    ledger: Arc<Ledger>,
    reader: HistoryReader,
    thread: Option<JoinHandle<()>>,
    ended: Mutex<Receiver<()>>,
}

impl SqliteHistory {
    /// Opens a history, makes it when it is missing, and begins to write.
    ///
    /// A file that cannot be used for a reason that may pass, such as a full disk, is opened all the same:
    /// [`state`](History::state) says so, and recording begins when the reason is gone.
    ///
    /// # Errors
    /// - [`HistoryError::Newer`] and [`HistoryError::Foreign`] when the file must not be touched.
    /// - [`HistoryError::Storage`] when the folder is missing or not writable, the thread cannot be started, or the retention makes
    ///   no sense ([`Retention::validate`]).
    pub fn open(path: &Path, retention: Retention, clock: Arc<dyn Clock>) -> Result<Self, HistoryError> {
        let failed = |path: &Path, source: Box<dyn std::error::Error + Send + Sync>| {
            let path = path.display().to_string();
            HistoryError::Storage { action: "open", path, source }
        };
        retention.validate().map_err(|error| failed(path, error.into()))?;
        let ledger = Arc::new(Ledger::default());
        let reader = HistoryReader::new(path)?.with_writer(ledger.clone());
        let path = reader.path().to_owned();
        let (inbox, outlet) = inbox(ledger.clone());
        let parts = Parts {
            path: path.clone(),
            policy: retention,
            clock,
            outlet,
            ledger: ledger.clone(),
            in_place: reader.in_place(),
        };
        let writer = Writer::begin(parts).map_err(|trouble| trouble.into_error("open", &path))?;
        let (ends, ended) = sync_channel(0);
        let told = ledger.clone();
        let thread = std::thread::Builder::new()
            .name("stratheal-hist".to_owned())
            .spawn(move || {
                if let Err(panic) = catch_unwind(AssertUnwindSafe(|| writer.run())) {
                    let text = format!("its thread panicked: {}", panic_text(panic.as_ref()));
                    tracing::error!(problem = %text, "the history is not recorded");
                    told.failing.store(Some(Arc::new(text)));
                }
                // Whoever waits for the end is told by this.
                drop(ends);
            })
            .map_err(|error| failed(&path, error.into()))?;
        ledger.writer.get_or_init(|| thread.thread().clone());
        // What came before nobody could be woken.
        ledger.wake();
        Ok(Self { inbox, ledger, reader, thread: Some(thread), ended: Mutex::new(ended) })
    }

    /// A reader of the same file, for others.
    #[must_use]
    pub fn reader(&self) -> HistoryReader {
        self.reader.clone()
    }
}

#[async_trait]
impl History for SqliteHistory {
    fn append(&self, entry: Entry) {
        self.inbox.put(entry);
    }

    async fn runs(&self, query: &Query) -> Result<Vec<RunRow>, HistoryError> {
        self.reader.runs(query).await
    }

    async fn transitions(&self, query: &Query) -> Result<Vec<TransitionRow>, HistoryError> {
        self.reader.transitions(query).await
    }

    async fn rollups(&self, query: &Query) -> Result<Vec<RollupRow>, HistoryError> {
        self.reader.rollups(query).await
    }

    fn state(&self) -> HistoryState {
        self.ledger.state()
    }

    async fn flush(&self, limit: Duration) -> Result<(), HistoryError> {
        let (runs, changes) = self.ledger.taken.now();
        let written = async {
            loop {
                // Made before looking, so that what happens in between is not missed.
                let progress = self.ledger.progress.notified();
                let (done_runs, done_changes) = self.ledger.done.now();
                if done_runs >= runs && done_changes >= changes {
                    return;
                }
                self.ledger.hurry();
                progress.await;
            }
        };
        timeout_at(Instant::now() + limit, written).await.map_err(|_| match self.state().failing {
            Some(why) => HistoryError::Storage {
                action: "write",
                path: self.reader.path().display().to_string(),
                source: why.into(),
            },
            None => HistoryError::Closed,
        })
    }
}

impl Drop for SqliteHistory {
    fn drop(&mut self) {
        self.ledger.stop.store(true, Ordering::SeqCst);
        self.ledger.wake();
        let ended = self.ended.get_mut().unwrap_or_else(PoisonError::into_inner);
        // A write that is under way is waited for; a disk that does not answer at all is not.
        if ended.recv_timeout(LAST * 2) == Err(RecvTimeoutError::Timeout) {
            tracing::error!(path = %self.reader.path().display(), "the history's disk does not answer; its thread is left behind");
            return;
        }
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            // It catches its panics and tells of them; this would be one while telling.
            tracing::error!("the history's thread panicked");
        }
    }
}
