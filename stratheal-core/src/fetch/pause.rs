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
/// After so many failures the shortest pause does not grow any more.
const SHORTEST_GROWS: u32 = 3;

/// How long to wait after this many failures within such a time. `random` is between 0 and 1.
pub(super) fn pause_after(failures: u32, trouble: Duration, random: f64) -> Duration {
    let longest = trouble.mul_f64(PART_OF_TROUBLE).clamp(LONGEST.0, LONGEST.1);
    Backoff::new(FIRST, longest).pause(failures, random)
}

/// How long to wait even when a member answers somebody else: one thing that fails while all else is well must not be asked for all
/// the time.
fn shortest_after(failures: u32) -> Duration {
    FIRST * 2_u32.pow(failures.min(SHORTEST_GROWS)) / 2
}

/// Pauses, but not much longer than it takes until one of the members answers again. It counts from the call on.
///
/// # Cancellation
/// Dropping the future ends the pause.
pub(super) fn rest<'a>(
    pause: Duration,
    failures: u32,
    members: impl IntoIterator<Item = &'a Arc<MemberState>>,
) -> impl Future<Output = ()> + Send + 'static {
    let recovered: Vec<_> = members.into_iter().map(|member| Box::pin(member.recovered())).collect();
    let (begun, shortest) = (Instant::now(), shortest_after(failures));
    async move {
        if !recovered.is_empty() {
            // Whether it was the time that ended it does not matter.
            drop(timeout(pause, select_all(recovered)).await);
        }
        let end = pause.min(shortest.max(begun.elapsed()));
        sleep_until(begun + end).await;
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
            assert_eq!(pause_after(failures, seconds(trouble), 1.0).as_millis(), expected, "{failures} {trouble}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_pauses_is_woken_by_an_answer_to_somebody_else() {
        let members = Members::default();
        let url: Url = "http://127.0.0.1:9/".parse().unwrap();
        let member = members.get(&url, &url, Purpose::Files);
        let broken = || Failure::new(FailureKind::Broken, "broke");
        for (failures, answer_after, expected) in [(0, Some(5), 5), (3, Some(0), 0), (3, None, 20)] {
            let begun = Instant::now();
            let _ = member.failed(&broken(), begun);
            let resting = rest(seconds(20), failures, [&member]);
            let answer = async {
                if let Some(after) = answer_after {
                    tokio::time::sleep(seconds(after)).await;
                    let _ = member.answered(seconds(1), Instant::now());
                }
            };
            tokio::join!(resting, answer);
            assert_eq!(begun.elapsed().as_secs(), expected);
        }
        let begun = Instant::now();
        let _ = member.failed(&broken(), begun);
        let resting = rest(seconds(20), 3, [&member]);
        let _ = member.answered(seconds(1), Instant::now());
        resting.await;
        assert_eq!(begun.elapsed(), shortest_after(3), "not at once after several failures");
    }

    proptest! {
        #[test]
        fn pauses_are_bounded(failures: u32, trouble in 0_u64..1 << 40, random: f64) {
            let pause = pause_after(failures, Duration::from_millis(trouble), random);
            prop_assert!(pause <= LONGEST.1);
            prop_assert!(shortest_after(failures) <= LONGEST.0);
        }
    }
}
