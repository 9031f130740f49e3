//! How many connections a file is worth.
//!
//! One, until it has been seen that there is much left and that a connection is slow. Then some more; and again more as long as
//! that makes the whole faster. Servers that limit each connection are many times faster that way, and a line that is full is
//! not made fuller.

use std::ops::Range;
use std::time::Duration;

/// The most connections of one file.
pub(super) const MOST: usize = 8;

/// A part of a file that is worth a connection of its own, in bytes.
const LEAST_PART: u64 = 256 * 1024;

/// How long one part should take at least: connecting again and again costs as well.
const LEAST_TIME: f64 = 0.4;

/// With less than so many seconds left nothing is changed any more.
const LEAST_LEFT: f64 = 0.7;

/// How long the connections that are there are measured before others are added.
pub(super) const MEASURE: Duration = Duration::from_millis(300);

/// A connection that has brought nothing for this long may have gone silent.
pub(super) const HESITATES: Duration = Duration::from_millis(150);

/// What more connections must add to the whole rate to be kept: this part of what as many connections alone would add.
const HELPS: f64 = 0.4;

/// How a download goes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Going {
    /// Bytes that are still to come.
    pub(super) remaining: u64,
    /// All connections together, in bytes a second.
    pub(super) rate: f64,
    /// How many connections deliver.
    pub(super) connections: usize,
    /// How many connections there may be.
    pub(super) allowed: usize,
    /// How many there were and how fast they were together, before some were added.
    pub(super) before: Option<(usize, f64)>,
}

/// What to do about the number of connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plan {
    /// Leave it.
    Keep,
    /// This many altogether.
    Grow(usize),
    /// The last ones did not help: never more than now.
    Enough,
}

/// Decides how many connections work on what is left.
pub(super) fn plan_segments(going: &Going) -> Plan {
    if going.connections == 0 || !going.rate.is_finite() || going.rate <= 0.0 {
        return Plan::Keep;
    }
    if let Some((connections, rate)) = going.before
        && going.connections > connections
        && rate > 0.0
    {
        let hoped = rate * going.connections as f64 / connections as f64;
        if going.rate < rate + HELPS * (hoped - rate) {
            return Plan::Enough;
        }
    }
    if (going.remaining as f64) < going.rate * LEAST_LEFT {
        return Plan::Keep;
    }
    // Fourfold at most, so that a line which is full is seen before it is flooded.
    let allowed = going.allowed.min(going.connections * 4);
    let wanted = worth(going.remaining, going.rate / going.connections as f64, allowed);
    if wanted > going.connections { Plan::Grow(wanted) } else { Plan::Keep }
}

/// How many connections of this rate are worth it for so many bytes.
pub(super) fn worth(remaining: u64, rate: f64, allowed: usize) -> usize {
    let by_time = if rate > 0.0 { remaining as f64 / (rate * LEAST_TIME) } else { 1.0 };
    let by_size = remaining as f64 / LEAST_PART as f64;
    (by_time.min(by_size) as usize).min(allowed).min(MOST)
}

/// Where to cut off a part for one more connection, when `target` of them shall share what is left: at the end of the largest
/// part. `None` when no part is worth it.
pub(super) fn split_at(parts: &[Range<u64>], target: usize) -> Option<(usize, u64)> {
    let length = |part: &Range<u64>| part.end.saturating_sub(part.start);
    let (largest, part) = parts.iter().enumerate().max_by_key(|(_, part)| length(part))?;
    let fair = parts.iter().map(length).sum::<u64>() / target.max(1) as u64;
    let cut = fair.min(length(part) / 2).max(LEAST_PART);
    (length(part) >= 2 * LEAST_PART).then(|| (largest, part.end - cut))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MEGABYTE: u64 = 1_000_000;

    #[test]
    fn when_to_grow() {
        let one = Going { connections: 1, allowed: 8, rate: 1e6, ..Going::default() };
        for (going, expected) in [
            // 1 MB/s a connection, 20 MB left.
            (Going { remaining: 20 * MEGABYTE, ..one }, Plan::Grow(4)),
            (Going { remaining: 5 * MEGABYTE, ..one }, Plan::Grow(4)),
            (Going { remaining: 900_000, ..one }, Plan::Grow(2)),
            // There in a moment anyway.
            (Going { remaining: 600_000, ..one }, Plan::Keep),
            (Going { remaining: 200 * MEGABYTE, rate: 1e9, ..one }, Plan::Keep),
            // It helped.
            (
                Going { remaining: 15 * MEGABYTE, connections: 4, rate: 4e6, before: Some((1, 1e6)), ..one },
                Plan::Grow(8),
            ),
            // The line is full.
            (
                Going { remaining: 15 * MEGABYTE, connections: 4, rate: 1.1e6, before: Some((1, 1e6)), ..one },
                Plan::Enough,
            ),
            (Going { remaining: 20 * MEGABYTE, allowed: 2, ..one }, Plan::Grow(2)),
            (Going { remaining: 20 * MEGABYTE, allowed: 1, ..one }, Plan::Keep),
            (Going { remaining: 20 * MEGABYTE, rate: 0.0, ..one }, Plan::Keep),
        ] {
            assert_eq!(plan_segments(&going), expected, "{going:?}");
        }
    }

    #[test]
    fn parts_become_equal() {
        for target in 1..=MOST {
            let mut parts: Vec<_> = std::iter::once(0..30 * MEGABYTE).collect();
            while parts.len() < target
                && let Some((which, at)) = split_at(&parts, target)
            {
                let end = std::mem::replace(&mut parts[which].end, at);
                parts.push(at..end);
            }
            let fair = 30 * MEGABYTE / target as u64;
            assert!(parts.iter().all(|part| (part.end - part.start).abs_diff(fair) < 10), "{target}: {parts:?}");
        }
    }

    proptest! {
        #[test]
        fn a_plan_is_within_its_bounds(
            remaining: u64, rate: f64, connections in 0usize..20, allowed in 0usize..20,
            before in prop::option::of((1usize..20, any::<f64>())),
        ) {
            let going = Going { remaining, rate, connections, allowed, before };
            if let Plan::Grow(wanted) = plan_segments(&going) {
                prop_assert!(wanted > connections && wanted <= allowed.min(MOST));
                prop_assert!(wanted as u64 * LEAST_PART <= remaining, "each part is worth its connection");
                prop_assert!(remaining as f64 / rate > 0.1, "what is there in a moment is not split");
            }
        }

        #[test]
        fn a_split_leaves_two_parts(parts in prop::collection::vec((0u64..1 << 40, 0u64..1 << 30), 0..9), target in 0usize..12) {
            let parts: Vec<_> = parts.into_iter().map(|(start, length)| start..start + length).collect();
            if let Some((which, at)) = split_at(&parts, target) {
                let part = &parts[which];
                prop_assert!(at - part.start >= LEAST_PART && part.end - at >= LEAST_PART);
                prop_assert!(parts.iter().all(|other| other.end - other.start <= part.end - part.start));
            } else {
                prop_assert!(parts.iter().all(|part| part.end - part.start < 2 * LEAST_PART));
            }
        }
    }
}
