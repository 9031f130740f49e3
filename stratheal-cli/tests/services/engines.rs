//! Engines that are killed, and the next ones.

use std::fs;
use std::process::Child;
use std::time::Duration;

use rustix::process::Signal;
use stratheal_core::service::{Commands, EndedHow, Ready, ServiceSpec, ServiceState, Shutdown, What};
use tokio::time::sleep;

use crate::setup::{Look, World, event, eventually, id, is_alive, kill};

/// Prints numbers without end.
pub(crate) const NUMBERS: &str = "i=0; while :; do echo line $i; i=$((i+1)); done | (trap '' TERM; cat)";

/// An engine of its own process, which runs these scripts.
async fn start_engine(world: &World, services: &[(&str, &str)]) -> Child {
    let lines: Vec<String> = services.iter().map(|(name, script)| format!("{name} {script}")).collect();
    fs::write(world.path("specs"), lines.join("\n")).unwrap();
    let engine = world.start_role("engine");
    eventually("the engine is up", || world.path("engine-up").exists()).await;
    engine
}

/// What the engine of its own process runs, for this one.
fn same(world: &World, name: &str, script: &str) -> ServiceSpec {
    let mut spec = world.shell(name, script);
    spec.inherit = vec!["PYENV_ROOT".to_owned()];
    spec
}

fn kill_engine(mut engine: Child) {
    engine.kill().unwrap();
    engine.wait().unwrap();
}

/// Numbered lines without a gap.
pub(crate) fn assert_gap_free(lines: &[String]) {
    let number = |line: &String| line.strip_prefix("line ").and_then(|number| number.parse::<u64>().ok());
    let numbers: Vec<u64> = lines.iter().map(|line| number(line).unwrap_or_else(|| panic!("{line:?}"))).collect();
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "a gap in {} lines", numbers.len());
}

#[tokio::test]
async fn one_that_is_killed_loses_no_process_and_no_line() {
    let world = World::new();
    let script = "i=0; while :; do echo line $i; i=$((i+1)); sleep 0.001; done";
    let first = start_engine(&world, &[("api", script)]).await;
    let keeper = world.keeper();
    sleep(Duration::from_millis(300)).await;
    kill_engine(first);
    let before = world.log("api").len();
    eventually("the log grows without an engine", || world.log("api").len() > before + 50).await;
    let engine = world.engine();
    let mut events = engine.subscribe();
    engine.apply(vec![same(&world, "api", script)]).await.unwrap();
    let found = event(&mut events, |what| matches!(what, What::Found { .. })).await;
    assert!(engine.is_ready("api") && !engine.view("api").unwrap().outdated);
    assert_eq!(found.what, What::Found { pid: Some(engine.pid("api")) });
    assert_eq!(world.keeper(), keeper, "the same keeper");
    engine.stop("api", stratheal_core::service::StoppedBy::Engine).await.unwrap();
    sleep(Duration::from_millis(100)).await;
    let lines = world.log("api");
    assert!(lines.len() > 100 && lines[0] == "line 0", "{}", lines.len());
    assert_gap_free(&lines);
    world.end(engine).await;
}

#[tokio::test]
async fn what_ends_in_its_absence_is_told_once() {
    let world = World::new();
    let script = "while ! test -e end; do sleep 0.01; done; exit 7";
    let first = start_engine(&world, &[("api", script), ("db", "exec sleep 1000")]).await;
    kill_engine(first);
    fs::write(world.path("end"), "").unwrap();
    sleep(Duration::from_millis(200)).await;
    let specs = || vec![same(&world, "api", script), same(&world, "db", "exec sleep 1000")];
    let engine = world.engine();
    let mut events = engine.subscribe();
    engine.apply(specs()).await.unwrap();
    let ended = event(&mut events, |what| matches!(what, What::Ended { .. })).await;
    let What::Ended { ending, expected } = ended.what else { panic!() };
    assert_eq!((ended.service, ending.how, expected), (id("api"), EndedHow::Exited(7), false));
    assert!(matches!(engine.state("api"), ServiceState::Ended { .. }));
    sleep(Duration::from_millis(100)).await;
    engine.shutdown(Shutdown::LeaveRunning).await;
    fs::remove_file(world.path("end")).unwrap();
    let engine = world.engine();
    let mut events = engine.subscribe();
    engine.apply(specs()).await.unwrap();
    eventually("it runs again", || engine.is_ready("api") && engine.is_ready("db")).await;
    while let Ok(event) = events.try_recv() {
        assert!(!matches!(event.what, What::Ended { .. }), "{event:?}");
    }
    world.end(engine).await;
}

#[tokio::test]
async fn one_that_stops_may_leave_everything_running() {
    let world = World::new();
    let engine = world.engine();
    engine.apply(vec![world.shell("api", "exec sleep 1000")]).await.unwrap();
    eventually("ready", || engine.is_ready("api")).await;
    let pid = engine.pid("api");
    engine.shutdown(Shutdown::LeaveRunning).await;
    assert!(is_alive(pid));
    let engine = world.engine();
    let mut events = engine.subscribe();
    engine.apply(vec![world.shell("api", "exec sleep 2000")]).await.unwrap();
    event(&mut events, |what| *what == What::Outdated).await;
    assert_eq!(engine.pid("api"), pid, "a changed description restarts nothing by itself");
    engine.restart("api").await.unwrap();
    assert!(!is_alive(pid) && !engine.view("api").unwrap().outdated);
    world.end(engine).await;
}

