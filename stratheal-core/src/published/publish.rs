//! Publishing.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};

use super::document::Document;
use crate::base::clock::Clock;
use crate::base::fs::replace_unsynced;
use crate::engine::EngineHandle;
use crate::model::CheckId;

/// How often it is looked whether there is something new.
const LOOK: Duration = Duration::from_secs(1);
/// How often it is said that there is nothing new.
const BEAT: Duration = Duration::from_secs(5);

/// Publishes in a file what an engine knows of the checks that `is_shared` names, until it has stopped. What cannot be written is told once;
/// whoever reads then finds what is old.
///
/// # Cancellation
/// Dropping the future ends it; the file stays.
pub async fn publish(
    engine: EngineHandle,
    is_shared: impl Fn(&CheckId) -> bool + Send,
    file: PathBuf,
    clock: impl Clock,
) {
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut known, mut told, mut fails) = (None, Instant::now(), false);
    while engine.is_running() {
        looks.tick().await;
        // What a stopped engine knew is not what its successor finds.
        if !engine.is_running() {
            return;
        }
        let snapshot = engine.snapshot();
        if known == Some(snapshot.generation) && told.elapsed() < BEAT {
            continue;
        }
        (known, told) = (Some(snapshot.generation), Instant::now());
        let document = Document::of(&snapshot, &is_shared, clock.stamp(), std::process::id());
        let file = file.clone();
        let written = tokio::task::spawn_blocking(move || write(&file, &document));
        let written = written.await.unwrap_or_else(|error| Err(std::io::Error::other(error)));
        match (written, fails) {
            (Ok(()), _) => fails = false,
            (Err(_), true) => {}
            (Err(error), false) => {
                tracing::error!(%error, "others on this host do not learn what is checked here");
                fails = true;
            }
        }
    }
}

pub(super) fn write(file: &Path, document: &Document) -> std::io::Result<()> {
    replace_unsynced(file, &serde_json::to_vec(document)?)
}
