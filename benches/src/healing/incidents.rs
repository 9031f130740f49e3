//! When what happened, as the incidents on record say.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use stratheal_core::healing::files;
use tokio::time::{Instant, sleep};

use crate::failure::Failure;

/// The pause between two looks.
const LOOK: Duration = Duration::from_millis(20);
/// How long anything may take.
const LIMIT: Duration = Duration::from_mins(2);
/// How many incidents are looked at, from the newest on.
const MOST: usize = 4;

/// When something happened for the first time since a moment, if it did. `what` is the word of the timeline.
pub(super) fn first(state: &Path, what: &[&str], since: Timestamp) -> Result<Option<Timestamp>, Failure> {
    let incidents = files::list(state, MOST)?;
    let entries = incidents.iter().flat_map(|incident| &incident.timeline);
    Ok(entries.filter(|entry| entry.at >= since && what.contains(&&*entry.what)).map(|entry| entry.at).min())
}

/// Waits until it happens.
pub(super) async fn until(state: &Path, what: &[&str], since: Timestamp) -> Result<Timestamp, Failure> {
    let end = Instant::now() + LIMIT;
    loop {
        if let Some(at) = first(state, what, since)? {
            return Ok(at);
        }
        if Instant::now() > end {
            return Err(Failure::new(format!("no incident came to `{}` within {} s", what[0], LIMIT.as_secs())));
        }
        sleep(LOOK).await;
    }
}

/// Seconds from one moment to the other.
pub(super) fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64()
}
