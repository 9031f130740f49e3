//! All sets and scenes, one after the other, the installers in turn.

use stratheal_core::testing::faulty_index::FaultyIndex;

use super::candidate::{Candidate, Programs};
use super::scene::{Scene, Stage};
use crate::failure::Failure;
use crate::fetch::content::Set;
use crate::fetch::place::Place;
use crate::fetch::settings::Settings;
use crate::program::say;
use crate::quantile::quantile;
use crate::table::Table;

/// Runs what is wanted and prints a table.
///
/// # Errors
/// When the index or an installer cannot be started.
pub async fn run(settings: &Settings) -> Result<(), Failure> {
    let programs = Programs::new()?;
    let place = Place::new()?;
    let mut table = Table::new(&["set", "scene", "installer", "median", "to uv", "range"]);
    for (name, set) in [("usual", Set::usual()), ("small", Set::small()), ("many files", Set::many_files())] {
        let index = FaultyIndex::start(set.content.clone(), Vec::new()).await?;
        let url = index.url();
        let folder = place.fresh()?;
        let (all, but_one) = Stage::write(&folder, &set.requirements)?;
        let caches = folder.join("caches");
        let stage = Stage { programs: &programs, place: &place, url: &url, all, but_one, caches };
        for scene in Scene::ALL.into_iter().filter(|scene| settings.wants(&format!("{name}/{}", scene.name()))) {
            measure(&stage, name, scene, settings.rounds, &mut table).await?;
        }
    }
    say(&table.to_string())
}

async fn measure(stage: &Stage<'_>, set: &str, scene: Scene, rounds: usize, table: &mut Table) -> Result<(), Failure> {
    let candidates = [(Candidate::Uv, rounds), (Candidate::Ours, rounds), (Candidate::Pip, rounds.min(2))];
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
    let mut first = None;
    for ((candidate, _), mut times) in candidates.iter().zip(times) {
        let Some(median) = quantile(&mut times, 0.5) else { continue };
        let first = *first.get_or_insert(median);
        let range = times.first().zip(times.last()).map(|(low, high)| format!("{low:.2} to {high:.2} s"));
        table.row(vec![
            set.to_owned(),
            scene.name().to_owned(),
            candidate.name().to_owned(),
            format!("{median:.3} s"),
            format!("{:.2}x", median / first),
            range.unwrap_or_default(),
        ]);
    }
    Ok(())
}
