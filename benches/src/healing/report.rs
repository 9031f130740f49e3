//! All parts, one after the other, and the tables.

use tokio::signal::unix::{SignalKind, signal};

use super::comeback::{self, Comeback, Trouble};
use super::figures::Figures;
use super::project::Project;
use super::service::Service;
use super::settings::Settings;
use super::supervisor::Supervisor;
use super::{attempt, environment, thousand};
use crate::failure::Failure;
use crate::fetch::place::Place;
use crate::health::report::load;
use crate::program::say;

/// How many attempts there are in each round.
const ATTEMPTS: usize = 10;
/// Goals in seconds.
const REPAIR: f64 = 1.0;
const REBUILD: f64 = 3.0;
const ATTEMPT: f64 = 0.005;

/// Runs what is wanted and prints the tables. Ctrl-C ends it, and with it every process it started.
///
/// # Errors
/// When something cannot be measured.
pub async fn run(settings: &Settings) -> Result<(), Failure> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        result = all(settings) => result,
        _ = interrupt.recv() => Err(Failure::new("interrupted")),
        _ = terminate.recv() => Err(Failure::new("told to end")),
    }
}

async fn all(settings: &Settings) -> Result<(), Failure> {
    let mut present = Vec::new();
    for supervisor in Supervisor::ALL {
        match supervisor.version().await {
            Ok(version) => {
                say(&format!("{} {version}", supervisor.name()))?;
                present.push(supervisor);
            }
            Err(problem) => say(&format!("MISSING: {}: {problem}", supervisor.name()))?,
        }
    }
    let place = Place::new()?;
    let (mut figures, mut failures) = (Figures::new(), Vec::new());
    for trouble in Trouble::ALL.into_iter().filter(|trouble| settings.parts.wants(trouble.name())) {
        let done = comebacks(trouble, &present, settings.parts.rounds, &place, &mut figures).await;
        failures.extend(done.err().map(|problem| format!("{}: {problem}", trouble.name())));
    }
    if settings.parts.wants("repair") || settings.parts.wants("rebuild") {
        let done = environments(settings, &place, &mut figures).await;
        failures.extend(done.err().map(|problem| format!("repair and rebuild: {problem}")));
    }
    if settings.parts.wants("attempt") {
        let done = attempts(settings.parts.rounds * ATTEMPTS, &place, &mut figures).await;
        failures.extend(done.err().map(|problem| format!("attempt: {problem}")));
    }
    if !figures.is_empty() {
        say(&format!("\n{figures}"))?;
    }
    if settings.parts.wants("thousand") {
        let mut table = thousand::table();
        for supervisor in present.into_iter().filter(|supervisor| *supervisor != Supervisor::Monit) {
            say(&format!("thousand: {}", supervisor.name()))?;
            match thousand::measure(supervisor, settings.measured, &place).await {
                Ok(cost) => table.row(cost.cells(supervisor)),
                Err(problem) => failures.push(format!("thousand, {}: {problem}", supervisor.name())),
            }
        }
        say(&format!("\n{table}"))?;
    }
    say(&format!("load afterwards: {}", load()))?;
    if failures.is_empty() { Ok(()) } else { Err(Failure::new(format!("not measured: {}", failures.join("; ")))) }
}

/// A server that is killed, or hangs, in turn with everybody who looks after it.
async fn comebacks(
    trouble: Trouble,
    present: &[Supervisor],
    rounds: usize,
    place: &Place,
    figures: &mut Figures,
) -> Result<(), Failure> {
    let seen = present.iter().copied().filter(|supervisor| trouble.is_seen_by(*supervisor));
    let mut all: Vec<(Supervisor, Vec<Comeback>)> = seen.map(|supervisor| (supervisor, Vec::new())).collect();
    let mut starts = Vec::new();
    for round in 0..rounds {
        say(&format!("{}: round {} of {rounds}", trouble.name(), round + 1))?;
        starts.push(Service::new(place)?.own_start().await?);
        let phase = (round as f64 + 0.5) / rounds as f64;
        for (supervisor, comebacks) in &mut all {
            comebacks.push(comeback::measure(trouble, *supervisor, phase, place).await?);
        }
    }
    let what = |of: &str| format!("{}: {of}", trouble.name());
    let start = figures.add(&what("a start alone"), "nobody", &mut starts, None, None).unwrap_or_default();
    let mut own = None;
    for (supervisor, comebacks) in &all {
        let (mut known, mut verified): (Vec<f64>, Vec<f64>) =
            comebacks.iter().filter_map(|comeback| comeback.known_and_verified).unzip();
        let mut answers: Vec<f64> = comebacks.iter().map(|comeback| comeback.answers).collect();
        figures.add(&what("it is known"), supervisor.name(), &mut known, None, None);
        let median = figures.add(&what("it answers"), supervisor.name(), &mut answers, own, None);
        let goal = trouble.goal().as_secs_f64() + start;
        figures.add(&what("that is verified"), supervisor.name(), &mut verified, None, Some(goal));
        // Ours comes first, and the others stand beside it.
        own = own.or(median);
    }
    Ok(())
}

/// An environment that is damaged, and made anew.
async fn environments(settings: &Settings, place: &Place, figures: &mut Figures) -> Result<(), Failure> {
    let project = Project::new(place).await?;
    let (ours, rounds) = (Supervisor::Stratheal.name(), settings.parts.rounds);
    if settings.parts.wants("repair") {
        say("repair")?;
        let mended = environment::measure(&project, "repair-environment", rounds).await?;
        let mut whole: Vec<f64> = mended.iter().map(|mended| mended.whole).collect();
        let mut verified: Vec<f64> = mended.iter().map(|mended| mended.verified).collect();
        figures.add("repair: from known to whole", ours, &mut whole, None, Some(REPAIR));
        figures.add("repair: from known to verified", ours, &mut verified, None, None);
    }
    if settings.parts.wants("rebuild") {
        say("rebuild")?;
        let mended = environment::measure(&project, "rebuild-environment", rounds).await?;
        let mut steps: Vec<f64> = mended.iter().map(|mended| mended.steps).collect();
        figures.add("rebuild: the remedy's steps", ours, &mut steps, None, Some(REBUILD));
        let (mut commands, mut peers) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            commands.push(project.ours(&["install", "--rebuild", "--no-snapshot"]).await?.as_secs_f64());
            peers.push(project.uv_anew().await?.as_secs_f64());
        }
        let own = figures.add("rebuild: one command", ours, &mut commands, None, Some(REBUILD));
        figures.add("rebuild: uv venv, uv pip install", "uv", &mut peers, own, None);
    }
    Ok(())
}

/// Attempts that do nothing, beside what they wait for.
async fn attempts(count: usize, place: &Place, figures: &mut Figures) -> Result<(), Failure> {
    say("attempt")?;
    let costs = attempt::measure(count, &place.fresh()?).await?;
    let (mut attempts, mut disk): (Vec<f64>, Vec<f64>) = costs.iter().map(|cost| (cost.attempt, cost.disk)).unzip();
    let own = figures.add("attempt that does nothing", "stratheal", &mut attempts, None, Some(ATTEMPT));
    figures.add("its two synced writes alone", "nobody", &mut disk, own, None);
    Ok(())
}
