//! What is fetched twice when everything is killed half-way and started again.

use std::time::Duration;

use stratheal_core::testing::faulty_index::{FaultyIndex, Settings};

use super::client::{Clients, Install, Installer, Way};
use super::content::Set;
use super::place::Place;
use crate::failure::Failure;
use crate::table::Table;

/// When it is killed: with the rate below, in the midst of both files.
const KILLED_AFTER: Duration = Duration::from_millis(2_500);
/// Bytes a second.
const RATE: u64 = 10_000_000;
/// How long the second time may take.
const LIMIT: Duration = Duration::from_mins(2);

/// Measures both installers, bare and through the gateway.
///
/// # Errors
/// When something cannot be started.
pub async fn measure(clients: &Clients, place: &Place) -> Result<String, Failure> {
    let mut table = Table::new(&["installer", "way", "sent before", "sent twice", "outcome"]);
    let set = Set::large();
    for installer in Installer::BOTH {
        for way in [Way::Bare, Way::Gateway] {
            let index =
                FaultyIndex::start_with(set.content.clone(), Vec::new(), Settings::new().total_rate(RATE)).await?;
            let (folder, caches) = (place.fresh()?, place.fresh()?);
            let first = Install {
                installer,
                way,
                urls: &[index.url()],
                requirements: &set.requirements,
                cache: &caches.join("installer"),
                gateway_cache: &caches.join("gateway"),
                folder: &folder,
                limit: KILLED_AFTER,
            };
            let run = clients.install(&first).await?;
            if run.success {
                return Err(Failure::new("there was nothing left to kill"));
            }
            let before = index.total_sent();
            // Everything of the first one is gone but the caches.
            let folder = place.fresh()?;
            let run = clients.install(&Install { folder: &folder, limit: LIMIT, ..first }).await?;
            table.row(vec![
                installer.name().to_owned(),
                way.name().to_owned(),
                format!("{:.1} MB", before as f64 / 1e6),
                format!("{:.3} MB", index.all_repeated_bytes() as f64 / 1e6),
                if run.success { "passed" } else { "FAILED" }.to_owned(),
            ]);
        }
    }
    Ok(table.to_string())
}
