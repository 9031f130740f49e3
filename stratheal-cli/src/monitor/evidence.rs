//! What is known about a service when something broke: the end of its log, and how it ended.

use std::collections::BTreeMap;

use async_trait::async_trait;
use stratheal_core::contract::{EvidenceSource, Found};
use stratheal_core::model::incident::Fact;
use stratheal_core::model::view::CheckView;
use stratheal_core::model::{CheckId, ServiceId};
use stratheal_core::service::{ServicesHandle, logs};

/// Lines of a log.
const LINES: usize = 50;

/// The evidence of services.
#[derive(Debug)]
pub(super) struct OfServices {
    pub(super) services: ServicesHandle,
    /// Which service belongs to which check.
    pub(super) owners: BTreeMap<CheckId, ServiceId>,
}

#[async_trait]
impl EvidenceSource for OfServices {
    async fn gather(&self, view: &CheckView) -> Found {
        let Some(service) = self.owners.get(&view.id).cloned() else { return Found::default() };
        let mut found = Found::default();
        if let Some(seen) = self.services.view(service.as_str()) {
            if let Some(ending) = &seen.last_ending {
                found.facts.push(Fact::new("how it ended last", ending.to_string()));
            }
            found.facts.push(Fact::new("restarts", seen.restarts.to_string()));
        }
        let folder = self.services.folder().to_owned();
        match tokio::task::spawn_blocking(move || logs::tail(&folder, &service, LINES)).await {
            Ok(Ok(lines)) => found.log = lines.iter().map(logs::Line::printable).collect(),
            Ok(Err(error)) => found.facts.push(Fact::new("log", format!("cannot be read: {error}"))),
            Err(error) => tracing::warn!(%error, "a log was not read"),
        }
        found
    }
}
