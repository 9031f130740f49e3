//! How much a member has failed lately: a sum of failures that fades.

use std::time::Duration;

use tokio::time::Instant;

/// After this time a failure counts half.
const HALF_LIFE: Duration = Duration::from_mins(2);
/// What is left of the score after a success.
const AFTER_SUCCESS: f64 = 0.7;

/// A sum of failures that fades with time and with success. 0 is best.
#[derive(Debug, Clone, Copy)]
pub(super) struct Score {
    sum: f64,
    at: Instant,
}

impl Score {
    pub(super) const fn new(now: Instant) -> Self {
        Self { sum: 0.0, at: now }
    }

    pub(super) fn value(&self, now: Instant) -> f64 {
        let halvings = now.saturating_duration_since(self.at).as_secs_f64() / HALF_LIFE.as_secs_f64();
        self.sum * (-halvings).exp2()
    }

    pub(super) fn failed(&mut self, weight: u32, now: Instant) {
        *self = Self { sum: self.value(now) + f64::from(weight), at: now.max(self.at) };
    }

    pub(super) fn succeeded(&mut self, now: Instant) {
        *self = Self { sum: self.value(now) * AFTER_SUCCESS, at: now.max(self.at) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_fade_and_successes_wash_them_off() {
        let start = Instant::now();
        let mut score = Score::new(start);
        score.failed(1, start);
        score.failed(3, start);
        assert!((score.value(start) - 4.0).abs() < 1e-9);
        assert!((score.value(start + HALF_LIFE) - 2.0).abs() < 1e-9);
        assert!((score.value(start + HALF_LIFE * 2) - 1.0).abs() < 1e-9);
        score.succeeded(start + HALF_LIFE);
        assert!((score.value(start + HALF_LIFE) - 1.4).abs() < 1e-9);
        assert!(score.value(start + HALF_LIFE * 40) < 1e-9);
    }
}
