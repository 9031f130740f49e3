//! What became of something that was broken: as the incidents tell it.

use std::time::Duration;

use jiff::Timestamp;
use stratheal_core::healing::files;
use stratheal_core::model::incident::{Incident, Resolution, TimelineEntry};
use tokio::time::{Instant, sleep};

use super::breakage::{Breakage, Expected};
use super::monitor;
use super::scene::{LOOK, Scene, is_ours, now};

/// How long it may take until it is over.
const OVER: Duration = Duration::from_mins(2);
/// How long something outside stays broken after it was noticed, so that somebody could do something foolish.
const CALM: Duration = Duration::from_secs(3);

/// What became of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Story {
    /// What was broken.
    pub(super) breakage: &'static str,
    /// How long it took until it was sure that it is broken.
    pub(super) noticed: Duration,
    /// How long it took until the check that had failed passed.
    pub(super) healed: Duration,
    /// What healed it; nothing where there was nothing to heal.
    pub(super) by: Option<String>,
    /// How many remedies were tried.
    pub(super) attempts: usize,
    /// What shows that.
    pub(super) proof: String,
}

/// Breaks something, and waits until it is over. What went wrong, in words, where it did not go as it has to.
pub(super) async fn play(breakage: Breakage, scene: &mut Scene) -> Result<Story, String> {
    let words = |error: std::io::Error| format!("it could not be broken: {error}");
    let server = scene.server().await;
    let broken = now();
    breakage.happen(scene).await.map_err(words)?;
    if breakage.expected() == Expected::Calm {
        let named = until_cause_is_named(scene, broken).await;
        let same = scene.server().await == server;
        breakage.mend(scene).await.map_err(words)?;
        let touched = until_over(scene, broken).await?;
        let told = Told::of(&touched, broken)?;
        named?;
        if !same || told.attempts > 0 || told.by.is_some() {
            return Err(format!("something was done about it, and nothing should: {told:?}"));
        }
        let proof = "payments was named as the cause; the server was left alone".to_owned();
        return Ok(told.story(breakage, proof));
    }
    let touched = until_over(scene, broken).await?;
    breakage.mend(scene).await.map_err(words)?;
    let told = Told::of(&touched, broken)?;
    if !matches!(breakage.expected(), Expected::Remedy(remedy) if told.by.as_deref() == Some(remedy)) {
        return Err(format!("it was healed by something else than {:?}: {told:?}", breakage.expected()));
    }
    let proof = told.passes.clone().unwrap_or_default();
    Ok(told.story(breakage, proof))
}

/// What incidents say about the time since something was broken.
#[derive(Debug)]
struct Told {
    noticed: Duration,
    healed: Duration,
    by: Option<String>,
    attempts: usize,
    /// The line that says that the check passes.
    passes: Option<String>,
}

impl Told {
    fn of(incidents: &[Incident], broken: Timestamp) -> Result<Self, String> {
        let entries = || incidents.iter().flat_map(|incident| &incident.timeline).filter(|entry| entry.at >= broken);
        let after = |at: Timestamp| Duration::try_from(at.duration_since(broken)).unwrap_or_default();
        let noticed = entries()
            .filter(|entry| is_opening(entry))
            .map(|entry| after(entry.at))
            .min()
            .ok_or("no incident was opened")?;
        let last = |what: &str| entries().filter(|entry| entry.what == what).max_by_key(|entry| entry.at);
        let ended = last("probation").or_else(|| last("resolved")).ok_or("no incident is over")?;
        let by = incidents.iter().rev().find_map(|incident| match &incident.resolution {
            Some(Resolution::Remedy { remedy }) => Some(remedy.to_string()),
            _ => None,
        });
        let attempts = entries().filter(|entry| entry.what == "healing").count();
        let passes = last("probation").map(|entry| entry.text.clone());
        Ok(Self { noticed, healed: after(ended.at), by, attempts, passes })
    }

    fn story(self, breakage: Breakage, proof: String) -> Story {
        let Self { noticed, healed, by, attempts, .. } = self;
        Story { breakage: breakage.name(), noticed, healed, by, attempts, proof }
    }
}

/// The incidents of the demo's own checks that something happened to since then.
pub(super) fn touched(scene: &Scene, since: Timestamp) -> Result<Vec<Incident>, String> {
    let incidents = files::list(&scene.project.state(), 100).map_err(|error| error.to_string())?;
    // How busy this host is meanwhile is another story.
    let is_new = |incident: &Incident| {
        is_ours(incident.check.as_str()) && incident.timeline.iter().any(|entry| entry.at >= since && is_opening(entry))
    };
    Ok(incidents.into_iter().filter(is_new).collect())
}

/// Whether a line of a timeline says that something broke, for the first time or again.
fn is_opening(entry: &TimelineEntry) -> bool {
    matches!(entry.what.as_str(), "opened" | "open")
}

/// Waits until each incident that was opened since then is over and all is well.
async fn until_over(scene: &Scene, since: Timestamp) -> Result<Vec<Incident>, String> {
    let deadline = Instant::now() + OVER;
    loop {
        let incidents = touched(scene, since)?;
        if !incidents.is_empty()
            && incidents.iter().all(|incident| incident.state.is_over())
            && scene.unwell().await.is_none()
        {
            return Ok(incidents);
        }
        if Instant::now() > deadline {
            let states: Vec<_> =
                incidents.iter().map(|one| format!("{} is {}", one.check, one.state.as_str())).collect();
            let unwell = scene.unwell().await.unwrap_or_else(|| "all is well".to_owned());
            return Err(format!("not over after {} s: {}; {unwell}", OVER.as_secs(), states.join(", ")));
        }
        sleep(LOOK).await;
    }
}

/// Waits until the web server is seen to fail because of something else, and a little longer.
async fn until_cause_is_named(scene: &Scene, since: Timestamp) -> Result<(), String> {
    let deadline = Instant::now() + OVER;
    loop {
        let incidents = touched(scene, since)?;
        let checks = monitor::checks(&scene.project).await.map_err(|failure| failure.to_string())?;
        let cause = checks.get("web").and_then(|view| view.cause().map(ToString::to_string));
        if !incidents.is_empty() && cause.as_deref() == Some("payments") {
            sleep(CALM).await;
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err("the cause was not named".to_owned());
        }
        sleep(LOOK).await;
    }
}
