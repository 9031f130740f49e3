//! Engines that are killed, and the next ones.

use std::fs;
use std::process::Child;
use std::time::Duration;

use rustix::process::Signal;
use stratheal_core::service::{EndedHow, ServiceSpec, ServiceState, Shutdown, What};
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
