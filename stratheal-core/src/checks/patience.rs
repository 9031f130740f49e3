//! Waiting for a thing that another check is just looking at.
//!
//! Blocking code is run once per key, so that a dead mount costs one thread and not one a check. Two checks that look at the same mount
//! at the same moment are no reason to call it stuck, though.

use std::time::Duration;

use crate::base::blocking::BlockingError;
use crate::contract::{CheckContext, CheckError};

/// Longer than this, the thing is taken for stuck.
const PATIENCE: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(5);

/// Runs blocking code as [`CheckContext::blocking`] does, but waits for another run with the same key while that is fresh.
pub(super) async fn when_free<T, F>(cx: &CheckContext, key: &str, work: F) -> Result<T, CheckError>
where
    T: Send + 'static,
    F: FnOnce() -> T + Clone + Send + 'static,
{
    loop {
        match cx.blocking(key, work.clone()).await {
            Err(CheckError::Blocking(BlockingError::Stuck { since, .. }))
                if since < PATIENCE && cx.remaining() > 4 * PAUSE =>
            {
                tokio::time::sleep(PAUSE).await;
            }
            answer => return answer,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::blocking::BlockingPool;

    fn wait(time: Duration) {
        let (sender, receiver) = std::sync::mpsc::channel::<()>();
        assert!(receiver.recv_timeout(time).is_err());
        drop(sender);
    }

    #[tokio::test]
    async fn two_checks_share_a_thing() {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
        let cx = CheckContext::new(deadline, None, false, BlockingPool::new(4));
        let look = || when_free(&cx, "mount /data", || wait(Duration::from_millis(30)));
        let (first, second, third) = tokio::join!(look(), look(), look());
        assert!(first.is_ok() && second.is_ok() && third.is_ok());
    }

    #[tokio::test]
    async fn a_stuck_thing_is_stuck() {
        let pool = BlockingPool::new(4);
        let cx = |time| CheckContext::new(tokio::time::Instant::now() + time, None, false, pool.clone());
        let short = cx(Duration::from_millis(50));
        let first = when_free(&short, "mount /dead", || wait(Duration::from_secs(3))).await;
        assert!(matches!(first, Err(CheckError::Blocking(BlockingError::TimedOut { .. }))));
        tokio::time::sleep(PATIENCE).await;
        let started = tokio::time::Instant::now();
        let second = when_free(&cx(Duration::from_secs(10)), "mount /dead", || ()).await;
        assert!(matches!(second, Err(CheckError::Blocking(BlockingError::Stuck { .. }))));
        assert!(started.elapsed() < Duration::from_secs(1));
    }
}
