//! What readers look at: one swappable cell per check, and whole views built from them now and then.
//!
//! A reader takes a pointer and is done. It never runs a check, never waits for the scheduler, and never sees a half-written
//! state. A whole view of many checks costs time, so one is built at most every [`Board::VIEW_AGE`], by the reader that
//! finds the last too old, while others go on with the last.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use tokio::time::Instant;

use crate::base::clock::Clock;
use crate::model::CheckId;
use crate::model::view::{CheckView, Snapshot};

/// The newest view of one check.
pub(crate) type Cell = ArcSwap<CheckView>;

/// All cells.
#[derive(Debug)]
pub struct Board {
    cells: ArcSwap<HashMap<CheckId, Arc<Cell>>>,
    generation: AtomicU64,
    whole: ArcSwapOption<Whole>,
    building: AtomicBool,
    clock: Arc<dyn Clock>,
}

#[derive(Debug)]
struct Whole {
    built: Instant,
    snapshot: Arc<Snapshot>,
}

impl Board {
    /// A whole view is at most so old: they are built 20 times a second at most.
    pub const VIEW_AGE: Duration = Duration::from_millis(50);

    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            cells: ArcSwap::default(),
            generation: AtomicU64::new(0),
            whole: ArcSwapOption::empty(),
            building: AtomicBool::new(false),
            clock,
        }
    }

    pub(crate) fn replace_cells(&self, cells: HashMap<CheckId, Arc<Cell>>) {
        self.cells.store(Arc::new(cells));
        self.generation.fetch_add(1, Ordering::Release);
        // Whoever adds or removes a check expects to see that in the next view.
        self.whole.store(None);
    }

    pub(crate) fn changed(&self) {
        self.generation.fetch_add(1, Ordering::Release);
    }

    /// The newest view of one check, if there is such a check.
    #[must_use]
    pub fn check(&self, id: &str) -> Option<Arc<CheckView>> {
        self.cells.load().get(id).map(|cell| cell.load_full())
    }

    /// A number that grows with every published change.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// All checks, at most [`Self::VIEW_AGE`] old.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        let last = self.whole.load();
        if let Some(whole) = last.as_ref() {
            let fresh = whole.built.elapsed() < Self::VIEW_AGE || whole.snapshot.generation == self.generation();
            // Somebody else builds: the last view is good enough, and waiting is not.
            if fresh || self.building.swap(true, Ordering::Acquire) {
                return whole.snapshot.clone();
            }
        }
        let snapshot = self.build();
        self.building.store(false, Ordering::Release);
        snapshot
    }

    /// All checks as they are now. Costs time with many checks; for those who ask rarely.
    #[must_use]
    pub fn build(&self) -> Arc<Snapshot> {
        let generation = self.generation();
        let checks = self.cells.load().values().map(|cell| cell.load_full()).collect();
        let snapshot = Arc::new(Snapshot::new(self.clock.now(), generation, checks));
        self.whole.store(Some(Arc::new(Whole { built: Instant::now(), snapshot: snapshot.clone() })));
        snapshot
    }
}
