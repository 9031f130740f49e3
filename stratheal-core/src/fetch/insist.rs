//! Asking again beside a request that is silent.
//!
//! A connection can be lost without anybody noticing, and a server can forget one request and answer the next one at once. So after a
//! while the same is asked again on another connection, while the first one goes on; whichever is done first counts.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::time::{Instant, sleep_until};

use super::failure::{Failure, FailureKind};

/// How often the same is asked at once, at most.
const MOST: u32 = 3;
const LEAST_PATIENCE: Duration = Duration::from_secs(1);
const MOST_PATIENCE: Duration = Duration::from_secs(5);
const UNKNOWN_PATIENCE: Duration = Duration::from_secs(2);
/// Bytes that must have come within the patience: asking for the same twice takes from a line that is merely slow.
const ENOUGH: u64 = 16 << 10;

/// When the request number `asked` (the first is 1) is followed by another one. `None`: it is the last.
///
/// `p95` is the time to the head that one in twenty answers exceeds. Each further request waits four times as long, so that a server
/// that is slow for everybody is not loaded with more of the same.
pub(super) fn ask_again_after(p95: Option<Duration>, asked: u32) -> Option<Duration> {
    let first = p95.map_or(UNKNOWN_PATIENCE, |p95| (p95 * 4).clamp(LEAST_PATIENCE, MOST_PATIENCE));
    (asked < MOST).then(|| first * 4_u32.pow(asked.saturating_sub(1)))
}

/// Does the work, and again beside it when hardly anything of it arrives. `received` counts the bytes of all of it; `again` is called
/// for each further one.
///
/// The first success counts; a failure counts when nothing else runs any more.
///
/// # Cancellation
/// Dropping the future stops all of it.
pub(super) async fn insist<T, F>(
    p95: Option<Duration>,
    received: &AtomicU64,
    work: impl Fn() -> F,
    again: impl Fn(),
) -> Result<T, Failure>
where
    F: Future<Output = Result<T, Failure>>,
{
    let mut running = FuturesUnordered::from_iter([work()]);
    let mut asked = 1;
    let mut before = 0;
    let mut next = ask_again_after(p95, asked).map(|after| Instant::now() + after);
    loop {
        let timer = async {
            match next {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            done = running.next() => match done {
                Some(Err(_)) if !running.is_empty() => {}
                Some(done) => return done,
                None => return Err(Failure::new(FailureKind::Local, "was not asked")),
            },
            () = timer => {
                let now = received.load(Ordering::Relaxed);
                if now.saturating_sub(before) < ENOUGH {
                    again();
                    running.push(work());
                    asked += 1;
                }
                before = now;
                next = ask_again_after(p95, asked).map(|after| Instant::now() + after);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;

    use proptest::prelude::*;

    use super::*;

    static NOTHING: AtomicU64 = AtomicU64::new(0);

    #[tokio::test(start_paused = true)]
    async fn what_arrives_is_not_asked_for_again() {
        let received = AtomicU64::new(0);
        for (rate, expected) in [(2 * ENOUGH, 0), (ENOUGH / 64, 2)] {
            let again = AtomicU32::new(0);
            let work = || async {
                for _ in 0..20 {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    received.fetch_add(rate, Ordering::SeqCst);
                }
                Ok(())
            };
            let count = || {
                again.fetch_add(1, Ordering::SeqCst);
            };
            insist(None, &received, work, count).await.unwrap();
            assert_eq!(again.into_inner(), expected);
        }
    }

    #[test]
    fn patience() {
        for (p95, asked, expected) in [
            (None, 1, Some(2000)),
            (None, 2, Some(8000)),
            (None, 3, None),
            (Some(10), 1, Some(1000)),
            (Some(400), 1, Some(1600)),
            (Some(60_000), 1, Some(5000)),
        ] {
            let after = ask_again_after(p95.map(Duration::from_millis), asked);
            assert_eq!(after, expected.map(Duration::from_millis), "{p95:?} {asked}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_request_is_overtaken() {
        let (count, again) = (AtomicU32::new(0), AtomicU32::new(0));
        let begun = Instant::now();
        let work = || async {
            match count.fetch_add(1, Ordering::SeqCst) {
                0 => std::future::pending().await,
                number => Ok(number),
            }
        };
        let done = insist(None, &NOTHING, work, || again.store(1, Ordering::SeqCst)).await;
        assert_eq!((done, begun.elapsed(), again.into_inner()), (Ok(1), UNKNOWN_PATIENCE, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_counts_when_nothing_else_runs() {
        let count = AtomicU32::new(0);
        let failure = || Failure::new(FailureKind::Broken, "broke");
        let work = || async {
            let number = count.fetch_add(1, Ordering::SeqCst);
            // The first one fails after the second one has begun, which takes longer and succeeds.
            tokio::time::sleep(Duration::from_secs(if number == 0 { 3 } else { 9 })).await;
            if number == 0 { Err(failure()) } else { Ok(number) }
        };
        assert_eq!(insist(None, &NOTHING, work, || ()).await, Ok(1));
        let failed: Result<u32, _> = insist(None, &NOTHING, || async { Err(failure()) }, || ()).await;
        assert_eq!(failed, Err(failure()));
    }

    proptest! {
        #[test]
        fn it_is_asked_a_few_times_only(p95 in 0_u64..1 << 40, asked in 1_u32..10) {
            let after = ask_again_after(Some(Duration::from_millis(p95)), asked);
            prop_assert_eq!(after.is_some(), asked < MOST);
            prop_assert!(after.is_none_or(|after| after >= LEAST_PATIENCE && after <= MOST_PATIENCE * 16));
        }
    }
}
