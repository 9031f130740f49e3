//! The ends of runs, on their way to the scheduler.
//!
//! A lane puts them here one by one and tells the scheduler when it has nothing left to do: waking a thread costs more than a short
//! check does. The scheduler looks here in each of its passes as well, so an end waits for no longer than
//! [`Lanes::LOOK`](super::lane::Lanes::LOOK) while its lane goes on being busy, or is blocked. The end of a run that needed no lane is
//! told at once: its thread is that of the scheduler.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;

use super::lane::Lanes;
use super::runner::Ending;

/// The end of a run.
pub(crate) struct Finished {
    pub(crate) slot: u32,
    pub(crate) attempt: u64,
    pub(crate) lane: u32,
    pub(crate) started: Instant,
    pub(crate) ended: Instant,
    pub(crate) ending: Ending,
}

/// Delivers the end of a run even when the run is dropped or panics while being dropped.
pub(crate) struct Announce {
    pub(crate) finished: Option<Finished>,
    pub(crate) to: Arc<Outbox>,
}

impl Drop for Announce {
    fn drop(&mut self) {
        if let Some(mut finished) = self.finished.take() {
            finished.ended = Instant::now();
            self.to.put(finished);
        }
    }
}

/// Ends of runs that the scheduler has not seen.
#[derive(Default)]
pub(crate) struct Outbox {
    /// Bounded by the number of checks: each has at most one run whose end counts, and abandoned ones end once.
    ends: Mutex<Vec<Finished>>,
    /// Whether the scheduler has to be told of one.
    untold: AtomicBool,
    told: Notify,
    /// Whether it is told at once, because nobody calls [`Self::tell`].
    eager: bool,
}

impl Outbox {
    /// An outbox that tells the scheduler of each end at once.
    pub(crate) fn eager() -> Self {
        Self { eager: true, ..Self::default() }
    }

    fn ends(&self) -> MutexGuard<'_, Vec<Finished>> {
        // Nothing in here can panic half-way.
        self.ends.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, finished: Finished) {
        let at_once = self.eager || finished.lane == Lanes::HOME;
        self.ends().push(finished);
        if at_once {
            self.told.notify_one();
        } else {
            self.untold.store(true, Ordering::Release);
        }
    }

    /// Tells the scheduler, if there is something new. Lanes call this before they go to sleep.
    pub(crate) fn tell(&self) {
        if self.untold.swap(false, Ordering::AcqRel) {
            self.told.notify_one();
        }
    }

    /// Waits until there is something new.
    ///
    /// # Cancellation
    /// Loses nothing.
    pub(crate) async fn told(&self) {
        self.told.notified().await;
    }

    /// Takes out ends in the order they came, `most` at most.
    pub(crate) fn take(&self, most: usize, into: &mut Vec<Finished>) {
        let mut ends = self.ends();
        let count = ends.len().min(most);
        into.extend(ends.drain(..count));
        if !ends.is_empty() {
            self.told.notify_one();
        }
    }
}
