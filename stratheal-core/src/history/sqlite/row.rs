//! How values lie in the file.
//!
//! Rows of runs and transitions are found by their *key*: the time in milliseconds with a number behind it that tells rows of one
//! millisecond apart. So the table itself is in the order of time, and needs no index for that.

use std::time::Duration;

use jiff::Timestamp;

use crate::model::view::{Muted, Outcome};
use crate::model::{CheckId, Status};

const SEQUENCE_BITS: u32 = 20;

/// How many rows of one millisecond can be told apart.
pub(super) const SEQUENCES: u32 = 1 << SEQUENCE_BITS;

/// The last moment that fits into a key, in the year 2248. What lies outside counts as this, or as 1970.
const LAST_MILLISECOND: i64 = (1 << (63 - SEQUENCE_BITS)) - 1;

/// The longest duration that is kept, about 50 days: sums of a million of them still fit.
const LONGEST: u64 = 1 << 42;

/// A moment in milliseconds.
pub(super) fn milliseconds(at: Timestamp) -> i64 {
    at.as_millisecond().clamp(0, LAST_MILLISECOND)
}

/// The moment of so many milliseconds.
pub(super) fn moment(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::MAX)
}

/// The key of a row.
pub(super) fn key(at: Timestamp, sequence: u32) -> i64 {
    (milliseconds(at) << SEQUENCE_BITS) | i64::from(sequence % SEQUENCES)
}

/// The moment of a row.
pub(super) fn key_moment(key: i64) -> Timestamp {
    moment(key >> SEQUENCE_BITS)
}

/// A duration in microseconds.
pub(super) fn microseconds(duration: Duration) -> i64 {
    u64::try_from(duration.as_micros()).unwrap_or(LONGEST).min(LONGEST).cast_signed()
}

/// The duration of so many microseconds.
pub(super) fn duration(microseconds: i64) -> Duration {
    Duration::from_micros(microseconds.max(0).cast_unsigned())
}

const OUTCOMES: [Outcome; 6] =
    [Outcome::Done, Outcome::Failed, Outcome::TimedOut, Outcome::Panicked, Outcome::Stuck, Outcome::Late];

/// What a run found and how it ended, as one number.
pub(super) fn verdict(status: Status, outcome: Outcome) -> i64 {
    let outcome = match outcome {
        Outcome::Done => 0,
        Outcome::Failed => 1,
        Outcome::TimedOut => 2,
        Outcome::Panicked => 3,
        Outcome::Stuck => 4,
        Outcome::Late => 5,
    };
    i64::from(status as u8) | (outcome << 2)
}

/// Reads a verdict.
pub(super) fn read_verdict(verdict: i64) -> Option<(Status, Outcome)> {
    let outcome = *OUTCOMES.get(usize::try_from(verdict >> 2).ok()?)?;
    Some((read_status(verdict & 3)?, outcome))
}

/// Reads a status.
pub(super) fn read_status(number: i64) -> Option<Status> {
    Status::ALL.get(usize::try_from(number).ok()?).copied()
}

/// Why nobody was told, as a number and a text.
pub(super) fn muted(muted: Option<&Muted>) -> (i64, Option<&str>) {
    match muted {
        None => (0, None),
        Some(Muted::Cause { root }) => (1, Some(root.as_str())),
        Some(Muted::Maintenance) => (2, None),
        Some(Muted::Paused { reason }) => (3, Some(reason)),
    }
}

/// A number and a text give no reason.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoReason;

/// Reads why nobody was told.
pub(super) fn read_muted(number: i64, text: Option<String>) -> Result<Option<Muted>, NoReason> {
    Ok(match (number, text) {
        (0, None) => None,
        (1, Some(root)) => Some(Muted::Cause { root: CheckId::new(&root).map_err(|_| NoReason)? }),
        (2, None) => Some(Muted::Maintenance),
        (3, Some(reason)) => Some(Muted::Paused { reason }),
        _ => return Err(NoReason),
    })
}

