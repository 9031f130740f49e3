//! How long what is kept, and what goes when there is too much of it.
//!
//! Whatever is older than its time goes. When the size limit is near, the oldest runs go first, because they can be had
//! again; then what was added up over hours, then over days; changes of state go last.

use std::time::Duration;

use jiff::Timestamp;

use super::rollup::Span;
use crate::model::quantity::show_bytes;

const DAY: Duration = Duration::from_hours(24);

/// How long what is kept, and how much at most.
///
/// ```
/// use std::time::Duration;
/// use stratheal_core::history::Retention;
/// let policy = Retention { runs: Duration::from_hours(24), ..Retention::default() };
/// assert!(policy.validate().is_ok());
/// assert!(Retention { max_size: 0, ..policy }.validate().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    /// How long single runs are kept. Default: 7 days.
    pub runs: Duration,
    /// How long runs added up over hours are kept. Default: 90 days.
    pub hourly: Duration,
    /// How long runs added up over days are kept. Default: 400 days, to compare with the same month of last year.
    pub daily: Duration,
    /// How long changes of state are kept. Default: 400 days.
    pub transitions: Duration,
    /// The most bytes of the file, without its write-ahead log (which adds at most a few MiB). Default: 256 MiB.
    pub max_size: u64,
}

impl Default for Retention {
    fn default() -> Self {
        Self { runs: 7 * DAY, hourly: 90 * DAY, daily: 400 * DAY, transitions: 400 * DAY, max_size: 256 << 20 }
    }
}

/// A retention cannot be kept to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidRetention {
    /// A time is too short or too long.
    #[error("the retention of {what} is {} s: use a minute to a century", given.as_secs())]
    Time {
        /// Of what.
        what: Kind,
        /// The time.
        given: Duration,
    },
    /// Days would be forgotten before the runs they were added up from.
    #[error("daily roll-ups are kept shorter ({} s) than single runs ({} s): keep them at least as long", daily.as_secs(), runs.as_secs())]
    DailyShorterThanRuns {
        /// How long daily roll-ups are kept.
        daily: Duration,
        /// How long runs are kept.
        runs: Duration,
    },
    /// The size is too small or too large.
    #[error("the largest size is {given} bytes: use {} to {}", show_bytes(Retention::LEAST_SIZE as f64), show_bytes(Retention::MOST_SIZE as f64))]
    Size {
        /// The size.
        given: u64,
    },
}

impl Retention {
    /// The least `max_size`: less would not hold one batch of writes beside the file's own structure.
    pub const LEAST_SIZE: u64 = 4 << 20;
    /// The most `max_size`.
    pub const MOST_SIZE: u64 = 1 << 40;
    const LEAST_TIME: Duration = Duration::from_mins(1);
    const MOST_TIME: Duration = Duration::from_hours(24 * 36_525);

    /// Checks that it can be kept to.
    ///
    /// # Errors
    /// [`InvalidRetention`] names the first setting that cannot be.
    pub fn validate(&self) -> Result<(), InvalidRetention> {
        for what in Kind::ALL {
            let given = self.time(what);
            if !(Self::LEAST_TIME..=Self::MOST_TIME).contains(&given) {
                return Err(InvalidRetention::Time { what, given });
            }
        }
        if self.daily < self.runs {
            return Err(InvalidRetention::DailyShorterThanRuns { daily: self.daily, runs: self.runs });
        }
        if !(Self::LEAST_SIZE..=Self::MOST_SIZE).contains(&self.max_size) {
            return Err(InvalidRetention::Size { given: self.max_size });
        }
        Ok(())
    }

    /// How long rows of a kind are kept.
    #[must_use]
    pub const fn time(&self, kind: Kind) -> Duration {
        match kind {
            Kind::Runs => self.runs,
            Kind::Hourly => self.hourly,
            Kind::Daily => self.daily,
            Kind::Transitions => self.transitions,
        }
    }

    /// So many bytes may be in use. The rest, an eighth, is room for the next batch of writes.
    #[must_use]
    pub const fn room(&self) -> u64 {
        self.max_size - self.max_size / 8
    }
}

/// Kinds of rows, in the order in which they go when there is too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Single runs.
    Runs,
    /// Runs added up over an hour.
    Hourly,
    /// Runs added up over a day.
    Daily,
    /// Changes of state.
    Transitions,
}

