//! All sets and scenes, one after the other, the installers in turn.

use std::time::Duration;

use stratheal_core::testing::faulty_index::{FaultyIndex, Settings as IndexSettings};

use super::candidate::{Candidate, Programs};
use super::scene::{Scene, Stage};
use super::{real, whole};
use crate::failure::Failure;
use crate::fetch::content::Set;
use crate::fetch::place::Place;
use crate::fetch::settings::Settings;
use crate::program::say;
use crate::quantile::{median_interval, quantile};
use crate::table::Table;

/// How far away the index of the set `far` is.
const FAR: Duration = Duration::from_millis(20);

/// Runs what is wanted and prints the tables.
///
/// # Errors
/// When the index or an installer cannot be started.
pub async fn run(settings: &Settings) -> Result<(), Failure> {
    let programs = Programs::new()?;
    let place = Place::new()?;
    let mut table = Table::new(&["set", "scene", "installer", "median", "range", "to uv", "interval of it"]);
    let made = [
        ("usual", Set::usual(), IndexSettings::new()),
        ("far", Set::usual(), IndexSettings::new().round_trip(FAR)),
        ("files", Set::many_files(), IndexSettings::new()),
        ("projects", Set::many_projects(), IndexSettings::new()),
    ];
    for (name, set, index) in made {
        if !settings.wants(name) {
            continue;
        }
        let index = FaultyIndex::start_with(set.content.clone(), Vec::new(), index).await?;
        let url = index.url();
        let stage = Stage::new(&programs, &place, &url, &set.requirements).await?;
        measure_all(settings, &stage, name, &mut table).await?;
    }
    for (name, requirements) in real::SETS {
        if !settings.wants(name) {
            continue;
        }
        let requirements: Vec<_> = requirements.iter().map(|&requirement| requirement.to_owned()).collect();
        let index = match real::index(&place, &programs, &requirements).await {
            Ok(index) => index,
            Err(failure) => {
                say(&format!("SKIPPED: {name}, real packages: {failure}"))?;
                continue;
            }
        };
        let url = index.url_with_login();
        let stage = Stage::new(&programs, &place, &url, &requirements).await?;
        measure_all(settings, &stage, name, &mut table).await?;
        index.child.stop(None).await?;
    }
    say(&table.to_string())?;
    if settings.wants("whole") {
        let mut table = Table::new(&["set", "command", "median", "range"]);
        let set = Set::many_files();
        let index = FaultyIndex::start(set.content.clone(), Vec::new()).await?;
        let url = index.url();
        let stage = Stage::new(&programs, &place, &url, &set.requirements).await?;
        whole::measure(&stage, "files", settings.rounds, &mut table).await?;
        say(&table.to_string())?;
    }
    Ok(())
}

async fn measure_all(settings: &Settings, stage: &Stage<'_>, set: &str, table: &mut Table) -> Result<(), Failure> {
    for scene in Scene::ALL.into_iter().filter(|scene| settings.wants(&format!("{set}/{}", scene.name()))) {
        measure(stage, set, scene, settings.rounds, table).await?;
        stage.clear()?;
    }
    Ok(())
}

async fn measure(stage: &Stage<'_>, set: &str, scene: Scene, rounds: usize, table: &mut Table) -> Result<(), Failure> {
    let candidates = [(Candidate::Uv, rounds), (Candidate::Ours, rounds), (Candidate::Pip, rounds.min(1))];
    let candidates: Vec<_> = candidates.into_iter().filter(|(candidate, _)| scene.is_for(*candidate)).collect();
    let mut times = vec![Vec::new(); candidates.len()];
    // Round 0 fills the caches that are meant to be full, and the system's own. A B A B from then on.
    for round in 0..=rounds {
        for ((candidate, rounds), times) in candidates.iter().zip(&mut times) {
            if round <= *rounds {
                let took = stage.measure(scene, *candidate).await?;
                if round > 0 {
                    times.push(took.as_secs_f64());
                }
            }
        }
    }
    let first = times.first().cloned().unwrap_or_default();
    for ((candidate, _), mut times) in candidates.iter().zip(times) {
        // One after the other, they had the machine in the same state.
        let mut ratios: Vec<_> = times.iter().zip(&first).map(|(time, first)| time / first).collect();
        let Some(median) = quantile(&mut times, 0.5) else { continue };
        let ratio = quantile(&mut ratios, 0.5).unwrap_or_default();
        let interval = median_interval(&mut ratios).filter(|_| *candidate == Candidate::Ours);
        let range = times.first().zip(times.last()).map(|(low, high)| format!("{low:.2} to {high:.2} s"));
        table.row(vec![
            set.to_owned(),
            scene.name().to_owned(),
            candidate.name().to_owned(),
            format!("{median:.3} s"),
            range.unwrap_or_default(),
            format!("{ratio:.2}x"),
            interval.map(|(low, high)| format!("{low:.2} to {high:.2}")).unwrap_or_default(),
        ]);
    }
    Ok(())
}
