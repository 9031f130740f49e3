//! A circuit breaker: what fails again and again is left alone for a while, then tried by one probe at a time.
//!
//! Closed, it counts failures in a row. Open, it refuses until its time has passed; then one probe is let through. A probe that
//! succeeds closes it, one that fails opens it for twice as long. Time is passed in.

use std::time::Duration;

use tokio::time::Instant;

/// When a breaker opens, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerPolicy {
    /// Failures in a row after which it opens.
    pub failures: u32,
    /// How long it stays open at first.
    pub first: Duration,
    /// The longest it stays open, however often probes fail.
    pub longest: Duration,
}

/// What a breaker says to somebody who wants to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// Go on.
    Yes,
    /// One probe may go; [`Breaker::begin_probe`] takes that place.
    Probe,
    /// Not before this time.
    No(Instant),
}

/// A breaker.
///
/// ```
/// use std::time::Duration;
/// use stratheal_core::base::breaker::{Breaker, BreakerPolicy, Permission};
/// let policy = BreakerPolicy { failures: 2, first: Duration::from_secs(1), longest: Duration::from_secs(60) };
/// let (mut breaker, now) = (Breaker::new(policy), tokio::time::Instant::now());
/// breaker.failed(1, now);
/// assert_eq!(breaker.permission(now), Permission::Yes);
/// breaker.failed(1, now);
/// assert_eq!(breaker.permission(now), Permission::No(now + Duration::from_secs(1)));
/// ```
#[derive(Debug, Clone)]
pub struct Breaker {
    policy: BreakerPolicy,
    state: State,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Closed {
        failures: u32,
    },
    Open {
        until: Instant,
        lasting: Duration,
    },
    /// A probe is under way. One that never reports is given up when its time has passed.
    HalfOpen {
        since: Instant,
        lasting: Duration,
    },
}

impl Breaker {
    /// A closed breaker.
    #[must_use]
    pub const fn new(policy: BreakerPolicy) -> Self {
        Self { policy, state: State::Closed { failures: 0 } }
    }

    /// Whether somebody may begin now.
    #[must_use]
    pub fn permission(&self, now: Instant) -> Permission {
        match self.state {
            State::Closed { .. } => Permission::Yes,
            State::Open { until, .. } if now >= until => Permission::Probe,
            State::Open { until, .. } => Permission::No(until),
            State::HalfOpen { since, .. } if now >= since + self.policy.longest => Permission::Probe,
            State::HalfOpen { since, .. } => Permission::No(since + self.policy.longest),
        }
    }

    /// Whether it is closed.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed { .. })
    }

    /// Takes the place of the probe. `false` when it is not free.
    pub fn begin_probe(&mut self, now: Instant) -> bool {
        if self.permission(now) != Permission::Probe {
            return false;
        }
        if let State::Open { lasting, .. } | State::HalfOpen { lasting, .. } = self.state {
            self.state = State::HalfOpen { since: now, lasting };
        }
        true
    }

    /// Something succeeded. Says whether that closed it.
    pub const fn succeeded(&mut self) -> bool {
        let was_closed = self.is_closed();
        self.state = State::Closed { failures: 0 };
        !was_closed
    }

    /// Something failed; `weight` says for how many ordinary failures it counts. Says whether that opened it.
    pub fn failed(&mut self, weight: u32, now: Instant) -> bool {
        match self.state {
            State::Closed { failures } => {
                let failures = failures.saturating_add(weight);
                if failures < self.policy.failures {
                    self.state = State::Closed { failures };
                    return false;
                }
                self.open(self.policy.first, now);
                true
            }
            State::HalfOpen { lasting, .. } => {
                self.open(lasting.saturating_mul(2), now);
                false
            }
            // What was begun before it opened tells nothing new.
            State::Open { .. } => false,
        }
    }

    fn open(&mut self, lasting: Duration, now: Instant) {
        let lasting = lasting.min(self.policy.longest);
        self.state = State::Open { until: now + lasting, lasting };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const POLICY: BreakerPolicy =
        BreakerPolicy { failures: 3, first: Duration::from_secs(1), longest: Duration::from_secs(5) };

    #[test]
    fn opens_probes_and_closes() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut breaker = Breaker::new(POLICY);
        assert!(!breaker.failed(2, start));
        assert!(!breaker.succeeded(), "it was closed all the time");
        assert!(!breaker.failed(2, start) && breaker.failed(1, start));
        assert!(!breaker.failed(9, start), "a late failure does not make it longer");
        assert_eq!(breaker.permission(start), Permission::No(at(1)));
        assert!(!breaker.begin_probe(start));

        assert!(breaker.begin_probe(at(1)));
        assert!(!breaker.begin_probe(at(1)), "one at a time");
        breaker.failed(1, at(1));
        assert_eq!(breaker.permission(at(1)), Permission::No(at(3)), "twice as long");
        for (probe, until) in [(3, 7), (7, 12), (12, 17)] {
            assert!(breaker.begin_probe(at(probe)));
            breaker.failed(1, at(probe));
            assert_eq!(breaker.permission(at(probe)), Permission::No(at(until)));
        }
        assert!(breaker.begin_probe(at(17)) && breaker.succeeded());
        assert_eq!(breaker.permission(at(17)), Permission::Yes);
        assert!(breaker.failed(3, at(17)));
        assert_eq!(breaker.permission(at(17)), Permission::No(at(18)), "it begins anew");
    }

    #[test]
    fn a_probe_that_never_reports_is_given_up() {
        let start = Instant::now();
        let mut breaker = Breaker::new(POLICY);
        breaker.failed(3, start);
        let probe = start + POLICY.first;
        assert!(breaker.begin_probe(probe) && !breaker.begin_probe(probe + POLICY.first));
        assert!(breaker.begin_probe(probe + POLICY.longest));
    }

    proptest! {
        #[test]
        fn it_is_never_shut_for_longer_than_the_longest(steps in prop::collection::vec((0_u8..3, 0_u64..4000), 0..100)) {
            let mut now = Instant::now();
            let mut breaker = Breaker::new(POLICY);
            for (step, passed) in steps {
                now += Duration::from_millis(passed);
                match step {
                    0 => drop(breaker.succeeded()),
                    1 => drop(breaker.failed(1, now)),
                    _ => drop(breaker.begin_probe(now)),
                }
                prop_assert_ne!(breaker.permission(now + POLICY.longest), Permission::No(now));
                if let Permission::No(until) = breaker.permission(now) {
                    prop_assert!(until <= now + POLICY.longest);
                }
            }
        }
    }
}
