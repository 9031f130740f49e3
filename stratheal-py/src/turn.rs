//! Turns of functions that work rather than wait, where one thread at a time has the interpreter.
//!
//! Two of them at once would be done no sooner, and an event loop that wants the interpreter would wait for each of them: for five
//! milliseconds, unless the application has set another `sys.setswitchinterval`.

use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard};
use tokio::time::{Instant, sleep_until, timeout};

/// A function that uses a processor for this long works, if it does so for a good part of its time.
const WORK: Duration = Duration::from_millis(1);
/// So many times what it uses may a call take; one that takes longer mostly waits, for the network or a lock.
const PART: u32 = 4;
/// How long the interpreter is left to others between two of them. Whoever waits for it has it by then.
const PAUSE: Duration = Duration::from_millis(2);
/// How long a turn is waited for at most: one that hangs holds nobody up for ever.
const PATIENCE: Duration = Duration::from_secs(1);

/// What a call has taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Spent {
    /// Of a processor, by its thread.
    pub(crate) used: Duration,
    /// From its beginning to its end.
    pub(crate) took: Duration,
}

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

    /// Waits for a turn, if that is what a function needs that last was like this: for a quarter of the time that remains at most, and never
    /// so long that too little remains for the function itself. Then it goes without.
    pub(crate) async fn take(&self, last: Spent, remaining: Duration) -> Option<Turn<'_>> {
        if last.used < WORK || last.used * PART < last.took {
            return None;
        }
        let turn = async {
            let turn = Turn(self.last.lock().await);
            sleep_until(*turn.0 + PAUSE).await;
            turn
        };
        timeout(PATIENCE.min(remaining / 4).min(remaining.saturating_sub(last.took * 2)), turn).await.ok()
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
