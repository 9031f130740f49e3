//! What commands of an earlier process left at work: found by a label in their environment, and ended.

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
pub async fn end_labelled(label: &str, deadline: Instant) -> Vec<u32> {
    loop {
        let wanted = label.to_owned();
        // Whoever looks at a process that hangs may hang with it.
        let looked = tokio::task::spawn_blocking(move || end_all(&Census::take(0), &wanted));
        let alive = match looked.await {
            Ok(alive) => alive,
            Err(error) => {
                tracing::error!(%error, "cannot look for what a command left");
                return Vec::new();
            }
        };
        if alive.is_empty() || Instant::now() >= deadline {
            return alive;
        }
        sleep(LOOK).await;
    }
}
