//! How long to wait before the next attempt.
//!
//! Exponential with full jitter, as in "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015): each pause is a random part of
//! a bound that doubles, so that clients that failed together do not come back together.

use std::time::Duration;

/// A row of growing pauses.
///
/// ```
/// use std::time::Duration;
/// use stratheal_core::base::backoff::Backoff;
/// let backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(10));
/// assert_eq!(backoff.bound(3), Duration::from_millis(800));
/// assert_eq!(backoff.pause(3, 0.5), Duration::from_millis(400));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
}

impl Backoff {
    /// The bound of the first pause, and the bound that is never exceeded.
    #[must_use]
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest }
    }

    /// The longest pause after this many failures before the last one.
    #[must_use]
    pub fn bound(&self, failures: u32) -> Duration {
        let factor = 1_u32.checked_shl(failures.min(31)).unwrap_or(u32::MAX);
        self.first.saturating_mul(factor).min(self.longest)
    }

    /// A pause: this part, between 0 and 1, of the bound.
    #[must_use]
    pub fn pause(&self, failures: u32, random: f64) -> Duration {
        let part = if random.is_finite() { random.clamp(0.0, 1.0) } else { 1.0 };
        let bound = self.bound(failures);
        // Rounding could lead above the bound, and a bound near the largest duration out of what a duration can be.
        Duration::try_from_secs_f64(bound.as_secs_f64() * part).map_or(bound, |pause| pause.min(bound))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bounds_double_up_to_the_longest() {
        let backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
        for (failures, expected) in [(0, 100), (1, 200), (2, 400), (3, 800), (4, 1000), (40, 1000), (u32::MAX, 1000)] {
            assert_eq!(backoff.bound(failures), Duration::from_millis(expected), "{failures}");
        }
    }

    proptest! {
        #[test]
        fn a_pause_is_within_its_bound(first in 0_u64..1 << 40, longest in 0_u64..1 << 40, failures: u32, random: f64) {
            let backoff = Backoff::new(Duration::from_millis(first), Duration::from_millis(longest));
            prop_assert!(backoff.pause(failures, random) <= backoff.bound(failures));
            prop_assert!(backoff.bound(failures) <= Duration::from_millis(longest));
            prop_assert!(backoff.bound(failures) <= backoff.bound(failures.saturating_add(1)));
        }
    }
}
