//! Which snapshots stay. Pure.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::Snapshot;

/// How many snapshots of an environment stay. Whatever is said here, these stay: what is pinned, what has a label, the newest one, and
/// the newest one that is known to be good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Retention {
    /// So many of the newest.
    pub last: usize,
    /// The newest one of each of so many hours.
    pub hourly: usize,
    /// The newest one of each of so many days.
    pub daily: usize,
    /// The newest one of each of so many weeks.
    pub weekly: usize,
}

impl Default for Retention {
    fn default() -> Self {
        Self { last: 10, hourly: 6, daily: 7, weekly: 4 }
    }
}

/// Why a snapshot stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Stays {
    /// It is the newest one of its environment.
    Newest,
    /// It is the newest one of its environment that is known to be good.
    LastGood,
    /// Somebody pinned it.
    Pinned,
    /// Somebody gave it a name.
    Labelled,
    /// It is among the last.
    Last,
    /// It is the last one of an hour.
    Hourly,
    /// It is the last one of a day.
    Daily,
    /// It is the last one of a week.
    Weekly,
}

impl Retention {
    /// Why each of the snapshots stays; those without a reason may go. Days and weeks are those of `zone`.
    #[must_use]
    pub fn judge(&self, snapshots: &[Snapshot], zone: &TimeZone) -> BTreeMap<u64, BTreeSet<Stays>> {
        let mut stays: BTreeMap<u64, BTreeSet<Stays>> =
            snapshots.iter().map(|one| (one.number, BTreeSet::new())).collect();
        let mut environments: BTreeMap<_, Vec<&Snapshot>> = BTreeMap::new();
        for one in snapshots {
            environments.entry(&one.root).or_default().push(one);
        }
        let mut keep = |one: &Snapshot, why| {
            if let Some(reasons) = stays.get_mut(&one.number) {
                reasons.insert(why);
            }
        };
        for mut all in environments.into_values() {
            // Numbers say the order also where a clock was set.
            all.sort_unstable_by_key(|one| std::cmp::Reverse(one.number));
            // What is of a part takes nobody's place.
            let (whole, parts): (Vec<&Snapshot>, Vec<&Snapshot>) = all.iter().partition(|one| one.is_whole());
            for all in [&whole, &parts] {
                all.iter().take(1).for_each(|one| keep(one, Stays::Newest));
                all.iter().take(self.last).for_each(|one| keep(one, Stays::Last));
            }
            for one in &all {
                if one.pinned {
                    keep(one, Stays::Pinned);
                }
                if one.label.is_some() {
                    keep(one, Stays::Labelled);
                }
            }
            if let Some(good) = all.iter().find(|one| one.good.is_some()) {
                keep(good, Stays::LastGood);
            }
            let spans: [(usize, Stays, Span); 3] = [
                (self.hourly, Stays::Hourly, hour),
                (self.daily, Stays::Daily, day),
                (self.weekly, Stays::Weekly, week),
            ];
            for (most, why, span) in spans {
                let mut seen = BTreeSet::new();
                for one in &whole {
                    if seen.len() < most && seen.insert(span(one.created, zone)) {
                        keep(one, why);
                    }
                }
            }
        }
        stays
    }
}

/// The span of time in which something lies: the same for all that lie in it.
type Span = fn(Timestamp, &TimeZone) -> (i64, i64);

fn hour(at: Timestamp, _zone: &TimeZone) -> (i64, i64) {
    (0, at.as_second().div_euclid(3600))
}

fn day(at: Timestamp, zone: &TimeZone) -> (i64, i64) {
    let date = zone.to_datetime(at).date();
    (i64::from(date.year()), i64::from(date.day_of_year()))
}

fn week(at: Timestamp, zone: &TimeZone) -> (i64, i64) {
    let week = zone.to_datetime(at).date().iso_week_date();
    (i64::from(week.year()), i64::from(week.week()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::snapshot::catalog::tests::snapshot;
    use crate::snapshot::{Evidence, Snapshot};

    fn at(number: u64, hours: i64) -> Snapshot {
        // A Monday.
        let created = Timestamp::from_second(1_764_547_200 + hours * 3600).unwrap();
        Snapshot { created, ..snapshot(number) }
    }

    fn staying(retention: &Retention, all: &[Snapshot]) -> Vec<u64> {
        let judged = retention.judge(all, &TimeZone::UTC);
        judged.into_iter().filter(|(_, why)| !why.is_empty()).map(|(number, _)| number).collect()
    }

    const NONE: Retention = Retention { last: 0, hourly: 0, daily: 0, weekly: 0 };

    #[test]
    fn the_last_of_each_span_stays() {
        // Every six hours for three weeks.
        let all: Vec<_> = (0..84).map(|number| at(number, i64::try_from(number).unwrap() * 6)).collect();
        assert_eq!(staying(&NONE, &all), [83]);
        assert_eq!(staying(&Retention { last: 3, ..NONE }, &all), [81, 82, 83]);
        assert_eq!(staying(&Retention { daily: 3, ..NONE }, &all), [75, 79, 83]);
        assert_eq!(staying(&Retention { weekly: 9, ..NONE }, &all), [27, 55, 83]);
        assert_eq!(staying(&Retention { hourly: 2, ..NONE }, &all), [82, 83]);
    }

    #[test]
    fn what_somebody_relies_on_stays() {
        let mut all: Vec<_> = (1..=6).map(|number| at(number, 0)).collect();
        let good = || Some(Evidence { at: Timestamp::UNIX_EPOCH, checks: Vec::new() });
        all[0].pinned = true;
        (all[1].good, all[2].good) = (good(), good());
        all[3].label = Some("release".to_owned());
        all[4].root = "/other".into();
        assert_eq!(staying(&NONE, &all), [1, 3, 4, 5, 6]);
    }

    proptest! {
        #[test]
        fn the_newest_and_the_last_good_always_stay(hours in proptest::collection::vec((0..2_000_i64, any::<bool>()), 1..40), last in 0..5_usize, daily in 0..5_usize) {
            let all: Vec<_> = (1..).zip(&hours).map(|(number, (hour, good))| {
                let good = good.then(|| Evidence { at: Timestamp::UNIX_EPOCH, checks: Vec::new() });
                Snapshot { good, ..at(number, *hour) }
            }).collect();
            let staying = staying(&Retention { last, daily, ..NONE }, &all);
            prop_assert!(staying.contains(&all.last().unwrap().number));
            let good = all.iter().rev().find(|one| one.good.is_some());
            prop_assert!(good.is_none_or(|good| staying.contains(&good.number)));
            prop_assert!(staying.len() <= 2 + last + daily);
        }
    }
}
