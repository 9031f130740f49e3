//! How long a member takes to begin an answer, and how fast it then sends.

use std::time::Duration;

/// How many of the last samples count.
const WINDOW: usize = 64;
/// How much a new rate changes the learned one.
const RATE_WEIGHT: f64 = 0.3;
/// A transfer tells something about the rate from this size on: below, it is all latency.
const LEAST_BYTES: u64 = 64 << 10;

/// The last times from request to head, as a ring.
#[derive(Debug, Clone, Default)]
pub(super) struct Latency {
    samples: Vec<Duration>,
    next: usize,
}

impl Latency {
    pub(super) fn add(&mut self, sample: Duration) {
        if self.samples.len() < WINDOW {
            self.samples.push(sample);
        } else {
            self.samples[self.next] = sample;
        }
        self.next = (self.next + 1) % WINDOW;
    }

    /// The sample below which this part of all lies; `None` without samples.
    pub(super) fn quantile(&self, part: f64) -> Option<Duration> {
        let mut sorted = self.samples.clone();
        sorted.sort_unstable();
        let last = sorted.len().checked_sub(1)?;
        sorted.get((part.clamp(0.0, 1.0) * last as f64).round() as usize).copied()
    }
}

/// A smoothed rate in bytes a second, for one connection.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Rate {
    bytes_per_second: Option<f64>,
}

impl Rate {
    pub(super) fn add(&mut self, bytes: u64, took: Duration) {
        if bytes < LEAST_BYTES || took.is_zero() {
            return;
        }
        let now = bytes as f64 / took.as_secs_f64();
        self.bytes_per_second = Some(self.bytes_per_second.map_or(now, |before| before + RATE_WEIGHT * (now - before)));
    }

    pub(super) const fn value(&self) -> Option<f64> {
        self.bytes_per_second
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_the_last_samples() {
        let mut latency = Latency::default();
        assert_eq!(latency.quantile(0.95), None);
        for sample in 1..=100 {
            latency.add(Duration::from_millis(sample));
        }
        // 37..=100 are left.
        assert_eq!(latency.quantile(0.0), Some(Duration::from_millis(37)));
        assert_eq!(latency.quantile(1.0), Some(Duration::from_millis(100)));
        assert_eq!(latency.quantile(0.95), Some(Duration::from_millis(97)));
    }

    #[test]
    fn rates_are_learned_from_what_is_large_enough() {
        let mut rate = Rate::default();
        rate.add(1000, Duration::from_secs(1));
        assert_eq!(rate.value(), None);
        rate.add(1 << 20, Duration::from_secs(1));
        rate.add(2 << 20, Duration::from_secs(1));
        let expected = f64::from(1 << 20) * 1.3;
        assert!((rate.value().unwrap() - expected).abs() < 1.0);
    }
}
