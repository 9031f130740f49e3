//! Whether a result may be blamed on the target. Pure.
//!
//! Own lateness is not the target's fault, and not an excuse. A late pass is a pass. A late failure is run once more with a fresh
//! deadline, and only if that is late as well does it become Unknown.

use std::time::Duration;

use tokio::time::Instant;

/// What becomes of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It counts.
    Accept,
    /// Run again at once, with a fresh deadline.
    Rerun,
    /// It says nothing about the target: Unknown.
    Late,
}

/// Decides on a result.
///
/// `failed` is whether it found something wrong, `disturbed` whether this program did not get to run properly meanwhile, and `again`
/// whether it is already the second try.
///
/// ```
/// use stratheal_core::engine::admission::{Admission, admit};
/// assert_eq!(admit(false, true, false), Admission::Accept);
/// assert_eq!(admit(true, true, false), Admission::Rerun);
/// assert_eq!(admit(true, true, true), Admission::Late);
/// assert_eq!(admit(true, false, true), Admission::Accept);
/// ```
#[must_use]
pub const fn admit(failed: bool, disturbed: bool, again: bool) -> Admission {
    match (failed && disturbed, again) {
        (false, _) => Admission::Accept,
        (true, false) => Admission::Rerun,
        (true, true) => Admission::Late,
    }
}

/// When this program did not get to run: stopped by a signal, starved of processor time, or suspended with the machine.
///
/// Only the newest disturbances are kept: older ones cannot overlap a run that is still going on for longer than any time-out,
/// except one so long that its own result is late anyway.
#[derive(Debug, Clone, Default)]
pub struct Disturbances {
    newest: [Option<(Instant, Instant)>; 4],
}

impl Disturbances {
    /// A wake-up later than this is a disturbance. Timers of the runtime are exact to a millisecond, and a busy two-core machine
    /// delays a thread by tens of them.
    pub const TOLERANCE: Duration = Duration::from_millis(250);

    /// Compares when this program wanted to wake up with when it did. The delay, if it was a disturbance.
    pub fn note(&mut self, planned: Instant, now: Instant) -> Option<Duration> {
        let delay = now.saturating_duration_since(planned);
        if delay <= Self::TOLERANCE {
            return None;
        }
        self.newest.rotate_right(1);
        self.newest[0] = Some((planned, now));
        Some(delay)
    }

    /// Whether a span of time overlaps a disturbance.
    #[must_use]
    pub fn overlap(&self, from: Instant, until: Instant) -> bool {
        self.newest.iter().flatten().any(|(began, ended)| *began <= until && from <= *ended)
    }
}

/// Whether a timer fired so late that what it ended was not given its time.
#[must_use]
pub fn timer_was_late(deadline: Instant, fired: Instant, timeout: Duration) -> bool {
    let tolerance = (timeout / 4).clamp(Duration::from_millis(50), Disturbances::TOLERANCE);
    fired.saturating_duration_since(deadline) > tolerance
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_overlapping_disturbance_counts() {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let mut disturbances = Disturbances::default();
        assert_eq!(disturbances.note(at(1000), at(1100)), None);
        assert_eq!(disturbances.note(at(1000), at(6000)), Some(Duration::from_secs(5)));
        assert!(disturbances.overlap(at(900), at(1001)));
        assert!(disturbances.overlap(at(5000), at(9000)));
        assert!(!disturbances.overlap(at(6001), at(9000)));
        assert!(!disturbances.overlap(at(0), at(999)));
    }
}
