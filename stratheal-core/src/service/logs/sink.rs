//! Between the pipes of a service and its log file: a bounded store, and the one writer.
//!
//! While the disk takes what comes, nothing is lost: a service that prints faster than the disk writes waits. When the disk does not
//! take it (full, or not answering), the newest 256 KiB are kept, older lines are dropped and counted, and the service goes on.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::file::LogFile;
use super::line::{Origin, prefix};
use crate::base::clock::Clock;

/// The most bytes that wait for the disk.
const MOST: usize = 256 * 1024;
/// How long a service waits for a disk that does not answer, before its lines are dropped.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the writer waits after the disk refused.
const RETRY: Duration = Duration::from_millis(500);

#[derive(Debug, Default)]
struct Store {
    lines: VecDeque<u8>,
    dropped: u64,
    /// Whether the disk did not take the last lines, so that nobody waits for it.
    failing: bool,
    /// Whether a batch is with the writer.
    writing: bool,
    closed: bool,
}

impl Store {
    /// Adds lines at the end, and makes room at the front where needed.
    fn push(&mut self, lines: &[u8]) {
        self.lines.extend(lines);
        self.trim();
    }

    /// Puts back what was not written, in front of what came meanwhile.
    fn put_back(&mut self, lines: &[u8]) {
        let newer = std::mem::take(&mut self.lines);
        self.lines = lines.iter().copied().chain(newer).collect();
        self.trim();
    }

    fn trim(&mut self) {
        let excess = self.lines.len().saturating_sub(MOST);
        if excess == 0 {
            return;
        }
        let end = self.lines.iter().skip(excess - 1).position(|byte| *byte == b'\n').map_or(MOST, |at| excess + at);
        self.dropped += self.lines.drain(..end).filter(|byte| *byte == b'\n').count() as u64;
    }
}

/// Where the lines of one service go.
#[derive(Debug, Clone)]
pub(in crate::service) struct Sink {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    store: Mutex<Store>,
    news: Notify,
    room: Notify,
    clock: Arc<dyn Clock>,
}

impl Sink {
    /// A sink whose writer runs until it is closed and everything is written.
    pub(in crate::service) fn open(path: std::path::PathBuf, max_size: u64, keep: u32, clock: Arc<dyn Clock>) -> Self {
        let shared = Shared { store: Mutex::default(), news: Notify::new(), room: Notify::new(), clock };
        let sink = Self { shared: Arc::new(shared) };
        tokio::spawn(write(sink.shared.clone(), LogFile::new(path, max_size, keep)));
        sink
    }

    /// Adds whole lines; waits while there is no room and the disk goes on taking.
    pub(in crate::service) async fn push(&self, lines: &[u8]) {
        let shared = &self.shared;
        loop {
            let room = shared.room.notified();
            {
                let mut store = shared.lock();
                if store.failing || store.lines.is_empty() || store.lines.len() + lines.len() <= MOST {
                    store.push(lines);
                    shared.news.notify_one();
                    return;
                }
            }
            if tokio::time::timeout(PATIENCE, room).await.is_err() {
                shared.lock().failing = true;
            }
        }
    }

    /// Adds a note of the keeper's own.
    pub(in crate::service) fn note(&self, text: &str) {
        let line = format!("{}{text}\n", prefix(self.shared.clock.now(), Origin::Log, false));
        self.shared.lock().push(line.as_bytes());
        self.shared.news.notify_one();
    }

    /// Says that there will be no more.
    pub(in crate::service) fn close(&self) {
        self.shared.lock().closed = true;
        self.shared.news.notify_one();
    }

