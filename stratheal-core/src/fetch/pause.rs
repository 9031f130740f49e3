//! Pausing between attempts at the same thing.
//!
//! Pauses grow with the trouble: what is out for long is asked for seldom, and had soon after it is back. Whoever pauses is woken
//! when a member answers somebody else again.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::future::select_all;
use tokio::time::{Instant, sleep_until, timeout};

use super::member::MemberState;
use crate::base::backoff::Backoff;

const FIRST: Duration = Duration::from_millis(100);
/// The longest pause is this part of the trouble so far, within these bounds.
const PART_OF_TROUBLE: f64 = 0.15;
const LONGEST: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(20));
/// After so many failures the least pause does not grow any more.
const LEAST_GROWS: u32 = 3;

/// How long to wait before the next attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pause {
    /// When nothing happens.
    pub(super) most: Duration,
    /// When a member answers somebody else at once: one thing that fails while all else is well must not be asked for all the time.
    pub(super) least: Duration,
}

/// Decides it after this many failures within such a time. `owed` is what the budget of all retries wants, `random` is between 0 and 1.
pub(super) fn pause_after(failures: u32, trouble: Duration, owed: Duration, random: f64) -> Pause {
    let longest = trouble.mul_f64(PART_OF_TROUBLE).clamp(LONGEST.0, LONGEST.1);
    let most = Backoff::new(FIRST, longest).pause(failures, random).max(owed);
    // Those who are woken together do not come back together.
    let random = if random.is_finite() { random.clamp(0.0, 1.0) } else { 1.0 };
    let least = (FIRST * 2_u32.pow(failures.min(LEAST_GROWS))).mul_f64(0.2 + 0.4 * random);
    Pause { most, least: least.max(owed).min(most) }
}

/// Pauses, but not much longer than it takes until one of the members answers again. It counts from the call on.
///
/// # Cancellation
/// Dropping the future ends the pause.
pub(super) fn rest<'a>(
    pause: Pause,
    members: impl IntoIterator<Item = &'a Arc<MemberState>>,
) -> impl Future<Output = ()> + Send + 'static {
    let recovered: Vec<_> = members.into_iter().map(|member| Box::pin(member.recovered())).collect();
    let begun = Instant::now();
    async move {
        if recovered.is_empty() {
            return sleep_until(begun + pause.most).await;
        }
        // Whether it was the time that ended it does not matter.
        drop(timeout(pause.most, select_all(recovered)).await);
        sleep_until(begun + pause.least).await;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use url::Url;

    use super::*;
    use crate::fetch::failure::{Failure, FailureKind};
    use crate::fetch::member::{Members, Purpose};

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn long_trouble_is_looked_at_seldom() {
        for (failures, trouble, expected) in [(0, 0, 100), (2, 0, 400), (9, 1, 1000), (9, 20, 3000), (20, 3600, 20_000)]
        {
            let pause = pause_after(failures, seconds(trouble), Duration::ZERO, 1.0);
            assert_eq!(pause.most.as_millis(), expected, "{failures} {trouble}");
        }
        let owed = pause_after(9, seconds(1), seconds(7), 0.5);
        assert_eq!((owed.most, owed.least), (seconds(7), seconds(7)), "the budget is kept in any case");
    }

    #[tokio::test(start_paused = true)]
    async fn who_pauses_is_woken_by_an_answer_to_somebody_else() {
        let members = Members::default();
        let url: Url = "http://127.0.0.1:9/".parse().unwrap();
        let member = members.get(&url, &url, Purpose::Files);
        let broken = || Failure::new(FailureKind::Broken, "broke");
        let pause = Pause { most: seconds(20), least: seconds(1) };
        for (answer_after, expected) in [(Some(5), 5), (Some(0), 1), (None, 20)] {
            let begun = Instant::now();
            let _ = member.failed(&broken(), begun);
            let resting = rest(pause, [&member]);
            let answer = async {
                if let Some(after) = answer_after {
                    tokio::time::sleep(seconds(after)).await;
                    member.delivered(1, seconds(1), Instant::now());
                }
            };
            tokio::join!(resting, answer);
            assert_eq!(begun.elapsed().as_secs(), expected);
        }
    }

    proptest! {
        #[test]
        fn pauses_are_bounded(failures: u32, trouble in 0_u64..1 << 40, random: f64) {
            let pause = pause_after(failures, Duration::from_millis(trouble), Duration::ZERO, random);
            prop_assert!(pause.least <= pause.most && pause.most <= LONGEST.1);
        }
    }
}
