//! How many requests at once a member gets: as many as installers send by themselves, fewer when it says "too many" or loses
//! connections, and more again while all is well.
//!
//! Additive increase, multiplicative decrease, as TCP does (RFC 5681). The limit is kept here; the places are a fair semaphore.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Places at the beginning, which is also the most there can be: what uv opens.
const MOST: usize = 50;
const FEWEST: usize = 1;
/// [`Load::Later`] makes it no fewer than these.
const FEWEST_LATER: usize = 4;

/// What an answer says about the number of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Load {
    /// It was well.
    Fine,
    /// A connection was lost: perhaps too many of them.
    Lost,
    /// The member said that there are too many requests.
    TooMany,
    /// It said so, and when to come back: it counts requests in a time, and waiting helps more than having few at once.
    Later,
}

/// The limit after an answer. `successes` counts those since it last changed; a full round of them adds one place.
pub(super) fn next_limit(limit: usize, successes: usize, load: Load) -> usize {
    match load {
        Load::Fine if successes >= limit => limit + 1,
        Load::Fine => limit,
        Load::Lost => limit - limit.div_ceil(4),
        Load::TooMany => limit / 2,
        Load::Later => (limit / 2).max(limit.min(FEWEST_LATER)),
    }
    .clamp(FEWEST, MOST)
}

/// The places of one member.
#[derive(Debug)]
pub(super) struct Pace {
    places: Arc<Semaphore>,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    limit: usize,
    /// Places that are to vanish when they become free.
    owed: usize,
    successes: usize,
    busy: usize,
    /// Failures of requests that were under way together speak of the same moment: the limit falls once for all of them.
    spared: usize,
}

/// One place. Dropping it gives it back.
#[derive(Debug)]
pub(super) struct Place {
    permit: Option<OwnedSemaphorePermit>,
    pace: Arc<Pace>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut inner = self.pace.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.busy = inner.busy.saturating_sub(1);
        if inner.owed > 0
            && let Some(permit) = self.permit.take()
        {
            inner.owed -= 1;
            permit.forget();
        }
    }
}

impl Pace {
    pub(super) fn new() -> Arc<Self> {
        let inner = Inner { limit: MOST, owed: 0, successes: 0, busy: 0, spared: 0 };
        Arc::new(Self { places: Arc::new(Semaphore::new(MOST)), inner: Mutex::new(inner) })
    }

    /// Waits for a place; those who wait are served in order.
    pub(super) async fn enter(self: &Arc<Self>) -> Place {
        // The semaphore is never closed; if it were, going on without a place is better than not at all.
        let permit = self.places.clone().acquire_owned().await.ok();
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).busy += 1;
        Place { permit, pace: self.clone() }
    }

    /// Places that are taken, and places there are.
    pub(super) fn load(&self) -> (usize, usize) {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        (inner.busy, inner.limit)
    }

    pub(super) fn learn(&self, load: Load) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if load == Load::Fine {
            inner.successes += 1;
            inner.spared = inner.spared.saturating_sub(1);
        } else {
            inner.successes = 0;
            if inner.spared > 0 {
                inner.spared -= 1;
                return;
            }
            inner.spared = inner.busy.saturating_sub(1);
        }
        let next = next_limit(inner.limit, inner.successes, load);
        if next > inner.limit {
            inner.successes = 0;
            let back = inner.owed.min(next - inner.limit);
            inner.owed -= back;
            self.places.add_permits(next - inner.limit - back);
        } else {
            let fewer = inner.limit - next;
            let gone = self.places.forget_permits(fewer);
            inner.owed += fewer - gone;
        }
        inner.limit = next;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn limits() {
        for (limit, successes, load, expected) in [
            (16, 16, Load::Fine, 17),
            (16, 15, Load::Fine, 16),
            (MOST, 500, Load::Fine, MOST),
            (16, 0, Load::Lost, 12),
            (2, 0, Load::Lost, 1),
            (1, 0, Load::Lost, 1),
            (16, 0, Load::TooMany, 8),
            (1, 0, Load::TooMany, 1),
            (16, 0, Load::Later, 8),
            (5, 0, Load::Later, 4),
            (2, 0, Load::Later, 2),
        ] {
            assert_eq!(next_limit(limit, successes, load), expected, "{limit} {successes} {load:?}");
        }
    }

    #[tokio::test]
    async fn a_burst_of_failures_counts_once() {
        let pace = Pace::new();
        let mut places = Vec::new();
        for _ in 0..MOST {
            places.push(pace.enter().await);
        }
        for _ in 0..MOST {
            pace.learn(Load::TooMany);
        }
        assert_eq!(pace.load(), (MOST, MOST / 2));
        drop(places);
        assert_eq!((pace.load(), pace.places.available_permits()), ((0, MOST / 2), MOST / 2));
    }

    proptest! {
        #[test]
        fn places_always_match_the_limit(steps in prop::collection::vec(0_u8..6, 0..200)) {
            let pace = Pace::new();
            let mut held = Vec::new();
            for step in steps {
                match step {
                    0 => pace.learn(Load::Lost),
                    1 => pace.learn(Load::TooMany),
                    2 => drop(held.pop()),
                    3 => held.extend(futures::FutureExt::now_or_never(pace.enter())),
                    4 => pace.learn(Load::Later),
                    _ => pace.learn(Load::Fine),
                }
                let (busy, limit) = pace.load();
                prop_assert_eq!(busy, held.len());
                prop_assert!((FEWEST..=MOST).contains(&limit));
            }
            held.clear();
            prop_assert_eq!(pace.places.available_permits(), pace.load().1);
        }
    }
}