    /// Waits until everything is written, or the disk refuses.
    pub(in crate::service) async fn settle(&self) {
        loop {
            let room = self.shared.room.notified();
            {
                let store = self.shared.lock();
                if store.failing || (store.lines.is_empty() && !store.writing) {
                    return;
                }
            }
            room.await;
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The disk took a batch.
    fn written(&self, unnoted: u64) {
        let mut store = self.lock();
        store.writing = false;
        store.failing = false;
        store.dropped += unnoted;
    }

    /// The disk refused the rest of a batch. Answers whether there will be no more lines.
    fn refused(&self, rest: &[u8], unnoted: u64, error: &std::io::Error) -> bool {
        let mut store = self.lock();
        if !store.failing {
            tracing::warn!(%error, "cannot write a log");
        }
        store.writing = false;
        store.failing = true;
        store.dropped += unnoted;
        store.put_back(rest);
        self.room.notify_waiters();
        store.closed
    }
}

async fn write(shared: Arc<Shared>, mut file: LogFile) {
    loop {
        let (batch, dropped) = {
            let mut store = shared.lock();
            let batch: Vec<u8> = std::mem::take(&mut store.lines).into();
            store.writing = !batch.is_empty();
            if batch.is_empty() && store.closed {
                return;
            }
            (batch, std::mem::take(&mut store.dropped))
        };
        if batch.is_empty() {
            shared.room.notify_waiters();
            shared.news.notified().await;
            continue;
        }
        // Those that wait may fill the store while this is written.
        shared.room.notify_waiters();
        let note = (dropped > 0).then(|| {
            let text = format!("{dropped} lines were dropped: the disk did not take them");
            format!("{}{text}\n", prefix(shared.clock.now(), Origin::Log, false))
        });
        let task = tokio::task::spawn_blocking(move || {
            let (_, noted) = note.map_or((0, Ok(())), |note| file.append(note.as_bytes()));
            let was_noted = noted.is_ok();
            let (written, result) = match noted {
                Ok(()) => file.append(&batch),
                Err(error) => (0, Err(error)),
            };
            (file, batch, written, result, was_noted)
        });
        let Ok((back, batch, written, result, was_noted)) = task.await else { return };
        file = back;
        let unnoted = if was_noted { 0 } else { dropped };
        let Err(error) = result else {
            shared.written(unnoted);
            continue;
        };
        let closed = shared.refused(&batch[written..], unnoted, &error);
        tokio::time::sleep(RETRY).await;
        if closed {
            // The service is gone and the disk is full: what it said last is tried once more.
            let rest: Vec<u8> = std::mem::take(&mut shared.lock().lines).into();
            let last = tokio::task::spawn_blocking(move || file.append(&rest).1);
            if let Ok(Err(error)) = last.await {
                tracing::warn!(%error, "the last lines of a service are lost");
            }
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::SystemClock;

    #[tokio::test]
    async fn what_the_disk_does_not_take_is_kept_and_counted() {
        let folder = tempfile::tempdir().unwrap();
        // A folder in the way of the file: every write fails.
        let path = folder.path().join("a.log");
        std::fs::create_dir(&path).unwrap();
        let sink = Sink::open(path.clone(), 1 << 20, 1, Arc::new(SystemClock));
        let line = format!("2026-01-31T12:34:56.789Z out {}\n", "x".repeat(900));
        let begun = tokio::time::Instant::now();
        for _ in 0..2000 {
            sink.push(line.as_bytes()).await;
        }
        assert!(begun.elapsed() < PATIENCE, "nobody waits for a disk that refuses");
        std::fs::remove_dir(&path).unwrap();
        sink.close();
        for _ in 0..100 {
            tokio::time::sleep(Duration::from_millis(50)).await;
            if path.is_file() {
                break;
            }
        }
        sink.settle().await;
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.len() > MOST / 2 && text.len() <= MOST + 200, "{}", text.len());
        assert!(text.lines().all(|line| line.starts_with("2026") && line.contains(" out x") || line.contains(" log ")));
    }

    #[tokio::test]
    async fn nothing_is_lost_while_the_disk_takes_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        let sink = Sink::open(path.clone(), 100 << 20, 1, Arc::new(SystemClock));
        for number in 0..50_000 {
            sink.push(format!("line {number}\n").as_bytes()).await;
        }
        sink.settle().await;
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.lines().enumerate().all(|(number, line)| line == format!("line {number}")));
        assert_eq!(text.lines().count(), 50_000);
    }
}
