//! Read-only connections for questions.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, InterruptHandle, OpenFlags, TransactionBehavior};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use super::file::{companion, length};
use super::inbox::Ledger;
use super::read::Questions;
use super::schema::{self, APPLICATION_ID, NEWEST};
use super::trouble::Trouble;
use crate::base::blocking::BlockingPool;
use crate::contract::HistoryError;
use crate::contract::history::{Query, RollupRow, RunRow, TransitionRow};

/// How long a question may take.
const TIMEOUT: Duration = Duration::from_secs(20);
/// So many questions are answered at the same time; others wait for their turn.
const AT_ONCE: usize = 4;

/// Reads a history that this process, or another, is writing.
///
/// Each question opens a read-only connection of its own on a thread that may block, sees the file as it was at one moment, and
/// neither waits for the writer nor holds it up. At most 100,000 rows are answered at once.
///
/// # Cancellation
/// A question that is dropped is interrupted.
#[derive(Clone)]
pub struct HistoryReader {
    path: Arc<Path>,
    pool: BlockingPool,
    turns: Arc<Semaphore>,
    number: Arc<AtomicU64>,
    in_place: Arc<RwLock<()>>,
    ledger: Option<Arc<Ledger>>,
}

impl fmt::Debug for HistoryReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HistoryReader").field("path", &self.path).finish_non_exhaustive()
    }
}

impl HistoryReader {
    /// A reader of a file, which need not be there yet.
    ///
    /// # Errors
    /// [`HistoryError::Storage`] when the working folder that a relative path starts from is gone.
    pub fn new(path: &Path) -> Result<Self, HistoryError> {
        // SQLite would take a relative `file:name` for a URL.
        let path = std::path::absolute(path).map_err(|error| Trouble::from(error).into_error("find", path))?;
        Ok(Self {
            path: path.into(),
            pool: BlockingPool::new(AT_ONCE),
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            number: Arc::default(),
            in_place: Arc::default(),
            ledger: None,
        })
    }

    /// Tells the writer of this process when a reader finds damage.
    pub(super) fn with_writer(self, ledger: Arc<Ledger>) -> Self {
        Self { ledger: Some(ledger), ..self }
    }

