//! Reading the configuration again while running.

use stratheal_core::base::class::chain;
use stratheal_core::config::{EndpointSettings, HistorySettings, NotifierSettings, WatchdogSettings};
use stratheal_core::supervision::{Additions, Monitor};

use crate::args::Common;
use crate::place;

/// What it takes to read the configuration again.
#[derive(Debug, Clone)]
pub(crate) struct Reload {
    pub(crate) common: Common,
    pub(crate) monitor: Monitor,
    /// What is in force until the next start.
    pub(crate) endpoints: EndpointSettings,
    pub(crate) history: HistorySettings,
    pub(crate) notify: Vec<NotifierSettings>,
    pub(crate) watchdog: Option<WatchdogSettings>,
}

impl Reload {
    /// Reads it and puts the checks in force, all of them or none; a sentence about what changed, or why nothing did.
    pub(crate) async fn run(self) -> Result<String, String> {
        let common = self.common.clone();
        // Reading touches disks, which may hang.
        let read = tokio::task::spawn_blocking(move || place::written_configuration(&common).map_err(|e| chain(&e)));
        let config = read.await.map_err(|error| format!("reading the configuration failed: {error}"))??;
        let mut text = self.monitor.replace(&config, &Additions::default()).await?;
        if config.endpoints != self.endpoints || config.history != self.history {
            text.push_str("; [endpoints] and [history] take effect at the next start");
        }
        if config.notify != self.notify || config.watchdog != self.watchdog {
            text.push_str("; [notify] and [watchdog] take effect at the next start");
        }
        Ok(text)
    }
}
