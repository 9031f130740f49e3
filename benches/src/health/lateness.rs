//! How late checks were, by the clock of what they checked. Pure.
//!
//! A monitor that is told to check every ten seconds promises a grid: one start at some phase, and then one every ten seconds.
//! It may choose the phase, and nobody may hold that against it. So for each target the phase is fitted: of all phases at which
//! some check arrived, the one by which its checks were least late on the whole. Each check then is late by the time that has
//! gone by since the last point of that grid. Nothing can be early, which is right for something that waits for a timer.
//!
//! A check that drifts (waits ten seconds *after* each run) moves across its grid and shows as late; a check that is left out
//! does not, but is missing in the rate. The first two arrivals at each target are not looked at: monitors spread their first
//! round in their own ways.

/// So many first arrivals are no part of the grid.
const SETTLING: usize = 2;

/// By how many nanoseconds each arrival was late.
///
/// ```
/// use stratheal_benches::health::lateness::lateness;
/// // A grid of 10 with phase 3; one arrival is late by 1, one was left out.
/// assert_eq!(lateness(&[3, 14, 23, 43], 10), [0, 1, 0, 0]);
/// ```
#[must_use]
pub fn lateness(arrivals: &[u64], interval: u64) -> Vec<u64> {
    let residues: Vec<u64> = arrivals.iter().map(|arrival| arrival % interval).collect();
    let by = |phase: u64| residues.iter().map(move |residue| (residue + interval - phase) % interval);
    let best = residues.iter().copied().min_by_key(|phase| by(*phase).map(u128::from).sum::<u128>());
    best.map_or_else(Vec::new, |phase| by(phase).collect())
}

/// The arrivals within `from..until`, without those that are no part of the grid.
#[must_use]
pub fn settled(arrivals: &[u64], from: u64, until: u64) -> Vec<u64> {
    arrivals.iter().skip(SETTLING).copied().filter(|arrival| (from..until).contains(arrival)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table() {
        for (arrivals, expected) in [
            (&[][..], &[][..]),
            (&[7], &[0]),
            (&[7, 17, 27], &[0, 0, 0]),
            // The phase may lie at the end of the interval.
            (&[9, 20, 29], &[0, 1, 0]),
            // One late arrival does not move the grid, whichever it is.
            (&[16, 20, 30], &[6, 0, 0]),
            // A drift of 2 each time.
            (&[0, 12, 24, 36], &[0, 2, 4, 6]),
            // Two runs where there should be one.
            (&[0, 10, 14, 20], &[0, 0, 4, 0]),
        ] {
            assert_eq!(lateness(arrivals, 10), expected, "{arrivals:?}");
        }
    }

    #[test]
    fn the_first_arrivals_are_left_out() {
        assert_eq!(settled(&[1, 2, 3, 4, 5], 1, 5), [3, 4]);
        assert_eq!(settled(&[1], 0, 9), [0; 0]);
    }
}
