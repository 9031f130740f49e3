//! How the engine itself does, as numbers for `stratheal.self`, metrics and people.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::contract::history::HistoryState;
use crate::model::CheckId;

/// How the engine does. Published about once a second.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Vitals {
    /// Registered checks.
    pub checks: usize,
    /// Runs that are going on.
    pub running: usize,
    /// Checks that wait because as many of their kind as allowed are running.
    pub waiting: usize,
    /// Runs that ended, since start.
    pub runs: u64,
    /// Starts that were left out because the run before had not ended, since start.
    pub skipped: u64,
    /// Runs that were repeated because this program was late, since start.
    pub repeated: u64,
    /// How late runs began in the last minute: the median.
    #[serde(with = "crate::model::seconds")]
    pub lateness_p50: Duration,
    /// The same: 99 of 100 began no later than this.
    #[serde(with = "crate::model::seconds")]
    pub lateness_p99: Duration,
    /// Checks that block the thread they run on, at this moment.
    pub blocking: Vec<CheckId>,
    /// Blocking calls that do not return, by key, and for how long.
    pub stuck: Vec<(Arc<str>, Duration)>,
    /// Checks that have been unknown for so long that their last result says nothing any more.
    pub unknown: Vec<CheckId>,
    /// The last time this program did not get to run, and for how long.
    pub delayed: Option<(Timestamp, Duration)>,
    /// The last time the wall clock was set, and by how many seconds.
    pub clock_jumped: Option<(Timestamp, f64)>,
    /// How the history does.
    pub history: Option<HistoryState>,
}

/// How late runs begin: a histogram over the last minute, in six parts of ten seconds each, with classes that grow by a quarter.
#[derive(Debug, Clone)]
pub struct Lateness {
    parts: [[u32; Self::CLASSES]; Self::PARTS],
    part: usize,
}

impl Default for Lateness {
    fn default() -> Self {
        Self { parts: [[0; Self::CLASSES]; Self::PARTS], part: 0 }
    }
}

impl Lateness {
    const CLASSES: usize = 64;
    const PARTS: usize = 6;
    /// How long one part lasts.
    pub const PART: Duration = Duration::from_secs(10);

    /// Upper end of a class: 0.1 ms times 1.25 to the power of its number, up to about two minutes.
    fn upper(class: usize) -> f64 {
        1e-4 * 1.25_f64.powi(i32::try_from(class).unwrap_or(i32::MAX))
    }

    /// Takes one start.
    pub fn note(&mut self, late_by: Duration) {
        let ratio = (late_by.as_secs_f64() / 1e-4).max(1.0);
        let class = (ratio.ln() / 1.25_f64.ln()).ceil() as usize;
        self.parts[self.part][class.min(Self::CLASSES - 1)] += 1;
    }

    /// Begins the next part and forgets the oldest.
    pub fn advance(&mut self) {
        self.part = (self.part + 1) % Self::PARTS;
        self.parts[self.part] = [0; Self::CLASSES];
    }

    /// A share `0.0..=1.0` of starts was no later than this.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Duration {
        let counts = |class: usize| self.parts.iter().map(|part| u64::from(part[class])).sum::<u64>();
        let total: u64 = (0..Self::CLASSES).map(counts).sum();
        let wanted = (total as f64 * share).ceil() as u64;
        let mut seen = 0;
        for class in 0..Self::CLASSES {
            seen += counts(class);
            if seen >= wanted && seen > 0 {
                return Duration::from_secs_f64(Self::upper(class));
            }
        }
        Duration::ZERO
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_right_to_a_quarter() {
        let mut lateness = Lateness::default();
        assert_eq!(lateness.quantile(0.99), Duration::ZERO);
        for ms in 1..=1000 {
            lateness.note(Duration::from_millis(ms));
        }
        for (share, ms) in [(0.5, 500.0), (0.99, 990.0)] {
            let measured = lateness.quantile(share).as_secs_f64() * 1e3;
            assert!(measured >= ms && measured <= ms * 1.26, "{share}: {measured}");
        }
        for _ in 0..Lateness::PARTS {
            lateness.advance();
        }
        assert_eq!(lateness.quantile(0.99), Duration::ZERO);
    }
}
