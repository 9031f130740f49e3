//! How long a member may say nothing before the same is asked of it once more, on another connection.
//!
//! A connection can be lost without anybody noticing, and a server can forget one request and answer the next one at once; then
//! waiting is wasted. A server that is slow for everybody answers the first question first; then the second one was load for nothing,
//! and the next one waits twice as long.

use std::time::Duration;

/// On a machine with much to do, less than this is nothing to wonder at.
const LEAST: Duration = Duration::from_millis(100);
const MOST: Duration = Duration::from_secs(5);
const TOO_LONG: Duration = Duration::from_mins(1);
/// For a member that has not answered yet.
const UNKNOWN: Duration = Duration::from_millis(500);
/// So many times what its slow answers take. A new connection needs up to four round trips, where an old one needs one.
const SLOW_ANSWERS: u32 = 5;
/// So often the patience doubles at most.
const DOUBLINGS: u32 = 5;

/// What is known about asking a member again.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Patience {
    /// How often it was needless of late.
    needless: u32,
}

impl Patience {
    /// The same was asked twice: whether the second question was answered first.
    pub(super) fn learn(&mut self, was_needed: bool) {
        self.needless = if was_needed { self.needless.saturating_sub(1) } else { (self.needless + 1).min(DOUBLINGS) };
    }

    /// How long to wait. `p95` is the time to the head that one in twenty answers exceeds.
    pub(super) fn after(self, p95: Option<Duration>) -> Duration {
        let usual = p95.map_or(UNKNOWN, |p95| p95.saturating_mul(SLOW_ANSWERS).clamp(LEAST, MOST));
        // One that takes longer than that for everybody is not asked everything twice.
        let most = p95.map_or(MOST, |p95| p95.saturating_mul(3) / 2).clamp(MOST, TOO_LONG);
        usual.saturating_mul(2_u32.pow(self.needless)).min(most)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn it_grows_when_asking_again_was_needless() {
        let quick = Some(Duration::from_millis(2));
        let mut patience = Patience::default();
        let mut after = |was_needed| {
            patience.learn(was_needed);
            patience.after(quick).as_millis()
        };
        assert_eq!([true, false, false, true, true].map(&mut after), [100, 200, 400, 200, 100]);
        assert_eq!([false; 7].map(after), [200, 400, 800, 1600, 3200, 3200, 3200]);
        patience = Patience::default();
        patience.learn(false);
        patience.learn(false);
        assert_eq!(patience.after(Some(Duration::from_secs(8))), Duration::from_secs(12), "slow for everybody");
    }

    #[test]
    fn it_follows_what_is_usual() {
        for (p95, expected) in [(None, 500), (Some(10), 100), (Some(300), 1500), (Some(60_000), 5000)] {
            let after = Patience::default().after(p95.map(Duration::from_millis));
            assert_eq!(after, Duration::from_millis(expected), "{p95:?}");
        }
    }

    proptest! {
        #[test]
        fn it_is_bounded(p95: Option<u64>, learned in prop::collection::vec(any::<bool>(), 0..20)) {
            let mut patience = Patience::default();
            for was_needed in learned {
                patience.learn(was_needed);
            }
            let after = patience.after(p95.map(Duration::from_millis));
            prop_assert!((LEAST..=TOO_LONG).contains(&after));
        }
    }
}
