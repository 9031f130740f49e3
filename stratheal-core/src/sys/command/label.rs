//! What commands of an earlier process left at work: found by a label in their environment, and ended.

use std::io;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::tree::{Census, end_all};

/// How often it is looked whether they are gone.
const LOOK: Duration = Duration::from_millis(10);

/// Kills everything that was started with this [label](super::Command::label), by whoever, and waits until it is gone. Answers what could
/// not be killed by the deadline. It looks at every process of the machine that it may look at.
///
/// # Cancellation
/// What was killed stays killed.
///
/// # Errors
/// When nobody could look.
pub async fn end_labelled(label: &str, deadline: Instant) -> io::Result<Vec<u32>> {
    loop {
        let wanted = label.to_owned();
        // Whoever looks at a process that hangs may hang with it.
        let looked = tokio::task::spawn_blocking(move || end_all(&Census::take(0), &wanted));
        let alive = looked.await.map_err(io::Error::other)?;
        if alive.is_empty() || Instant::now() >= deadline {
            return Ok(alive);
        }
        sleep(LOOK).await;
    }
}