impl Kind {
    /// All, in the order in which they go.
    pub const ALL: [Self; 4] = [Self::Runs, Self::Hourly, Self::Daily, Self::Transitions];

    /// The span that rows of this kind are added up over, if they are.
    #[must_use]
    pub const fn span(self) -> Option<Span> {
        match self {
            Self::Hourly => Some(Span::Hour),
            Self::Daily => Some(Span::Day),
            Self::Runs | Self::Transitions => None,
        }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Runs => "runs",
            Self::Hourly => "hourly roll-ups",
            Self::Daily => "daily roll-ups",
            Self::Transitions => "transitions",
        })
    }
}

/// What there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stock {
    /// Bytes in use, without pages that were freed and can be used again.
    pub used: u64,
    /// The oldest row of each kind, in the order of [`Kind::ALL`]; `None` when there is no row.
    pub oldest: [Option<Timestamp>; 4],
}

/// What to delete next. The one who carries it out deletes a bounded number of rows, looks again, and asks again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deletion {
    /// Rows that began before a moment: their time is over.
    Expired {
        /// Of this kind.
        kind: Kind,
        /// The moment.
        before: Timestamp,
    },
    /// The oldest rows: there are too many.
    Excess {
        /// Of this kind.
        kind: Kind,
    },
}

impl Deletion {
    /// Of what kind.
    #[must_use]
    pub const fn kind(self) -> Kind {
        match self {
            Self::Expired { kind, .. } | Self::Excess { kind } => kind,
        }
    }
}

