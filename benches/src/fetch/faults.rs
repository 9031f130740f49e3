//! Every fault pattern, with real installers: as they are, with their settings tuned for bad networks, and through the gateway.

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

/// How long an installation may take, beyond what the fault itself sets. Clean ones take a tenth.
const LIMIT: Duration = Duration::from_secs(30);
/// pip asks for one thing after the other: so many times it waits for what others wait for once.
const IN_A_ROW: u32 = 8;
/// How often the clean network is measured; the median counts.
const CLEAN: usize = 3;
/// How many installations run at once where only the outcome counts. They wait for their time limits.
const WAITING: usize = 12;
/// How many run at once where the time counts.
const TIMED: usize = 2;

/// What is compared: the column, and whether its time counts.
const COLUMNS: [(Installer, Way); 4] = [
    (Installer::Uv, Way::Tuned),
    (Installer::Pip, Way::Tuned),
    (Installer::Uv, Way::Gateway),
    (Installer::Pip, Way::Gateway),
];

/// One installation under one pattern.
#[derive(Debug)]
struct Trial {
    success: bool,
    took: Duration,
    repeated: u64,
    said: String,
}

/// Tries all patterns that are wanted.
///
/// # Errors
/// When a server or an installer cannot be started.
pub async fn measure(settings: &Settings, clients: &Clients, place: &Place) -> Result<String, Failure> {
    let set = Set::few();
    // The clean one comes first: all others are compared with it.
    let mut patterns = vec![Pattern::new("clean", Vec::new())];
    patterns.extend(faulty_index::single());
    patterns.extend(faulty_index::mirrored());
    patterns.retain(|pattern| pattern.name == "clean" || settings.wants(&format!("faults/{}", pattern.name)));

    let mut columns = Vec::new();
    for (installer, way) in COLUMNS {
        let at_once = if way == Way::Gateway { TIMED } else { WAITING };
        let trials = stream::iter(&patterns).map(|pattern| trial(&set, clients, place, pattern, installer, way));
        let trials: Vec<_> = trials.buffered(at_once).collect().await;
        let mut trials: Vec<Trial> = trials.into_iter().collect::<Result<_, _>>()?;
        let mut clean = Vec::new();
        for _ in 0..CLEAN {
            clean.push(trial(&set, clients, place, &patterns[0], installer, way).await?);
        }
        clean.sort_by_key(|trial| trial.took);
        trials[0] = clean.swap_remove(CLEAN / 2);
        for (pattern, trial) in patterns.iter().zip(&trials).filter(|(_, trial)| way == Way::Gateway && !trial.success)
        {
            say(&format!("--- {} with {} failed:\n{}", pattern.name, installer.name(), trial.said))?;
        }
        columns.push(trials);
    }
    Ok(table(&patterns, &columns))
}

fn table(patterns: &[Pattern], columns: &[Vec<Trial>]) -> String {
    let mut table = Table::new(&[
        "pattern",
        "uv",
        "twice",
        "pip",
        "twice",
        "uv, gateway",
        "to clean",
        "twice",
        "pip, gateway",
        "to clean",
        "twice",
    ]);
    let mut passed = vec!["passed".to_owned()];
    for (row, pattern) in patterns.iter().enumerate() {
        let mut cells = vec![pattern.name.to_owned()];
        for (column, (_, way)) in columns.iter().zip(COLUMNS) {
            let (trial, clean) = (&column[row], &column[0]);
            cells.push(if trial.success { seconds(trial.took) } else { "failed".to_owned() });
            if way == Way::Gateway {
                let ratio = trial.took.as_secs_f64() / clean.took.as_secs_f64();
                cells.push(if trial.success { format!("{ratio:.1}x") } else { String::new() });
            }
            cells.push(format!("{} kB", trial.repeated / 1000));
        }
        table.row(cells);
    }
    for (column, (_, way)) in columns.iter().zip(COLUMNS) {
        let count = column.iter().filter(|trial| trial.success).count();
        passed.push(format!("{count} of {}", patterns.len()));
        passed.extend(std::iter::repeat_n(String::new(), if way == Way::Gateway { 2 } else { 1 }));
    }
    table.row(passed);
    table.to_string()
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
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
            limit: LIMIT + pattern.floor * if installer == Installer::Pip { IN_A_ROW } else { 1 },
        })
        .await?;
    Ok(Trial { success: run.success, took: run.took, repeated: scenario.repeated_bytes(), said: run.said })
}
