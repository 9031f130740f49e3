//! `[snapshots]`: which snapshots of environments are made by themselves, and how long they stay.

use std::time::Duration;

use super::field::{Field, Kind};
use super::reader::Reader;

/// `[snapshots]`: which snapshots of environments are made by themselves, and how long they stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotSettings {
    /// Whether one is made before and after each change.
    pub automatic: bool,
    /// So many of the newest stay.
    pub keep_last: usize,
    /// The newest one of each of so many hours.
    pub keep_hourly: usize,
    /// The newest one of each of so many days.
    pub keep_daily: usize,
    /// The newest one of each of so many weeks.
    pub keep_weekly: usize,
    /// The most bytes that they may take before the oldest go.
    pub budget: u64,
    /// How long all checks of a running monitor must have been healthy before the snapshot that the environment is as is known to be
    /// good. Zero: never by itself.
    pub good_after: Duration,
}

impl Default for SnapshotSettings {
    fn default() -> Self {
        Self {
            automatic: true,
            keep_last: 10,
            keep_hourly: 0,
            keep_daily: 7,
            keep_weekly: 4,
            budget: 2 << 30,
            good_after: Duration::from_mins(10),
        }
    }
}

/// The most of a kind that makes any sense.
const MOST: i64 = 10_000;

pub(super) const SNAPSHOTS: &[Field] = &[
    Field::new("automatic", Kind::Boolean, "Whether one is made before and after each change; default true."),
    Field::new("keep_last", Kind::Integer(0, MOST), "How many of the newest stay; default 10."),
    Field::new("keep_hourly", Kind::Integer(0, MOST), "The newest of each of so many hours stays; default 0."),
    Field::new("keep_daily", Kind::Integer(0, MOST), "The newest of each of so many days stays; default 7."),
    Field::new("keep_weekly", Kind::Integer(0, MOST), "The newest of each of so many weeks stays; default 4."),
    Field::new("budget", Kind::Size, "How much automatic ones may take on disk; default \"2GiB\"."),
    Field::new(
        "good_after",
        Kind::Duration,
        "How long checks are healthy before it is good; default \"10m\", \"0s\" never.",
    ),
];

pub(super) fn read(reader: &mut Reader<'_, '_, '_>) -> SnapshotSettings {
    let default = SnapshotSettings::default();
    let mut count = |key: &str, default: usize| {
        reader.integer(key).and_then(|number| usize::try_from(number).ok()).unwrap_or(default)
    };
    let (keep_last, keep_hourly) = (count("keep_last", default.keep_last), count("keep_hourly", default.keep_hourly));
    let (keep_daily, keep_weekly) =
        (count("keep_daily", default.keep_daily), count("keep_weekly", default.keep_weekly));
    SnapshotSettings {
        automatic: reader.boolean("automatic").unwrap_or(default.automatic),
        keep_last,
        keep_hourly,
        keep_daily,
        keep_weekly,
        budget: reader.size("budget").unwrap_or(default.budget),
        good_after: reader.duration("good_after").unwrap_or(default.good_after),
    }
}
