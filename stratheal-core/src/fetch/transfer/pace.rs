//! When a connection is too slow to wait for it any longer.
//!
//! Not silence alone: also a trickle that never quite stops. But a line that is slow for everybody is no reason to hang up: a
//! *challenge* opens a second connection for a part of what is missing, and only what comes of it decides who is cut off.

use std::time::Duration;

/// A window of bytes need not be longer than this before its rate says something, and may not be shorter than that.
const WINDOW: Duration = Duration::from_millis(1500);
const SHORT_WINDOW: Duration = Duration::from_millis(300);

/// Below this part of what is expected a connection is slow. Rates between mirrors and moments vary by half for nothing.
const SLOW: f64 = 0.25;

/// Without anything to compare with, slower than this is worth one look at another connection, in bytes a second.
const CRAWL: f64 = 16.0 * 1024.0;

/// A challenge must save at least this long, or it is not worth a connection.
const WORTH: Duration = Duration::from_secs(2);
/// As well for a small rest of which a faster member is known: having it twice costs next to nothing.
const WORTH_IF_SMALL: Duration = Duration::from_millis(500);
/// Less than this is not worth two connections side by side: one of them brings all of it.
const SMALL: u64 = 128 * 1024;

/// The longest silence that is waited out the first time, whatever is known about a member.
const PATIENCE: Duration = Duration::from_secs(5);

/// A connection as it stands.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pace {
    /// Whether the head of the answer is there.
    pub(super) answered: bool,
    /// Time since the last sign of life: the last bytes, or the question.
    pub(super) silent: Duration,
    /// How long the current window of bytes is.
    pub(super) window: Duration,
    /// Bytes within it.
    pub(super) received: u64,
    /// Bytes it still is to deliver, if known.
    pub(super) remaining: Option<u64>,
    /// How long to wait for the head before somebody else is asked. `None` when there is nobody else.
    pub(super) hedge: Option<Duration>,
    /// How long this member may say nothing before the same is asked of it again.
    pub(super) patience: Duration,
    /// How long this member usually takes to answer, at the slow end of usual. `None` when nothing is known.
    pub(super) latency: Option<Duration>,
    /// What a connection is expected to deliver, in bytes a second: the best of what this member's connections and the other members'
    /// gave. `None` when nothing is known.
    pub(super) expected: Option<f64>,
    /// How often it was challenged already without success.
    pub(super) challenges: u32,
    /// Time since the last challenge.
    pub(super) since_challenge: Option<Duration>,
}

impl Pace {
    /// Bytes a second.
    pub(super) fn rate(&self) -> f64 {
        self.received as f64 / self.window.as_secs_f64()
    }

    /// Whether it brings so little that it may as well bring nothing.
    pub(super) fn is_crawling(&self) -> bool {
        self.rate() < CRAWL
    }

    /// How long to wait for the head, before anybody else was asked.
    pub(super) fn patience_for_head(&self) -> Duration {
        self.hedge.unwrap_or(self.patience)
    }
}

/// Why a connection is challenged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slow {
    /// No answer yet.
    Unanswered,
    /// Nothing comes any more.
    Silent,
    /// Something comes, but much less than could be had.
    Trickling,
}

/// Decides whether to challenge a connection. After each challenge in vain the next one comes later, twice as late each time.
pub(super) fn judge(pace: &Pace) -> Option<Slow> {
    let patience = 2_u32.saturating_pow(pace.challenges.min(5));
    let bound = if pace.answered { silence_bound(pace.latency) } else { pace.patience_for_head() } * patience;
    if pace.since_challenge.is_some_and(|since| since < bound) {
        return None;
    }
    if pace.silent >= bound {
        return Some(if pace.answered { Slow::Silent } else { Slow::Unanswered });
    }
    (pace.answered && is_trickle(pace, patience)).then_some(Slow::Trickling)
}

/// How long a body may be silent. TCP needs 200 ms and a round trip to repair a loss.
fn silence_bound(latency: Option<Duration>) -> Duration {
    latency.map_or(Duration::from_secs(2), |usual| (usual * 8).clamp(Duration::from_millis(300), PATIENCE))
}

/// How long a window must be before its rate says anything: a connection begins slowly, and doubles its rate with each round trip.
/// With nothing to compare with, there is no hurry.
pub(super) fn window_bound(latency: Option<Duration>, expected: Option<f64>) -> Duration {
    latency.filter(|_| expected.is_some()).map_or(WINDOW, |usual| (usual * 8).clamp(SHORT_WINDOW, WINDOW))
}

fn is_trickle(pace: &Pace, patience: u32) -> bool {
    if pace.window < window_bound(pace.latency, pace.expected) {
        return false;
    }
    let rate = pace.rate();
    let bar = pace.expected.map_or(CRAWL, |expected| (expected * SLOW).max(CRAWL.min(expected)));
    // Where it ends is not known: then it lasts.
    let left = pace.remaining.map_or(f64::INFINITY, |remaining| remaining as f64 / rate.max(1.0));
    let elsewhere =
        pace.remaining.zip(pace.expected).map_or(0.0, |(remaining, expected)| remaining as f64 / expected.max(1.0));
    let latency = pace.latency.unwrap_or_default().as_secs_f64();
    let is_small = pace.expected.is_some() && pace.remaining.is_some_and(|remaining| remaining < SMALL);
    let worth = if is_small { WORTH_IF_SMALL } else { WORTH };
    rate < bar && left > 2.0 * (elsewhere + latency) && left - elsewhere > worth.as_secs_f64() * f64::from(patience)
}