#[tokio::test]
async fn the_newest_one_is_served() {
    let world = World::new();
    let old = world.engine();
    let specs = || vec![world.shell("api", "exec sleep 1000")];
    old.apply(specs()).await.unwrap();
    eventually("ready", || old.is_ready("api")).await;
    let new = world.engine();
    new.apply(specs()).await.unwrap();
    eventually("found", || new.is_ready("api")).await;
    let refused = tokio::time::timeout(Duration::from_secs(5), old.restart("api")).await;
    assert!(!matches!(refused, Ok(Ok(()))), "the old one cannot do anything any more: {refused:?}");
    kill(new.pid("api"), Signal::KILL);
    eventually("the new one is told", || matches!(new.state("api"), ServiceState::Ended { .. })).await;
    world.end(new).await;
}

#[tokio::test]
async fn one_that_was_starting_when_its_engine_ended_has_its_time_all_the_same() {
    let world = World::new();
    let mut spec = world.shell("api", "exec sleep 1000");
    spec.ready = Ready::Notify;
    spec.start_timeout = Duration::from_secs(1);
    let engine = world.engine();
    engine.apply(vec![spec.clone()]).await.unwrap();
    engine.start("api").await.unwrap();
    engine.shutdown(Shutdown::LeaveRunning).await;
    let engine = world.engine();
    let mut events = engine.subscribe();
    engine.apply(vec![spec]).await.unwrap();
    event(&mut events, |what| *what == What::StartTimedOut).await;
    assert_eq!(engine.state("api"), ServiceState::Starting { timed_out: true });
    world.end(engine).await;
}

/// A service that is the only one of its name, or says so, and takes a while to stop.
fn alone(world: &World, name: &str) -> ServiceSpec {
    let script = "exec 9>lock; flock -n 9 || { echo twice >>twice; exit 9; }; trap 'sleep 0.6; exit 0' TERM; \
        echo $$ >>starts; while :; do sleep 0.02 9>&-; done";
    world.shell(name, script)
}

#[tokio::test]
async fn one_that_is_described_again_before_it_has_stopped_runs_again() {
    let world = World::new();
    let engine = world.engine();
    let specs = || vec![alone(&world, "api")];
    engine.apply(specs()).await.unwrap();
    eventually("it runs", || world.lines("starts").len() == 1).await;
    assert_eq!(engine.apply(Vec::new()).await.unwrap().removed, 1);
    assert_eq!(engine.apply(Vec::new()).await.unwrap().removed, 0, "it is removed once");
    engine.apply(specs()).await.unwrap();
    eventually("it runs again", || world.lines("starts").len() == 2 && engine.is_ready("api")).await;
    assert!(world.lines("twice").is_empty(), "there were two at once");
    world.end(engine).await;
}

#[tokio::test]
async fn what_the_engine_before_ran_is_not_forgotten_when_it_is_not_described() {
    let world = World::new();
    let first = world.engine();
    first.apply(vec![alone(&world, "api")]).await.unwrap();
    eventually("it runs", || world.lines("starts").len() == 1).await;
    first.shutdown(Shutdown::LeaveRunning).await;
    let engine = world.engine();
    engine.apply(vec![world.shell("db", "exec sleep 1000")]).await.unwrap();
    assert_eq!(engine.state("api"), ServiceState::Stopping, "it is shown until it is gone");
    engine.apply(vec![world.shell("db", "exec sleep 1000"), alone(&world, "api")]).await.unwrap();
    eventually("it runs again", || world.lines("starts").len() == 2 && engine.is_ready("api")).await;
    assert!(world.lines("twice").is_empty(), "there were two at once");
    world.end(engine).await;
}

#[tokio::test]
async fn a_child_that_is_described_as_something_else_is_stopped_before_that_is_started() {
    let world = World::new();
    let first = world.engine();
    first.apply(vec![alone(&world, "api")]).await.unwrap();
    eventually("it runs", || world.lines("starts").len() == 1).await;
    first.shutdown(Shutdown::LeaveRunning).await;
    let engine = world.engine();
    let words = |text: &str| ["sh", "-c", text].map(str::to_owned).to_vec();
    let start = "exec 9>lock; flock -n 9 || echo twice >>twice; : >there";
    let commands = Commands { start: words(start), stop: words("rm there"), status: words("test -e there") };
    let mut spec = ServiceSpec::commands(id("api"), commands);
    spec.folder = Some(world.path(""));
    engine.apply(vec![spec]).await.unwrap();
    assert!(engine.view("api").unwrap().outdated, "the child is still there");
    engine.restart("api").await.unwrap();
    eventually("the commands have started it", || world.path("there").exists() && engine.is_ready("api")).await;
    assert!(world.lines("twice").is_empty(), "there were two at once");
    world.end(engine).await;
}

#[tokio::test]
async fn what_runs_is_compared_with_what_it_was_started_as() {
    let world = World::new();
    let spec = |seconds: u32| vec![world.shell("api", &format!("exec sleep {seconds}"))];
    let first = world.engine();
    first.apply(spec(1000)).await.unwrap();
    eventually("ready", || first.is_ready("api")).await;
    first.shutdown(Shutdown::LeaveRunning).await;
    let engine = world.engine();
    let outdated = || engine.view("api").unwrap().outdated;
    for (seconds, expected) in [(2000, true), (3000, true), (2000, true), (1000, false), (3000, true)] {
        engine.apply(spec(seconds)).await.unwrap();
        eventually("it is adopted", || engine.is_ready("api")).await;
        assert_eq!(outdated(), expected, "{seconds}");
    }
    engine.restart("api").await.unwrap();
    assert!(!outdated());
    world.end(engine).await;
}
