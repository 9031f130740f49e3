//! When each check is due. Pure.
//!
//! Every check has a fixed grid of starts: a phase, which follows from its id so that it is the same after a restart, and then one
//! start per interval. The grid does not drift, however long runs take. A start that is missed is left out, never made up for.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use tokio::time::Instant;

/// First runs are spread so that at most so many begin in a second: everything is known soon, and nothing is stormed.
const FIRST_RUNS_PER_SECOND: u64 = 1000;

/// The phase of a check in its interval: a hash of the id, spread evenly. Does not change between runs or versions.
///
/// ```
/// use std::time::Duration;
/// use stratheal_core::engine::schedule::phase;
/// let interval = Duration::from_secs(10);
/// assert_eq!(phase("api", interval), phase("api", interval));
/// assert!(phase("api", interval) < interval);
/// ```
#[must_use]
pub fn phase(id: &str, interval: Duration) -> Duration {
    // FNV-1a, then the finisher of SplitMix64: ids that differ in one digit must not end up side by side.
    let mut hash = crate::base::fnv::fnv1a(id.as_bytes());
    hash = (hash ^ hash >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ hash >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^= hash >> 31;
    let nanos = (u128::from(hash) * interval.as_nanos()) >> 64;
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// The first start on the grid after `now`, for a grid that begins at `origin`.
#[must_use]
pub fn next_on_grid(origin: Instant, phase: Duration, interval: Duration, now: Instant) -> Instant {
    let first = origin + phase;
    let Some(elapsed) = now.checked_duration_since(first) else { return first };
    let steps = elapsed.as_nanos() / interval.as_nanos().max(1) + 1;
    let nanos = steps.saturating_mul(interval.as_nanos());
    first + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// How many starts of the grid lie after `from` up to and including `until`.
#[must_use]
pub fn grid_starts(from: Instant, until: Instant, interval: Duration) -> u64 {
    let span = until.saturating_duration_since(from).as_nanos();
    u64::try_from(span / interval.as_nanos().max(1)).unwrap_or(u64::MAX)
}

/// When a newly registered check runs first: soon, but not all at once when there are many.
#[must_use]
pub fn first_run(phase: Duration, interval: Duration, checks: usize) -> Duration {
    let spread = Duration::from_millis(checks as u64 * 1000 / FIRST_RUNS_PER_SECOND).min(interval);
    phase.mul_f64(spread.as_secs_f64() / interval.as_secs_f64().max(1e-9)).min(spread)
}

/// Moments at which a check wants to be looked at, soonest first.
///
/// An entry is only a reminder: when it comes up, the check itself knows whether anything is due. So a change of plan costs one
/// push and no search, and an outdated entry is harmless.
#[derive(Debug, Default)]
pub struct Schedule {
    heap: BinaryHeap<Reverse<(Instant, u32)>>,
}

impl Schedule {
    /// Asks for a look at a check.
    pub fn push(&mut self, at: Instant, check: u32) {
        self.heap.push(Reverse((at, check)));
    }

    /// The soonest moment.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// Takes out a check whose moment has come.
    pub fn pop(&mut self, now: Instant) -> Option<u32> {
        if self.next()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse((_, check))| check)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn phases_are_spread_evenly() {
        // A chi-square test with 20 classes: 43.8 is exceeded once in a thousand times by even spreading.
        let (classes, ids) = (20_usize, 2000_usize);
        let interval = Duration::from_secs(20);
        let mut counts = vec![0_f64; classes];
        for number in 0..ids {
            counts[phase(&format!("service-{number}"), interval).as_secs() as usize] += 1.0;
        }
        let expected = ids as f64 / classes as f64;
        let chi_square: f64 = counts.iter().map(|count| (count - expected).powi(2) / expected).sum();
        assert!(chi_square < 43.8, "{chi_square} {counts:?}");
    }

    proptest! {
        #[test]
        fn the_grid_never_drifts(phase_ms in 0..10_000_u64, interval_ms in 100..10_000_u64, now_ms in 0..1_000_000_u64) {
            let origin = Instant::now();
            let (phase, interval) = (Duration::from_millis(phase_ms), Duration::from_millis(interval_ms));
            let now = origin + Duration::from_millis(now_ms);
            let next = next_on_grid(origin, phase, interval, now);
            prop_assert!(next > now || next == origin + phase);
            prop_assert!(next <= now + interval || next == origin + phase);
            prop_assert_eq!((next - (origin + phase)).as_nanos() % interval.as_nanos(), 0);
        }

        #[test]
        fn comes_up_in_order(dues in proptest::collection::vec(0..1000_u64, 1..50)) {
            let origin = Instant::now();
            let mut schedule = Schedule::default();
            for (check, due) in dues.iter().enumerate() {
                schedule.push(origin + Duration::from_millis(*due), check as u32);
            }
            let mut last = 0;
            let mut count = 0;
            while let Some(check) = schedule.pop(origin + Duration::from_secs(2)) {
                let due = dues[check as usize];
                prop_assert!(due >= last);
                last = due;
                count += 1;
            }
            prop_assert_eq!(count, dues.len());
        }
    }
}
