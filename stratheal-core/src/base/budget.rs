//! A bucket of tokens that many share, so that retries on all levels together stay a small part of the traffic.
//!
//! Each piece of work puts a part of a token in and each retry takes a whole one out. An empty bucket does not forbid a retry, it
//! delays it: tokens also come with time, and what asks is told how long to wait for its own.

use std::time::Duration;

use tokio::time::Instant;

/// A bucket of retries.
///
/// ```
/// use std::time::Duration;
/// use stratheal_core::base::budget::Budget;
/// let now = tokio::time::Instant::now();
/// let mut budget = Budget::new(1.0, 0.1, 2.0, now);
/// assert_eq!(budget.withdraw(now), Duration::ZERO);
/// assert_eq!(budget.withdraw(now), Duration::from_millis(500));
/// ```
#[derive(Debug, Clone)]
pub struct Budget {
    most: f64,
    per_work: f64,
    per_second: f64,
    /// Below zero when retries are waiting for tokens that are still to come.
    tokens: f64,
    updated: Instant,
}

/// The longest wait that is asked for, whatever is owed.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

impl Budget {
    /// A full bucket: how many tokens it holds at most, how many a piece of work adds, and how many come each second.
    ///
    /// A rate that is not positive is taken as one token in 30 s, so that every wait ends.
    #[must_use]
    pub fn new(most: f64, per_work: f64, per_second: f64, now: Instant) -> Self {
        let sane = |value: f64| if value.is_finite() { value.max(0.0) } else { 0.0 };
        let per_second = sane(per_second).max(1.0 / LONGEST_WAIT.as_secs_f64());
        Self { most: sane(most), per_work: sane(per_work), per_second, tokens: sane(most), updated: now }
    }

    /// A piece of work begins.
    pub fn deposit(&mut self, now: Instant) {
        self.refill(now);
        self.tokens = (self.tokens + self.per_work).min(self.most);
    }

    /// Takes a token for a retry, and says how long to wait for it.
    pub fn withdraw(&mut self, now: Instant) -> Duration {
        self.refill(now);
        let most_owed = self.per_second * LONGEST_WAIT.as_secs_f64();
        self.tokens = (self.tokens - 1.0).max(-most_owed);
        Duration::from_secs_f64((-self.tokens).max(0.0) / self.per_second).min(LONGEST_WAIT)
    }

    fn refill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.updated).as_secs_f64();
        self.updated = self.updated.max(now);
        self.tokens = (self.tokens + passed * self.per_second).min(self.most);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_empty_bucket_spaces_retries_out() {
        let start = Instant::now();
        let mut budget = Budget::new(2.0, 0.5, 1.0, start);
        let waits: Vec<_> = (0..4).map(|_| budget.withdraw(start).as_secs()).collect();
        assert_eq!(waits, [0, 0, 1, 2]);
        budget.deposit(start);
        budget.deposit(start);
        assert_eq!(budget.withdraw(start).as_secs(), 2, "two pieces of work paid for one retry");
        let later = start + Duration::from_mins(1);
        assert_eq!(budget.withdraw(later), Duration::ZERO, "time pays, too");
        assert_eq!(budget.withdraw(later), Duration::ZERO);
        assert_eq!(budget.withdraw(later), Duration::from_secs(1), "but never more than the bucket holds");
    }

    proptest! {
        #[test]
        fn every_wait_ends(most: f64, per_work: f64, per_second: f64, asked in 1_usize..200) {
            let now = Instant::now();
            let mut budget = Budget::new(most, per_work, per_second, now);
            for _ in 0..asked {
                prop_assert!(budget.withdraw(now) <= LONGEST_WAIT);
                budget.deposit(now);
            }
        }
    }
}