    /// Held by the writer while it puts another file in the place.
    pub(super) fn in_place(&self) -> Arc<RwLock<()>> {
        self.in_place.clone()
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Recorded runs, newest first.
    ///
    /// # Errors
    /// [`HistoryError`] when the file is missing, is no history of this version or an older one, is damaged, or cannot be read.
    pub async fn runs(&self, query: &Query) -> Result<Vec<RunRow>, HistoryError> {
        let query = query.clone();
        self.ask(move |questions| questions.runs(&query)).await
    }

    /// Recorded changes of state, newest first.
    ///
    /// # Errors
    /// As for [`runs`](Self::runs).
    pub async fn transitions(&self, query: &Query) -> Result<Vec<TransitionRow>, HistoryError> {
        let query = query.clone();
        self.ask(move |questions| questions.transitions(&query)).await
    }

    /// Runs added up over hours and days, newest first.
    ///
    /// # Errors
    /// As for [`runs`](Self::runs).
    pub async fn rollups(&self, query: &Query) -> Result<Vec<RollupRow>, HistoryError> {
        let query = query.clone();
        self.ask(move |questions| questions.rollups(&query)).await
    }

    async fn ask<T, F>(&self, question: F) -> Result<Vec<T>, HistoryError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Questions<'_>) -> Result<Vec<T>, HistoryError> + Send + 'static,
    {
        let until = Instant::now() + TIMEOUT;
        let late = |source: Box<dyn std::error::Error + Send + Sync>| {
            let path = self.path.display().to_string();
            HistoryError::Storage { action: "read", path, source }
        };
        let _turn = timeout_at(until, self.turns.acquire())
            .await
            .map_err(|_| late("too many other questions are being answered: ask again later".into()))?
            .map_err(|_| HistoryError::Closed)?;
        let key = format!("history-{}", self.number.fetch_add(1, Ordering::Relaxed));
        let line = Line::default();
        let guard = HangUp(line.clone());
        let (path, in_place) = (self.path.clone(), self.in_place.clone());
        let answer = self.pool.run(&key, until, move || {
            let _in_place = in_place.read().unwrap_or_else(PoisonError::into_inner);
            let mut connection = open(&path)?;
            line.connect(&connection);
            let outcome = answer(&mut connection, &path, question);
            line.disconnect();
            outcome
        });
        let answer = answer.await.map_err(|error| late(error.into()))?;
        drop(guard);
        if let (Err(HistoryError::Corrupt { .. }), Some(ledger)) = (&answer, &self.ledger) {
            ledger.suspect.store(true, Ordering::SeqCst);
            ledger.wake();
        }
        answer
    }
}

fn answer<T>(
    connection: &mut Connection,
    path: &Path,
    question: impl FnOnce(&mut Questions<'_>) -> Result<Vec<T>, HistoryError>,
) -> Result<Vec<T>, HistoryError> {
    let read = |error: rusqlite::Error| Trouble::from(error).into_error("read", path);
    // All that is asked is asked in one transaction: a check's name and its runs are of the same moment.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Deferred).map_err(read)?;
    let shown = || path.display().to_string();
    let application = schema::application(&transaction).map_err(read)?;
    let format = schema::format(&transaction).map_err(read)?;
    match (application, format) {
        // The writer is just making it.
        (0 | APPLICATION_ID, 0) if schema::is_empty(&transaction).map_err(read)? => Ok(Vec::new()),
        (APPLICATION_ID, 1..=NEWEST) => question(&mut Questions::new(&transaction, path)),
        (APPLICATION_ID, found) => Err(HistoryError::Newer { path: shown(), found, known: NEWEST }),
        _ => Err(HistoryError::Foreign { path: shown(), problem: "it is the SQLite file of another program" }),
    }
}

fn open(path: &Path) -> Result<Connection, HistoryError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let failed = |trouble: Trouble| trouble.into_error("open", path);
    // SQLite only says that it cannot open the file; the system says why.
    std::fs::metadata(path).map_err(|error| HistoryError::Storage {
        action: "open",
        path: path.display().to_string(),
        source: error.into(),
    })?;
    let connect = |connection: Connection| {
        connection.busy_timeout(Duration::from_secs(1))?;
        // The first read tells whether the log and its index can be used.
        schema::format(&connection).map(|_| connection)
    };
    match Connection::open_with_flags(path, flags).and_then(connect) {
        Ok(connection) => Ok(connection),
        // Nobody writes it and this user cannot, so there is no index of the log and none can be made. Without a log there is nothing
        // in it either.
        Err(error) if has_no_index(&error) && length(&companion(path, "-wal")) == 0 => {
            let flags = flags | OpenFlags::SQLITE_OPEN_URI;
            let connection = Connection::open_with_flags(immutable(path), flags).and_then(connect);
            connection.map_err(|error| failed(error.into()))
        }
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) => {
            let path = path.display().to_string();
            Err(HistoryError::Foreign { path, problem: "it is no SQLite file" })
        }
        Err(error) => Err(failed(error.into())),
    }
}

fn has_no_index(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly))
}

/// The URL of a file that nobody changes (sqlite.org/uri.html).
fn immutable(path: &Path) -> PathBuf {
    let escape = |byte: &u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'_' | b'-' => char::from(*byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    let escaped: String = path.as_os_str().as_encoded_bytes().iter().map(escape).collect();
    format!("file:{escaped}?immutable=1").into()
}

/// A connection that can be interrupted from elsewhere.
#[derive(Clone, Default)]
struct Line(Arc<(Mutex<Option<InterruptHandle>>, AtomicBool)>);

impl Line {
    fn connect(&self, connection: &Connection) {
        let (handle, hung_up) = &*self.0;
        *handle.lock().unwrap_or_else(PoisonError::into_inner) = Some(connection.get_interrupt_handle());
        if hung_up.load(Ordering::SeqCst) {
            self.hang_up();
        }
    }

    fn disconnect(&self) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn hang_up(&self) {
        let (handle, hung_up) = &*self.0;
        hung_up.store(true, Ordering::SeqCst);
        if let Some(handle) = &*handle.lock().unwrap_or_else(PoisonError::into_inner) {
            handle.interrupt();
        }
    }
}

struct HangUp(Line);

impl Drop for HangUp {
    fn drop(&mut self) {
        self.0.hang_up();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_path_becomes_a_url() {
        let url = immutable(Path::new("/a b/ä?#%/history.db"));
        assert_eq!(url, Path::new("file:/a%20b/%C3%A4%3F%23%25/history.db?immutable=1"));
    }
}