/// Adds a metric to a list: the number of its name and its value, in four bytes where they hold it exactly, else in eight.
pub(super) fn push_metric(bytes: &mut Vec<u8>, name: u32, value: f64) {
    let short = value as f32;
    let is_short = f64::from(short).to_bits() == value.to_bits();
    let mut tag = (u64::from(name) << 1) | u64::from(is_short);
    while tag >= 0x80 {
        bytes.push((tag & 0x7f) as u8 | 0x80);
        tag >>= 7;
    }
    bytes.push(tag as u8);
    if is_short {
        bytes.extend_from_slice(&short.to_le_bytes());
    } else {
        bytes.extend_from_slice(&value.to_le_bytes());
    }
}

/// Reads a list of metrics; `None` when it is damaged.
pub(super) fn read_metrics(mut bytes: &[u8]) -> Option<Vec<(u32, f64)>> {
    let mut metrics = Vec::new();
    while !bytes.is_empty() {
        let mut tag = 0_u64;
        for shift in (0..35).step_by(7) {
            let (&byte, rest) = bytes.split_first()?;
            bytes = rest;
            tag |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
            if shift == 28 {
                return None;
            }
        }
        let value = if tag & 1 == 1 {
            let (value, rest) = bytes.split_first_chunk()?;
            bytes = rest;
            f64::from(f32::from_le_bytes(*value))
        } else {
            let (value, rest) = bytes.split_first_chunk()?;
            bytes = rest;
            f64::from_le_bytes(*value)
        };
        metrics.push((u32::try_from(tag >> 1).ok()?, value));
    }
    Some(metrics)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn verdicts_and_reasons_round_trip() {
        for status in Status::ALL {
            for outcome in OUTCOMES {
                assert_eq!(read_verdict(verdict(status, outcome)), Some((status, outcome)));
            }
        }
        assert_eq!(read_verdict(6 << 2), None);
        assert_eq!(read_verdict(-1), None);
        let root = CheckId::new("db").unwrap();
        for reason in [
            None,
            Some(Muted::Maintenance),
            Some(Muted::Cause { root }),
            Some(Muted::Paused { reason: "works".to_owned() }),
        ] {
            let (number, text) = muted(reason.as_ref());
            assert_eq!(read_muted(number, text.map(str::to_owned)), Ok(reason.clone()));
        }
        assert_eq!(read_muted(1, Some("no id".to_owned())), Err(NoReason));
        assert_eq!(read_muted(9, None), Err(NoReason));
    }

    #[test]
    fn odd_times_stay_in_range() {
        assert_eq!(key_moment(key(Timestamp::MIN, 0)), Timestamp::UNIX_EPOCH);
        assert_eq!(key_moment(key(Timestamp::MAX, u32::MAX)).to_string(), "2248-09-26T15:10:22.207Z");
        assert_eq!(duration(microseconds(Duration::MAX)), Duration::from_micros(LONGEST));
    }

    #[test]
    fn small_numbers_take_five_bytes() {
        let mut bytes = Vec::new();
        push_metric(&mut bytes, 3, 200.0);
        assert_eq!(bytes.len(), 5);
        push_metric(&mut bytes, 3, 0.1);
        assert_eq!(bytes.len(), 14);
    }

    proptest! {
        #[test]
        fn metrics_round_trip(metrics in prop::collection::vec((any::<u32>(), any::<f64>()), 0..40)) {
            let mut bytes = Vec::new();
            for (name, value) in &metrics {
                push_metric(&mut bytes, *name, *value);
            }
            let read = read_metrics(&bytes).unwrap();
            let bits = |list: &[(u32, f64)]| list.iter().map(|(name, value)| (*name, value.to_bits())).collect::<Vec<_>>();
            prop_assert_eq!(bits(&read), bits(&metrics));
        }

        #[test]
        fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..64), number: i64, text: Option<String>) {
            let _ = read_metrics(&bytes);
            let _ = read_verdict(number);
            let _ = read_muted(number, text);
            let _ = (key_moment(number), duration(number));
        }

        #[test]
        fn keys_are_in_the_order_of_time(a in 0..LAST_MILLISECOND, b in 0..LAST_MILLISECOND, x: u32, y: u32) {
            let (first, second) = (key(moment(a), x), key(moment(b), y));
            prop_assert_eq!(key_moment(first), moment(a));
            prop_assert!(a == b || (a < b) == (first < second));
        }
    }
}
