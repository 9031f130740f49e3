//! Where a running monitor records, and what it does when it cannot.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use stratheal_core::base::class::chain;
use stratheal_core::base::clock::SystemClock;
use stratheal_core::config::HistorySettings;
use stratheal_core::contract::History;
use stratheal_core::engine::EngineHandle;
use stratheal_core::history::{MemoryHistory, SqliteHistory};
use stratheal_core::state::{StateError, StateFolder};

use crate::failure::Failure;

/// How long running checks have to end.
const GRACE: Duration = Duration::from_secs(3);
/// How long the history has to be written at the end.
const FLUSH: Duration = Duration::from_secs(2);

/// The history, and the state folder that is owned meanwhile.
#[derive(Debug)]
pub(crate) struct Recording {
    pub(crate) history: Arc<dyn History>,
    /// Held for its lock.
    folder: Option<StateFolder>,
}

impl Recording {
    /// Whether nobody else has the state folder meanwhile.
    pub(crate) const fn owns_state(&self) -> bool {
        self.folder.is_some()
    }

    /// Has running checks end, and what was recorded be written.
    pub(crate) async fn finish(&self, engine: &EngineHandle) {
        for id in &engine.shutdown(GRACE).await.left_behind {
            tracing::warn!(check = %id, "could not be stopped; it ends with this program");
        }
        if let Err(error) = self.history.flush(FLUSH).await {
            tracing::error!(%error, "the end of the history is not recorded");
        }
    }

    /// Of what is only looked at: in memory, and without the state folder.
    pub(crate) fn in_memory() -> Self {
        Self { history: Arc::new(MemoryHistory::default()), folder: None }
    }
}

/// Takes the state folder and opens the history in it.
///
/// Checks are worth more than their record: where nothing can be written, the monitor runs all the same, keeps what it can in memory,
/// and says so in the log and in `stratheal.self`. Only another monitor on the same folder is a reason not to start.
pub(crate) fn begin(state: &Path, settings: &HistorySettings) -> Result<Recording, Failure> {
    if !settings.enabled {
        let folder = match StateFolder::open(state) {
            Err(error @ StateError::InUse { .. }) => return Err(Failure::State(error)),
            folder => folder.ok(),
        };
        return Ok(Recording { history: Arc::new(MemoryHistory::default()), folder });
    }
    let folder = match StateFolder::open(state) {
        Ok(folder) => folder,
        Err(error @ StateError::InUse { .. }) => return Err(Failure::State(error)),
        Err(error) => return Ok(without_disk(None, &chain(&error))),
    };
    match SqliteHistory::open(&folder.history(), settings.retention.clone(), Arc::new(SystemClock)) {
        Ok(history) => Ok(Recording { history: Arc::new(history), folder: Some(folder) }),
        Err(error) => Ok(without_disk(Some(folder), &chain(&error))),
    }
}

fn without_disk(folder: Option<StateFolder>, why: &str) -> Recording {
    tracing::error!(why, "nothing is recorded on disk; checks run all the same");
    Recording { history: Arc::new(MemoryHistory::instead(why.to_owned())), folder }
}
