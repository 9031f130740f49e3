//! What waits to be written, and the numbers that everybody may see.
//!
//! Runs and changes of state have a bounded channel each. Taking an entry never waits: when a channel is full, the entry is dropped and
//! counted. The writer empties the channel of changes first, and that of runs fills much faster, so that in trouble runs are lost
//! long before changes.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread::Thread;

use arc_swap::ArcSwapOption;
use jiff::Timestamp;
use tokio::sync::Notify;

use crate::contract::history::{Entry, HistoryState};
use crate::model::CheckId;
use crate::model::event::Transition;
use crate::model::view::Execution;

/// Runs that may wait: a quarter of a minute at 500 runs a second.
pub(super) const RUNS: usize = 8192;
/// Changes of state that may wait.
pub(super) const CHANGES: usize = 4096;
/// Entries of one transaction.
pub(super) const BATCH: usize = 500;
/// Bytes of one transaction, roughly: well below the eighth of the least size limit that is kept free for it.
const BATCH_BYTES: usize = 256 * 1024;

/// A run to be written.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) id: CheckId,
    pub(super) execution: Arc<Execution>,
}

/// A change of state to be written.
#[derive(Debug)]
pub(super) struct Changed {
    pub(super) at: Timestamp,
    pub(super) transition: Transition,
}

/// Entries that are written together.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) runs: Vec<Ran>,
    pub(super) changes: Vec<Changed>,
    bytes: usize,
}

impl Batch {
    pub(super) fn is_empty(&self) -> bool {
        self.runs.is_empty() && self.changes.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.runs.len() + self.changes.len() >= BATCH || self.bytes >= BATCH_BYTES
    }

    pub(super) fn clear(&mut self) {
        self.runs.clear();
        self.changes.clear();
        self.bytes = 0;
    }
}

/// Counts entries of the two kinds.
#[derive(Debug, Default)]
pub(super) struct Counts {
    runs: AtomicU64,
    changes: AtomicU64,
}

impl Counts {
    fn add(&self, runs: usize, changes: usize) {
        self.runs.fetch_add(runs as u64, Ordering::SeqCst);
        self.changes.fetch_add(changes as u64, Ordering::SeqCst);
    }

    pub(super) fn now(&self) -> (u64, u64) {
        (self.runs.load(Ordering::SeqCst), self.changes.load(Ordering::SeqCst))
    }
}

/// What the writer and the others tell each other.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// Entries that were taken.
    pub(super) taken: Counts,
    /// Entries that were written, or given up on after they were taken.
    pub(super) done: Counts,
    pub(super) dropped: AtomicU64,
    pub(super) bytes: AtomicU64,
    pub(super) failing: ArcSwapOption<String>,
    /// Told whenever `done` grew.
    pub(super) progress: Notify,
    /// The writer sleeps until somebody wakes it.
    pub(super) idle: AtomicBool,
    /// The writer should not wait for more.
    pub(super) hurry: AtomicBool,
    pub(super) stop: AtomicBool,
    /// A reader found damage.
    pub(super) suspect: AtomicBool,
    pub(super) writer: OnceLock<Thread>,
}

impl Ledger {
    pub(super) fn queued(&self) -> u64 {
        let ((runs, changes), (done_runs, done_changes)) = (self.taken.now(), self.done.now());
        // An entry may be written before it is counted as taken.
        runs.saturating_sub(done_runs) + changes.saturating_sub(done_changes)
    }

    pub(super) fn state(&self) -> HistoryState {
        HistoryState {
            failing: self.failing.load_full().map(|text| text.as_ref().clone()),
            queued: self.queued(),
            dropped: self.dropped.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
        }
    }

    /// The writer is done with so many entries.
    pub(super) fn settle(&self, runs: usize, changes: usize) {
        self.done.add(runs, changes);
        self.progress.notify_waiters();
    }

    pub(super) fn drop_entries(&self, count: usize) {
        self.dropped.fetch_add(count as u64, Ordering::Relaxed);
    }

    /// Makes the writer write what it has.
    pub(super) fn hurry(&self) {
        if !self.hurry.swap(true, Ordering::SeqCst) {
            self.wake();
        }
    }

