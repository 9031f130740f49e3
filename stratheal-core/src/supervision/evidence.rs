//! What is known when something broke: about a service the end of its log, and how it ended; about everything, whether the configuration
//! has just been changed.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::contract::{EvidenceSource, Found};
use crate::model::incident::Fact;
use crate::model::quantity::show_seconds;
use crate::model::view::CheckView;
use crate::model::{CheckId, ServiceId};
use crate::service::{ServicesHandle, logs};
use async_trait::async_trait;

/// Lines of a log.
const LINES: usize = 50;

/// A change of the configuration that is older has been seen to work.
const RECENT: Duration = Duration::from_hours(1);

/// Whether the configuration was changed shortly before.
#[derive(Debug)]
pub(super) struct OfConfiguration {
    pub(super) file: PathBuf,
}

#[async_trait]
impl EvidenceSource for OfConfiguration {
    async fn gather(&self, _view: &CheckView) -> Found {
        let changed = tokio::fs::metadata(&self.file).await.and_then(|metadata| metadata.modified());
        let ago = changed.ok().and_then(|changed| changed.elapsed().ok()).filter(|ago| *ago < RECENT);
        let facts = ago.map(|ago| {
            let text = format!("{} was changed {} before", self.file.display(), show_seconds(ago.as_secs_f64()));
            Fact::new("the configuration", text)
        });
        Found { facts: facts.into_iter().collect(), ..Found::default() }
    }
}

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
