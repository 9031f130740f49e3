//! Things are broken in any order, also two at once, and with them those who look after it. At the end nothing may be left of that.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use stratheal_core::audit;
use stratheal_core::base::class::chain;
use stratheal_core::control::{ControlError, Request, Response};
use stratheal_core::healing::{HealingView, Store};
use stratheal_core::sys::process::Process;
use tokio::time::{Instant, sleep};

use super::availability::Availability;
use super::breakage::Breakage;
use super::chance::Chance;
use super::leftovers::{Holding, processes_of};
use super::project::Project;
use super::scene::{LOOK, Scene, is_ours, now};
use super::scripted::OLD_ENOUGH;
use super::story::touched;
use super::trouble::{Trouble, Victim};
use crate::args::PlainFormat;
use crate::failure::Failure;
use crate::{output, place};

/// The longest pause between two breakages.
const PAUSE: Duration = Duration::from_secs(4);
/// How long something outside stays broken, at most.
const OUTSIDE: Duration = Duration::from_secs(4);
/// How long it may take until something is noticed.
const NOTICED: Duration = Duration::from_secs(30);
/// How long everything may take to be well again.
const WELL: Duration = Duration::from_mins(3);

/// What was seen.
#[derive(Debug, Default)]
struct Record {
    /// How long it took to be well after each trouble.
    took: Vec<(String, Duration)>,
    problems: Vec<String>,
}

/// Breaks things for so long, and looks whether everything is as it should be. Answers whether it is.
pub(super) async fn run(scene: &mut Scene, lasting: Duration, seed: u64, format: PlainFormat) -> Result<bool, Failure> {
    let human = format == PlainFormat::Human;
    let began = Instant::now();
    let mut chance = Chance::of(seed);
    let mut record = Record::default();
    let mut before = scene.monitor_pid().and_then(Holding::of);
    let availability = Availability::measure(scene.project.ports.web);
    while began.elapsed() < lasting && record.problems.is_empty() {
        let trouble = Trouble::choose(&mut chance, &possible(scene));
        let started = Instant::now();
        let result = happen(&trouble, scene, &mut chance).await;
        let took = started.elapsed();
        if human {
            let how = result.as_ref().map_or_else(|why| format!("FAILED: {why}"), |()| "well again".to_owned());
            output::print(&format!(
                "{:>7.1} s  {:<44} {how} after {:.1} s",
                began.elapsed().as_secs_f64(),
                trouble.name(),
                took.as_secs_f64()
            ))?;
        }
        match result {
            Ok(()) => record.took.push((trouble.name(), took)),
            Err(why) => record.problems.push(format!("{}: {why}", trouble.name())),
        }
        if matches!(trouble.victim, Victim::Monitor | Victim::Both) {
            before = scene.monitor_pid().and_then(Holding::of);
        }
        sleep(chance.up_to(PAUSE)).await;
    }
    let percent = availability.percent();
    drop(availability);
    finish(scene, before, &mut record).await;
    output::print(&match format {
        PlainFormat::Human => summary(&record, percent, began.elapsed(), seed),
        PlainFormat::Json => format!("{:#}", as_json(&record, percent, seed)),
    })?;
    Ok(record.problems.is_empty())
}

/// What can be broken now.
fn possible(scene: &Scene) -> Vec<Breakage> {
    let has_old_log = scene.lacks_disk().is_none() && scene.disk().age().is_some_and(|age| age > OLD_ENOUGH);
    let is_possible = |breakage: &Breakage| *breakage != Breakage::FullDisk || has_old_log;
    Breakage::ALL.into_iter().filter(is_possible).collect()
}

/// Breaks things, and waits until all is well again.
async fn happen(trouble: &Trouble, scene: &mut Scene, chance: &mut Chance) -> Result<(), String> {
    let words = |error: std::io::Error| format!("it could not be done: {error}");
    let (server, broken) = (scene.server().await, now());
    for breakage in &trouble.breakages {
        breakage.happen(scene).await.map_err(words)?;
    }
    sleep(trouble.after).await;
    if matches!(trouble.victim, Victim::Monitor | Victim::Both) {
        scene.kill_monitor().await.map_err(words)?;
    }
    if matches!(trouble.victim, Victim::Keeper | Victim::Both) {
        kill_keeper(&scene.project.folder).map_err(words)?;
    }
    if scene.monitor_pid().is_none() {
        scene.start_monitor().map_err(|failure| chain(&failure))?;
    }
    until_noticed(scene, server, broken).await?;
    if trouble.breakages.contains(&Breakage::Outside) {
        sleep(chance.up_to(OUTSIDE)).await;
        Breakage::Outside.mend(scene).await.map_err(words)?;
    }
    until_calm(scene).await?;
    for breakage in trouble.breakages.iter().filter(|breakage| **breakage != Breakage::Outside) {
        breakage.mend(scene).await.map_err(words)?;
    }
    Ok(())
}

/// How many servers run.
fn servers(folder: &Path) -> usize {
    let is_server = |process: &&Process| process.command.iter().any(|word| word == "server.py");
    processes_of(folder).iter().filter(is_server).count()
}

