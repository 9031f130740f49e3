//! Turns of functions that work rather than wait, where one thread at a time has the interpreter.
//!
//! Two of them at once would be done no sooner, and an event loop that wants the interpreter would wait for each of them: for five
//! milliseconds, unless the application has set another `sys.setswitchinterval`.

use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard};
use tokio::time::{Instant, sleep_until, timeout};

/// A function that uses a processor for this long works.
const WORK: Duration = Duration::from_millis(1);
/// How long the interpreter is left to others between two of them. Whoever waits for it has it by then.
const PAUSE: Duration = Duration::from_millis(2);
/// How long a turn is waited for at most: one that hangs holds nobody up for ever.
const PATIENCE: Duration = Duration::from_secs(1);

/// Gives turns, in the order in which they were asked for.
#[derive(Debug)]
pub(crate) struct Turns {
    /// When the last one ended.
    last: Mutex<Instant>,
}

impl Turns {
    pub(crate) fn new() -> Self {
        Self { last: Mutex::new(Instant::now()) }
    }

    /// Whether a function that used so much of a processor the last time needs one.
    pub(crate) fn are_for(used: Duration) -> bool {
        used >= WORK
    }

    /// Waits for a turn, for a quarter of the time that remains at most; then it goes without.
    pub(crate) async fn take(&self, remaining: Duration) -> Option<Turn<'_>> {
        let turn = async {
            let turn = Turn(self.last.lock().await);
            sleep_until(*turn.0 + PAUSE).await;
            turn
        };
        timeout(PATIENCE.min(remaining / 4), turn).await.ok()
    }
}

/// A turn, until it is dropped.
#[derive(Debug)]
pub(crate) struct Turn<'a>(MutexGuard<'a, Instant>);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *self.0 = Instant::now();
    }
}
