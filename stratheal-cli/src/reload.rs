//! Reading the configuration again while running.

use stratheal_core::base::class::chain;
use stratheal_core::config::{EndpointSettings, HistorySettings};
use stratheal_core::engine::EngineHandle;

use crate::args::Common;
use crate::place;

/// What it takes to read the configuration again.
#[derive(Debug, Clone)]
pub(crate) struct Reload {
    pub(crate) common: Common,
    pub(crate) engine: EngineHandle,
    /// What is in force until the next start.
    pub(crate) endpoints: EndpointSettings,
    pub(crate) history: HistorySettings,
}

impl Reload {
    /// Reads it and puts the checks in force, all of them or none; a sentence about what changed, or why nothing did.
    pub(crate) async fn run(self) -> Result<String, String> {
        let common = self.common;
        // Reading touches disks, which may hang.
        let read = tokio::task::spawn_blocking(move || place::written_configuration(&common).map_err(|e| chain(&e)));
        let config = read.await.map_err(|error| format!("reading the configuration failed: {error}"))??;
        let applied = self.engine.apply(config.checks).await.map_err(|error| chain(&error))?;
        let mut text = format!(
            "{} added, {} changed, {} removed, {} unchanged",
            applied.added, applied.changed, applied.removed, applied.unchanged
        );
        if config.endpoints != self.endpoints || config.history != self.history {
            text.push_str("; [endpoints] and [history] take effect at the next start");
        }
        Ok(text)
    }
}