fn kill_keeper(folder: &Path) -> std::io::Result<()> {
    use rustix::process::{Pid, Signal, kill_process};
    let keepers =
        processes_of(folder).into_iter().filter(|process| process.command.get(1).is_some_and(|word| word == "keeper"));
    for pid in keepers.filter_map(|process| Pid::from_raw(process.id.pid.cast_signed())) {
        match kill_process(pid, Signal::KILL) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Waits until there is an incident of it, or the server is another one already: before that, all looks well.
async fn until_noticed(scene: &Scene, server: Option<u32>, broken: Timestamp) -> Result<(), String> {
    let deadline = Instant::now() + NOTICED;
    while touched(scene, broken)?.is_empty()
        && !(server.is_some() && scene.server().await.is_some_and(|now| Some(now) != server))
    {
        if Instant::now() > deadline {
            return Err(format!("nobody noticed it within {} s", NOTICED.as_secs()));
        }
        sleep(LOOK).await;
    }
    Ok(())
}

/// Waits until all is well and nothing is being healed any more.
async fn until_calm(scene: &Scene) -> Result<(), String> {
    let deadline = Instant::now() + WELL;
    loop {
        let unwell = match scene.unwell().await {
            Some(why) => Some(why),
            None => match healing(&scene.project).await {
                Ok(view) => view
                    .incidents
                    .iter()
                    .find(|incident| is_ours(incident.check.as_str()))
                    .map(|incident| format!("{} is {}", incident.check, incident.state.as_str())),
                Err(failure) => Some(chain(&failure)),
            },
        };
        let why = match (unwell, servers(&scene.project.folder)) {
            (None, 1) => return Ok(()),
            (_, several @ 2..) => return Err(format!("{several} servers run at the same time")),
            // What was killed with its keeper is seen to be gone a moment later.
            (None, _) => "no server runs".to_owned(),
            (Some(why), _) => why,
        };
        if Instant::now() > deadline {
            return Err(format!("not well after {} s: {why}", WELL.as_secs()));
        }
        sleep(LOOK).await;
    }
}

async fn healing(project: &Project) -> Result<HealingView, Failure> {
    match place::ask(&project.common, &Request::Healing).await? {
        Response::Healing(view) => Ok(*view),
        _ => Err(ControlError::Protocol.into()),
    }
}

/// Ends everything, and looks what is left.
async fn finish(scene: &mut Scene, before: Option<Holding>, record: &mut Record) {
    if let Err(why) = until_calm(scene).await {
        record.problems.push(why);
    }
    let problems = &mut record.problems;
    match healing(&scene.project).await {
        Ok(view) => {
            problems.extend(view.trouble.map(|trouble| format!("healing cannot write its journal: {trouble}")));
            problems.extend(view.attempts.iter().map(|attempt| format!("{} is still at work", attempt.remedy)));
        }
        Err(failure) => problems.push(format!("nobody says how healing is: {}", chain(&failure))),
    }
    match (before, scene.monitor_pid().and_then(Holding::of)) {
        (Some(before), Some(now)) => {
            problems.extend(now.grown_since(before).map(|more| format!("the monitor holds {more}")));
        }
        _ => problems.push("what the monitor holds is not known".to_owned()),
    }
    let (folder, state) = (scene.project.folder.clone(), scene.project.state());
    if let Err(failure) = scene.end().await {
        problems.push(chain(&failure));
    }
    let left = processes_of(&folder);
    problems.extend(left.iter().map(|process| format!("process {} is left: {:?}", process.id.pid, process.command)));
    match Store::open(&state) {
        Ok(store) => problems.extend(store.trouble().map(|trouble| format!("the journal: {trouble}"))),
        Err(error) => problems.push(format!("the journal: {}", chain(&error))),
    }
    match audit::verify(&state.join("audit"), None) {
        Ok(verified) => problems.extend(verified.problems.iter().map(|problem| format!("the audit log: {problem}"))),
        Err(error) => problems.push(format!("the audit log: {}", chain(&error))),
    }
}

fn summary(record: &Record, percent: f64, lasted: Duration, seed: u64) -> String {
    let mut kinds: BTreeMap<&str, u32> = BTreeMap::new();
    for (name, _) in &record.took {
        *kinds.entry(name).or_default() += 1;
    }
    let longest = record.took.iter().max_by_key(|(_, took)| *took);
    let longest =
        longest.map_or_else(String::new, |(name, took)| format!(", the longest {:.1} s ({name})", took.as_secs_f64()));
    let mut lines = vec![format!(
        "{} troubles of {} kinds in {:.0} s (seed {seed}); the server answered {percent:.2} % of the time{longest}",
        record.took.len(),
        kinds.len(),
        lasted.as_secs_f64(),
    )];
    lines.extend(record.problems.iter().map(|problem| format!("FAILED: {problem}")));
    if record.problems.is_empty() {
        lines.push("everything is well; nothing is left running; journal and audit log are sound".to_owned());
    }
    lines.join("\n")
}

fn as_json(record: &Record, percent: f64, seed: u64) -> serde_json::Value {
    let took: Vec<_> =
        record.took.iter().map(|(name, took)| json!({ "trouble": name, "seconds": took.as_secs_f64() })).collect();
    json!({ "well": record.problems.is_empty(), "problems": record.problems, "availability": percent, "seed": seed, "troubles": took })
}
