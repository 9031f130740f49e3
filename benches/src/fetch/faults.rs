//! Every fault pattern, with real installers.

use std::time::Duration;

use futures::StreamExt as _;
use futures::stream;
use stratheal_core::testing::faulty_index::{self, Pattern};

use super::client::{Clients, Install, Installer, Way};
use super::content::Set;
use super::place::Place;
use super::settings::Settings;
use crate::failure::Failure;
use crate::program::say;
use crate::table::Table;

/// How long an installation may take. The patience of a person who watches.
const LIMIT: Duration = Duration::from_mins(1);
/// How many installations run at once. Most of them wait.
const AT_ONCE: usize = 2;

/// One installation under one pattern.
#[derive(Debug)]
struct Trial {
    pattern: String,
    installer: Installer,
    way: Way,
    success: bool,
    took: Duration,
    repeated: u64,
    requests: usize,
    said: String,
}

/// Tries all patterns that are wanted.
///
/// # Errors
/// When a server or an installer cannot be started.
pub async fn measure(settings: &Settings, clients: &Clients, place: &Place) -> Result<String, Failure> {
    let set = Set::few();
    let mut patterns = vec![Pattern::new("clean", Vec::new())];
    patterns.extend(faulty_index::single());
    patterns.extend(faulty_index::mirrored());
    patterns.retain(|pattern| pattern.name == "clean" || settings.wants(&format!("faults/{}", pattern.name)));
    let mut table = Table::new(&["pattern", "installer", "way", "outcome", "s", "repeated kB", "requests"]);
    let ways = match std::env::var("BENCH_WAYS") {
        Ok(ways) if ways == "bare" => vec![Way::Tuned],
        _ => vec![Way::Tuned, Way::Gateway],
    };
    let all = patterns.iter().flat_map(|pattern| {
        let ways = &ways;
        Installer::BOTH.into_iter().flat_map(move |installer| ways.iter().map(move |way| (pattern, installer, *way)))
    });
    let trials = stream::iter(all).map(|(pattern, installer, way)| {
        let set = &set;
        async move { trial(set, clients, place, pattern, installer, way).await }
    });
    let mut trials = std::pin::pin!(trials.buffered(AT_ONCE));
    while let Some(trial) = trials.next().await {
        let trial = trial?;
        if !trial.success {
            say(&format!("--- {} {} {}\n{}", trial.pattern, trial.installer.name(), trial.way.name(), trial.said))?;
        }
        table.row(vec![
            trial.pattern,
            trial.installer.name().to_owned(),
            trial.way.name().to_owned(),
            if trial.success { "passed" } else { "FAILED" }.to_owned(),
            format!("{:.2}", trial.took.as_secs_f64()),
            (trial.repeated / 1000).to_string(),
            trial.requests.to_string(),
        ]);
    }
    Ok(table.to_string())
}

async fn trial(
    set: &Set,
    clients: &Clients,
    place: &Place,
    pattern: &Pattern,
    installer: Installer,
    way: Way,
) -> Result<Trial, Failure> {
    let scenario = pattern.start(&set.content).await?;
    let folder = place.fresh()?;
    let run = clients
        .install(&Install {
            installer,
            way,
            urls: scenario.urls(),
            requirements: &set.requirements,
            cache: &folder.join("installer-cache"),
            gateway_cache: &folder.join("gateway-cache"),
            folder: &folder,
            limit: LIMIT,
        })
        .await?;
    std::fs::remove_dir_all(&folder)?;
    Ok(Trial {
        pattern: pattern.name.to_owned(),
        installer,
        way,
        success: run.success,
        took: run.took,
        repeated: scenario.repeated_bytes(),
        requests: scenario.requests(),
        said: run.said,
    })
}
