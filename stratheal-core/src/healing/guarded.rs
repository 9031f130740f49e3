//! Calling a remedy that may hang, panic or never give its thread back.

use std::future::Future;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};

/// How long after its deadline a call may still end by itself.
const GRACE: Duration = Duration::from_secs(2);

/// A call that did not end as it should.
#[derive(Debug)]
pub(super) enum Trouble {
    /// It panicked; what it said.
    Panicked(String),
    /// It went on after its deadline. The task is there when it could not be stopped: what it works on must be left alone until it
    /// ends.
    Hung(Option<JoinHandle<()>>),
}

/// Runs a call as a task of its own until `deadline`, and a moment longer.
///
/// # Cancellation
/// The call goes on.
pub(super) async fn guarded<T: Send + 'static>(
    deadline: Instant,
    call: impl Future<Output = T> + Send + 'static,
) -> Result<T, Trouble> {
    let mut task = tokio::spawn(call);
    match timeout_at(deadline + GRACE, &mut task).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(Trouble::Panicked(panic_text(error))),
        Err(_) => {
            task.abort();
            // It stops at its next `.await`, unless it blocks its thread.
            if timeout(GRACE, &mut task).await.is_ok() {
                return Err(Trouble::Hung(None));
            }
            Err(Trouble::Hung(Some(tokio::spawn(async move {
                if let Err(error) = task.await {
                    tracing::debug!(%error, "a remedy that hung has ended");
                }
            }))))
        }
    }
}

fn panic_text(error: tokio::task::JoinError) -> String {
    let Ok(panic) = error.try_into_panic() else { return "it was cancelled".to_owned() };
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    crate::model::report::cut(text.unwrap_or("no message"), 256)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn answers_panics_and_hangs_are_told_apart() {
        let soon = || Instant::now() + Duration::from_secs(1);
        assert_eq!(guarded(soon(), async { 7 }).await.unwrap(), 7);
        let panicked = guarded(soon(), async { panic!("out of luck") }).await;
        assert!(matches!(panicked, Err::<(), _>(Trouble::Panicked(text)) if text == "out of luck"));
        let hung = guarded(soon(), std::future::pending::<()>()).await;
        assert!(matches!(hung, Err(Trouble::Hung(None))));
    }
}
