//! Asking again beside a request that is silent.
//!
//! After a while the same is asked again on another connection, while the first one goes on; whichever is done first counts. How long
//! that while is for a member, it learns from what came of it.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use tokio::time::{Instant, sleep_until};

use super::failure::{Failure, FailureKind};

/// How often the same is asked at once, at most.
const MOST: u32 = 3;
/// Each further request waits this many times as long, so that a server that is slow for everybody is not loaded with more of the same.
const LONGER: u32 = 4;
/// Once bytes come, at least so many within this time are enough: asking for the same twice takes from a line that is merely slow.
const ENOUGH: u64 = 16 << 10;
const ENOUGH_WITHIN: Duration = Duration::from_secs(1);

/// What is told while it goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    /// The same is asked once more.
    Asked,
    /// It was, and a later request was answered before the first one.
    Needed,
    /// It was, and the first request was answered first.
    Needless,
}

/// When the request number `asked` (the first is 1) is followed by another one. `None`: it is the last.
pub(super) fn ask_again_after(patience: Duration, asked: u32) -> Option<Duration> {
    (asked < MOST).then(|| patience.saturating_mul(LONGER.pow(asked.saturating_sub(1))))
}

/// Does the work, and again beside it when nothing of it arrives for as long as `patience`, or hardly anything for long. `received`
/// counts the bytes of all of it.
///
/// The first success counts; a failure counts when nothing else runs any more.
///
/// # Cancellation
/// Dropping the future stops all of it.
pub(super) async fn insist<T, F>(
    patience: Duration,
    received: &AtomicU64,
    work: impl Fn() -> F,
    tell: impl Fn(Again),
) -> Result<T, Failure>
where
    F: Future<Output = Result<T, Failure>>,
{
    let request = |number: u32| work().map(move |done| (number, done));
    let mut asked = 1;
    let mut running = FuturesUnordered::from_iter([request(asked)]);
    let mut before = 0;
    let mut next = ask_again_after(patience, asked).map(|after| Instant::now() + after);
    loop {
        let timer = async {
            match next {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            done = running.next() => match done {
                Some((_, Err(_))) if !running.is_empty() => {}
                Some((number, done)) => {
                    if done.is_ok() && asked > 1 {
                        tell(if number > 1 { Again::Needed } else { Again::Needless });
                    }
                    return done;
                }
                None => return Err(Failure::new(FailureKind::Local, "was not asked")),
            },
            () = timer => {
                let now = received.load(Ordering::Relaxed);
                let has_begun = now > 0 && before == 0;
                if !has_begun && now.saturating_sub(before) < ENOUGH {
                    tell(Again::Asked);
                    asked += 1;
                    running.push(request(asked));
                }
                before = now;
                let least = if now > 0 { ENOUGH_WITHIN } else { Duration::ZERO };
                next = ask_again_after(patience, asked).map(|after| Instant::now() + after.max(least));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;
    use std::sync::{Mutex, PoisonError};

    use proptest::prelude::*;

    use super::*;

    static NOTHING: AtomicU64 = AtomicU64::new(0);
    const PATIENCE: Duration = Duration::from_millis(200);

    /// The answer, how long it took, and what was told.
    async fn insisted<T, F>(received: &AtomicU64, work: impl Fn() -> F) -> (Result<T, Failure>, Duration, Vec<Again>)
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let (begun, told) = (Instant::now(), Mutex::new(Vec::new()));
        let tell = |again| told.lock().unwrap_or_else(PoisonError::into_inner).push(again);
        let done = insist(PATIENCE, received, work, tell).await;
        (done, begun.elapsed(), told.into_inner().unwrap_or_default())
    }

    #[tokio::test(start_paused = true)]
    async fn what_arrives_is_not_asked_for_again() {
        for (rate, expected) in [(2 * ENOUGH, vec![]), (ENOUGH / 64, vec![Again::Asked, Again::Asked, Again::Needless])]
        {
            let received = AtomicU64::new(0);
            let work = || async {
                for _ in 0..200 {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    received.fetch_add(rate / 10, Ordering::SeqCst);
                }
                Ok(())
            };
            assert_eq!(insisted(&received, work).await.2, expected);
        }
    }

    #[test]
    fn it_is_asked_a_few_times_only() {
        let after = (1..=MOST).map(|asked| ask_again_after(PATIENCE, asked).map(|after| after.as_millis()));
        assert_eq!(after.collect::<Vec<_>>(), [Some(200), Some(800), None]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_request_is_overtaken() {
        let count = AtomicU32::new(0);
        let work = || async {
            match count.fetch_add(1, Ordering::SeqCst) {
                0 => std::future::pending().await,
                number => Ok(number),
            }
        };
        assert_eq!(insisted(&NOTHING, work).await, (Ok(1), PATIENCE, vec![Again::Asked, Again::Needed]));
        let late = || tokio::time::sleep(PATIENCE * 2).map(Ok);
        assert_eq!(insisted(&NOTHING, late).await, (Ok(()), PATIENCE * 2, vec![Again::Asked, Again::Needless]));
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_counts_when_nothing_else_runs() {
        let count = AtomicU32::new(0);
        let failure = || Failure::new(FailureKind::Broken, "broke");
        let work = || async {
            let number = count.fetch_add(1, Ordering::SeqCst);
            // The first one fails after the second one has begun, which takes longer and succeeds.
            tokio::time::sleep(Duration::from_millis(if number == 0 { 300 } else { 700 })).await;
            if number == 0 { Err(failure()) } else { Ok(number) }
        };
        assert_eq!(insisted(&NOTHING, work).await.0, Ok(1));
        let failed: Result<u32, _> = insisted(&NOTHING, || async { Err(failure()) }).await.0;
        assert_eq!(failed, Err(failure()));
    }

    proptest! {
        #[test]
        fn each_time_later(millis in 0_u64..1 << 40, asked in 1_u32..10) {
            let patience = Duration::from_millis(millis);
            let after = ask_again_after(patience, asked);
            prop_assert_eq!(after.is_some(), asked < MOST);
            prop_assert!(after.is_none_or(|after| after >= patience));
        }
    }
}