/// From which byte on a challenger works: the part of what is missing that it is expected to manage in the same time.
///
/// A connection that delivers nothing is raced for all of it; what little both would share out is raced for, too.
pub(super) fn challenge_from(position: u64, end: u64, rate: f64, expected: Option<f64>) -> u64 {
    let remaining = end.saturating_sub(position);
    let rate = if rate.is_finite() { rate.max(0.0) } else { 0.0 };
    // Without a guess the other one is hoped to be as fast again three times over.
    let expected = expected.filter(|expected| expected.is_finite()).unwrap_or(rate * 3.0).max(1.0);
    let kept = (remaining as f64 * (rate / (rate + expected))) as u64;
    if kept < SMALL || remaining - kept.min(remaining) < SMALL { position } else { position + kept }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn silence() {
        let quick = Some(Duration::from_millis(20));
        for (pace, expected) in [
            (Pace { silent: seconds(1), patience: seconds(1), ..Pace::default() }, Some(Slow::Unanswered)),
            (Pace { silent: seconds(1), patience: seconds(2), ..Pace::default() }, None),
            (
                Pace { silent: seconds(1), patience: seconds(2), hedge: Some(seconds(1)), ..Pace::default() },
                Some(Slow::Unanswered),
            ),
            (Pace { silent: seconds(3), patience: seconds(2), challenges: 1, ..Pace::default() }, None),
            (Pace { answered: true, silent: Duration::from_millis(290), latency: quick, ..Pace::default() }, None),
            (Pace { answered: true, silent: seconds(1), latency: quick, ..Pace::default() }, Some(Slow::Silent)),
            (Pace { answered: true, silent: seconds(1), latency: Some(seconds(9)), ..Pace::default() }, None),
            (Pace { answered: true, silent: seconds(2), challenges: 1, ..Pace::default() }, None),
            (Pace { answered: true, silent: seconds(4), challenges: 1, ..Pace::default() }, Some(Slow::Silent)),
            (Pace { answered: true, silent: seconds(9), since_challenge: Some(seconds(1)), ..Pace::default() }, None),
        ] {
            assert_eq!(judge(&pace), expected, "{pace:?}");
        }
    }

    #[test]
    fn trickles() {
        let body = Pace { answered: true, window: seconds(2), remaining: Some(10_000_000), ..Pace::default() };
        let fast = Some(1e6);
        for (received, expected, remaining, slow) in [
            // A tenth of what this member usually gives.
            (200_000, fast, body.remaining, true),
            // Half of it is within what varies.
            (1_000_000, fast, body.remaining, false),
            // It is nearly done.
            (200_000, fast, Some(50_000), false),
            // Slow, and a small rest is quickly had elsewhere; a larger one would not save enough.
            (100_000, fast, Some(60_000), true),
            (200_000, fast, Some(150_000), false),
            // A crawl, and nothing to compare with: one look elsewhere.
            (2_000, None, body.remaining, true),
            (2_000, None, None, true),
            // Slow, steady, and nothing faster is known.
            (100_000, None, body.remaining, false),
            (100_000, Some(50_000.0), body.remaining, false),
            (4_000, Some(2_000.0), body.remaining, false),
        ] {
            let pace = Pace { received, remaining, expected, ..body };
            assert_eq!(judge(&pace).is_some(), slow, "{pace:?}");
        }
        assert_eq!(judge(&Pace { window: Duration::from_millis(500), received: 1, ..body }), None, "too early to say");
    }

    fn paces() -> impl Strategy<Value = Pace> {
        let time = || (0u64..100_000).prop_map(Duration::from_millis);
        let known = (prop::option::of(0u64..1 << 40), prop::option::of(time()), prop::option::of(1.0f64..1e10));
        (any::<bool>(), time(), time(), 0u64..1 << 40, known, 0u32..9, prop::option::of(time())).prop_map(
            |(answered, silent, window, received, (remaining, latency, expected), challenges, since_challenge)| Pace {
                answered,
                hedge: None,
                silent,
                window,
                received,
                remaining,
                patience: Duration::from_millis(100),
                latency,
                expected,
                challenges,
                since_challenge,
            },
        )
    }

    proptest! {
        /// A line that delivers as much as anything is known to deliver is never challenged while bytes come.
        #[test]
        fn steady_is_never_challenged(pace in paces(), least in 1.0f64..1e9) {
            let received = (least * pace.window.as_secs_f64()).ceil() as u64;
            let steady = Pace { silent: Duration::ZERO, received, expected: Some(least), ..pace };
            prop_assert_eq!(judge(&steady), None);
        }

        /// Silence always ends, however often it was challenged.
        #[test]
        fn silence_is_always_challenged_in_the_end(pace in paces()) {
            let long = seconds(200);
            let silent = Pace { silent: long, since_challenge: Some(long), ..pace };
            prop_assert!(judge(&silent).is_some());
        }

        /// Never twice at once.
        #[test]
        fn challenges_are_spaced(pace in paces()) {
            let just_now = Pace { since_challenge: Some(Duration::from_millis(90)), ..pace };
            prop_assert_eq!(judge(&just_now), None);
        }

        #[test]
        fn a_challenge_lies_within(position in 0u64..1 << 50, length in 0u64..1 << 50, rate: f64, expected: Option<f64>) {
            let end = position + length;
            let from = challenge_from(position, end, rate, expected);
            prop_assert!((position..=end).contains(&from));
        }
    }
}