    pub(super) fn wake(&self) {
        if let Some(writer) = self.writer.get() {
            writer.unpark();
        }
    }
}

/// Takes entries in.
#[derive(Debug)]
pub(super) struct Inbox {
    runs: SyncSender<Ran>,
    changes: SyncSender<Box<Changed>>,
    ledger: Arc<Ledger>,
}

/// Gives entries out.
#[derive(Debug)]
pub(super) struct Outlet {
    runs: Receiver<Ran>,
    changes: Receiver<Box<Changed>>,
}

/// An inbox and its other end.
pub(super) fn inbox(ledger: Arc<Ledger>) -> (Inbox, Outlet) {
    let (run_sender, runs) = sync_channel(RUNS);
    let (change_sender, changes) = sync_channel(CHANGES);
    (Inbox { runs: run_sender, changes: change_sender, ledger }, Outlet { runs, changes })
}

impl Inbox {
    /// Takes an entry, at once.
    pub(super) fn put(&self, entry: Entry) {
        let taken = match entry {
            Entry::Ran { id, execution } => {
                let taken = self.runs.try_send(Ran { id, execution }).is_ok();
                self.ledger.taken.add(usize::from(taken), 0);
                taken
            }
            Entry::Changed { at, transition } => {
                let taken = self.changes.try_send(Box::new(Changed { at, transition })).is_ok();
                self.ledger.taken.add(0, usize::from(taken));
                taken
            }
        };
        if !taken {
            self.ledger.drop_entries(1);
        }
        // Either the writer sees the entry when it looks for the last time before it sleeps, or this sees that it sleeps.
        fence(Ordering::SeqCst);
        if self.ledger.idle.load(Ordering::SeqCst) && self.ledger.idle.swap(false, Ordering::SeqCst) {
            self.ledger.wake();
        } else if self.ledger.queued() >= BATCH as u64 {
            self.ledger.hurry();
        }
    }
}

impl Outlet {
    /// Moves waiting entries into a batch until it is full.
    pub(super) fn fill(&self, batch: &mut Batch) {
        while !batch.is_full()
            && let Ok(change) = self.changes.try_recv()
        {
            batch.bytes += 128 + change.transition.summary.len();
            batch.changes.push(*change);
        }
        while !batch.is_full()
            && let Ok(run) = self.runs.try_recv()
        {
            batch.bytes += 96 + 10 * run.execution.report.metrics.len();
            batch.runs.push(run);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{changed, ran};
    use super::*;

    #[test]
    fn never_waits_and_counts_what_it_cannot_take() {
        let ledger = Arc::new(Ledger::default());
        // Nobody takes anything out: if taking could wait, this would never end.
        let (inbox, outlet) = inbox(ledger.clone());
        for number in 0..100_000 {
            inbox.put(ran("a", number));
        }
        for number in 0..10 {
            inbox.put(changed("a", number));
        }
        assert_eq!(ledger.state().dropped, 100_000 - RUNS as u64);
        assert_eq!(ledger.state().queued, RUNS as u64 + 10);
        assert!(ledger.hurry.load(Ordering::SeqCst));

        let mut batch = Batch::default();
        outlet.fill(&mut batch);
        assert_eq!((batch.changes.len(), batch.runs.len()), (10, BATCH - 10), "changes go first");
        assert!(batch.is_full());
        ledger.settle(BATCH - 10, 10);
        assert_eq!(ledger.done.now(), (BATCH as u64 - 10, 10));
        for number in (0..).take(CHANGES + 1) {
            inbox.put(changed("a", number));
        }
        assert_eq!(ledger.state().dropped, 100_000 - RUNS as u64 + 1);
    }

    #[test]
    fn large_entries_make_smaller_batches() {
        let (inbox, outlet) = inbox(Arc::default());
        for number in 0..400 {
            let Entry::Changed { at, mut transition } = changed("a", number) else { unreachable!() };
            transition.summary = "x".repeat(2000);
            inbox.put(Entry::Changed { at, transition });
        }
        let mut batch = Batch::default();
        outlet.fill(&mut batch);
        assert!(batch.is_full() && batch.changes.len() < 200);
        batch.clear();
        assert!(!batch.is_full() && batch.is_empty());
    }
}
