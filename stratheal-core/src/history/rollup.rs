//! Runs added up over hours and days of UTC.
//!
//! Adding up is associative: parts can be added up as they come and merged later, in any order, with the same result.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::model::Status;

/// A length of time that runs are added up over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Span {
    /// An hour.
    Hour,
    /// A day of UTC.
    Day,
}

impl Span {
    /// Both, shortest first.
    pub const ALL: [Self; 2] = [Self::Hour, Self::Day];

    /// Its length.
    #[must_use]
    pub const fn duration(self) -> Duration {
        Duration::from_hours(self.hours() as u64)
    }

    /// Its length in hours.
    #[must_use]
    pub const fn hours(self) -> i64 {
        match self {
            Self::Hour => 1,
            Self::Day => 24,
        }
    }

    /// The beginning of the span that a moment belongs to.
    ///
    /// ```
    /// use stratheal_core::history::rollup::Span;
    /// let at = "2026-11-23T15:59:59.9Z".parse().unwrap();
    /// assert_eq!(Span::Hour.start(at).to_string(), "2026-11-23T15:00:00Z");
    /// assert_eq!(Span::Day.start(at).to_string(), "2026-11-23T00:00:00Z");
    /// ```
    #[must_use]
    pub fn start(self, at: Timestamp) -> Timestamp {
        let length = self.hours() * 3600;
        // Rounding down can only leave the range of time at its very beginning.
        Timestamp::from_second(at.as_second().div_euclid(length) * length).unwrap_or(Timestamp::MIN)
    }
}

/// What a number of runs comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Runs by status: healthy, warning, critical, unknown.
    pub counts: [u64; 4],
    /// What all took together.
    pub total: Duration,
    /// What the longest took.
    pub longest: Duration,
}

impl Tally {
    /// Of one run.
    #[must_use]
    pub fn of(status: Status, duration: Duration) -> Self {
        let mut counts = [0; 4];
        counts[status as usize] = 1;
        Self { counts, total: duration, longest: duration }
    }

    /// Adds another.
    pub fn merge(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(other.counts) {
            *count = count.saturating_add(more);
        }
        self.total = self.total.saturating_add(other.total);
        self.longest = self.longest.max(other.longest);
    }

    /// How many runs.
    #[must_use]
    pub fn runs(&self) -> u64 {
        self.counts.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// What a run took on average; nothing when there was none.
    #[must_use]
    pub fn mean(&self) -> Duration {
        let nanoseconds = self.total.as_nanos().checked_div(u128::from(self.runs())).unwrap_or(0);
        Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
    }
}

/// A run, as far as adding up needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample<K> {
    /// Whose run.
    pub key: K,
    /// When it began.
    pub at: Timestamp,
    /// What it found.
    pub status: Status,
    /// How long it took.
    pub duration: Duration,
}

/// Adds runs up: one tally for each span that has runs, and each key.
pub fn roll_up<K: Ord>(span: Span, runs: impl IntoIterator<Item = Sample<K>>) -> BTreeMap<(Timestamp, K), Tally> {
    let mut tallies: BTreeMap<_, Tally> = BTreeMap::new();
    for run in runs {
        let tally = Tally::of(run.status, run.duration);
        tallies.entry((span.start(run.at), run.key)).or_default().merge(&tally);
    }
    tallies
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn run(key: u8, at: &str, status: Status, milliseconds: u64) -> Sample<u8> {
        Sample { key, at: at.parse().unwrap(), status, duration: Duration::from_millis(milliseconds) }
    }

    #[test]
    fn adds_up_by_hour_day_and_key() {
        let runs = [
            run(1, "2026-11-23T10:00:00Z", Status::Healthy, 10),
            run(1, "2026-11-23T10:59:59.999Z", Status::Critical, 30),
            run(1, "2026-11-23T11:00:00Z", Status::Healthy, 2),
            run(2, "2026-11-23T10:30:00Z", Status::Unknown, 5),
            run(1, "2026-11-24T00:00:00Z", Status::Warning, 7),
        ];
        let hours = roll_up(Span::Hour, runs);
        assert_eq!(hours.len(), 4);
        let ten = hours[&("2026-11-23T10:00:00Z".parse().unwrap(), 1)];
        assert_eq!(ten.counts, [1, 0, 1, 0]);
        assert_eq!((ten.mean(), ten.longest), (Duration::from_millis(20), Duration::from_millis(30)));
        let days = roll_up(Span::Day, runs);
        assert_eq!(days.len(), 3);
        assert_eq!(days[&("2026-11-23T00:00:00Z".parse().unwrap(), 1)].counts, [2, 0, 1, 0]);
    }

    #[test]
    fn survives_the_ends_of_time() {
        for span in Span::ALL {
            assert!(span.start(Timestamp::MIN) >= Timestamp::MIN);
            assert!(span.start(Timestamp::MAX) <= Timestamp::MAX);
        }
        let mut tally = Tally::of(Status::Healthy, Duration::MAX);
        tally.merge(&tally.clone());
        assert_eq!(tally.runs(), 2);
        assert_eq!(Tally::default().mean(), Duration::ZERO);
    }

    fn samples() -> impl Strategy<Value = Vec<Sample<u8>>> {
        let one = (0_u8..4, 0_i64..400_000, 0_usize..4, 0_u64..10_000).prop_map(|(key, at, status, took)| Sample {
            key,
            at: Timestamp::from_second(at).unwrap(),
            status: Status::ALL[status],
            duration: Duration::from_micros(took),
        });
        prop::collection::vec(one, 0..200)
    }

    proptest! {
        #[test]
        fn parts_add_up_to_the_whole(runs in samples(), cut in 0_usize..200) {
            let (left, right) = runs.split_at(cut.min(runs.len()));
            for span in Span::ALL {
                // The parts are merged in the wrong order on purpose.
                let mut merged = roll_up(span, right.iter().copied());
                for (key, tally) in roll_up(span, left.iter().copied()) {
                    merged.entry(key).or_default().merge(&tally);
                }
                let whole = roll_up(span, runs.iter().copied());
                prop_assert_eq!(&merged, &whole);
                prop_assert_eq!(whole.values().map(Tally::runs).sum::<u64>(), runs.len() as u64);
            }
        }

        #[test]
        fn days_are_hours_added_up(runs in samples()) {
            let mut days: BTreeMap<_, Tally> = BTreeMap::new();
            for ((at, key), tally) in roll_up(Span::Hour, runs.iter().copied()) {
                days.entry((Span::Day.start(at), key)).or_default().merge(&tally);
            }
            prop_assert_eq!(days, roll_up(Span::Day, runs));
        }
    }
}