/// What to delete next, or `None` when everything that is there may stay.
///
/// ```
/// use stratheal_core::history::retention::{Deletion, Kind, Retention, Stock, next_deletion};
/// let policy = Retention::default();
/// let now = "2026-11-23T00:00:00Z".parse().unwrap();
/// let day = "2026-11-22T00:00:00Z".parse().unwrap();
/// let full = Stock { used: policy.max_size, oldest: [Some(day); 4] };
/// assert_eq!(next_deletion(&policy, &full, now), Some(Deletion::Excess { kind: Kind::Runs }));
/// assert_eq!(next_deletion(&policy, &Stock { used: 0, ..full }, now), None);
/// ```
#[must_use]
pub fn next_deletion(policy: &Retention, stock: &Stock, now: Timestamp) -> Option<Deletion> {
    let of_kind = || Kind::ALL.into_iter().zip(stock.oldest);
    let expired = of_kind().find_map(|(kind, oldest)| {
        // Something added up is as old as its end, and it may hold runs that are still kept until then.
        let span = kind.span().map_or(Duration::ZERO, Span::duration);
        let before = now.checked_sub(policy.time(kind) + span).ok()?;
        (oldest? < before).then_some(Deletion::Expired { kind, before })
    });
    let excess = || {
        let too_much = stock.used > policy.room();
        let (kind, _) = of_kind().find(|(_, oldest)| too_much && oldest.is_some())?;
        Some(Deletion::Excess { kind })
    };
    expired.or_else(excess)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn refuses_what_cannot_be_kept() {
        let fine = Retention::default();
        assert_eq!(fine.validate(), Ok(()));
        let short = Retention { hourly: Duration::from_secs(3), ..fine.clone() };
        assert_eq!(
            short.validate().unwrap_err().to_string(),
            "the retention of hourly roll-ups is 3 s: use a minute to a century"
        );
        assert!(Retention { transitions: Duration::MAX, ..fine.clone() }.validate().is_err());
        let odd = Retention { daily: 6 * DAY, ..fine.clone() };
        assert!(matches!(odd.validate(), Err(InvalidRetention::DailyShorterThanRuns { .. })));
        let small = Retention { max_size: 1 << 20, ..fine.clone() };
        assert_eq!(
            small.validate().unwrap_err().to_string(),
            "the largest size is 1048576 bytes: use 4.0MiB to 1.0TiB"
        );
        assert!(Retention { max_size: u64::MAX, ..fine }.validate().is_err());
    }

    #[test]
    fn time_goes_before_size_and_runs_before_all() {
        let policy = Retention::default();
        let now: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        let ago = |days: u32| Some(now - days * DAY);
        let small = |oldest| next_deletion(&policy, &Stock { used: 1000, oldest }, now);
        let large = |oldest| next_deletion(&policy, &Stock { used: policy.max_size, oldest }, now);
        let expired = |kind, before: Option<Timestamp>| before.map(|before| Deletion::Expired { kind, before });
        let excess = |kind| Some(Deletion::Excess { kind });

        assert_eq!(small([None; 4]), None);
        assert_eq!(small([ago(7), ago(90), ago(400), ago(400)]), None);
        assert_eq!(small([ago(8), None, None, None]), expired(Kind::Runs, ago(7)));
        assert_eq!(small([ago(1), None, ago(402), None]), expired(Kind::Daily, ago(401)));
        assert_eq!(small([ago(1), None, ago(400), ago(401)]), expired(Kind::Transitions, ago(400)));
        assert_eq!(large([ago(1), ago(1), ago(1), ago(500)]), expired(Kind::Transitions, ago(400)));
        assert_eq!(large([ago(1), ago(2), ago(3), ago(4)]), excess(Kind::Runs));
        assert_eq!(large([None, ago(2), ago(3), ago(4)]), excess(Kind::Hourly));
        assert_eq!(large([None, None, ago(3), ago(4)]), excess(Kind::Daily));
        assert_eq!(large([None, None, None, ago(4)]), excess(Kind::Transitions));
        // A file that is too large without any row cannot be helped.
        assert_eq!(large([None; 4]), None);
    }

    /// Rows of each kind by age in hours, each of 1 KiB, and what the deletions leave of them.
    fn carry_out(policy: &Retention, mut rows: [Vec<i64>; 4], now: Timestamp, chunk: usize) -> [Vec<i64>; 4] {
        let at = |age: i64| now - Duration::from_hours(1) * age as u32;
        for kind in &mut rows {
            kind.sort_unstable_by(|a, b| b.cmp(a));
        }
        for _ in 0..100_000 {
            let used = rows.iter().map(|rows| rows.len() as u64 * 1024).sum();
            let stock = Stock { used, oldest: rows.each_ref().map(|rows| rows.first().map(|age| at(*age))) };
            match next_deletion(policy, &stock, now) {
                None => return rows,
                Some(Deletion::Expired { kind, before }) => {
                    let rows = &mut rows[kind as usize];
                    let gone = rows.iter().take(chunk).take_while(|age| at(**age) < before).count();
                    assert!(gone > 0, "a step that deletes nothing would never end");
                    rows.drain(..gone);
                }
                Some(Deletion::Excess { kind }) => {
                    let rows = &mut rows[kind as usize];
                    rows.drain(..chunk.min(rows.len()));
                }
            }
        }
        panic!("it never ends");
    }

    fn ages() -> impl Strategy<Value = Vec<i64>> {
        prop::collection::vec(0_i64..12_000, 0..3000)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn keeps_what_it_may_and_ends_within_the_limit(
            rows in [ages(), ages(), ages(), ages()], max_size in 4_u64..12, chunk in 1_usize..300,
        ) {
            let policy = Retention { max_size: max_size << 20, ..Retention::default() };
            let now: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
            let left = carry_out(&policy, rows.clone(), now, chunk);
            let size = |rows: &[Vec<i64>; 4]| rows.iter().map(|rows| rows.len() as u64 * 1024).sum::<u64>();
            prop_assert!(size(&left) <= policy.room());

            let hours = |kind: Kind| {
                let kept = policy.time(kind) + kind.span().map_or(Duration::ZERO, Span::duration);
                i64::try_from(kept.as_secs() / 3600).unwrap()
            };
            let mut kept = rows;
            for kind in Kind::ALL {
                kept[kind as usize].retain(|age| *age <= hours(kind));
            }
            if size(&kept) <= policy.room() {
                for (left, kept) in left.iter().zip(&mut kept) {
                    kept.sort_unstable_by(|a, b| b.cmp(a));
                    prop_assert_eq!(left, kept);
                }
            } else {
                // A kind loses rows to the limit only when nothing is left of the kinds before it, and never more than it takes.
                let lost = Kind::ALL.map(|kind| kept[kind as usize].len() - left[kind as usize].len());
                for kind in Kind::ALL.into_iter().skip(1).filter(|kind| lost[*kind as usize] > 0) {
                    prop_assert!(left[..kind as usize].iter().all(Vec::is_empty), "{kind} went too early");
                }
                prop_assert!(size(&left) + chunk as u64 * 1024 >= policy.room());
            }
        }
    }
}
