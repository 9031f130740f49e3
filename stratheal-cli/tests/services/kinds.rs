//! Services that look after their own processes, and the first process of a container.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use rustix::process::Signal;
use stratheal_core::base::redact::Secret;
use stratheal_core::service::{Commands, ServiceSpec, ServiceState, Shutdown, StoppedBy};
use tokio::time::timeout;

use crate::setup::{LIMIT, Look, World, eventually, id, kill};

/// Answers as systemctl does, recorded from version 252; `state` in the folder is the unit's.
const SYSTEMCTL: &str = r#"#!/bin/sh
cd "$STRATHEAL_TEST_ROOT" || exit 9
echo "$*" >>calls
for word; do case $word in
start) echo active >state; exit 0;;
stop)
    if test -e denied; then
        echo "Failed to stop web.service: Interactive authentication required." >&2; exit 1
    fi
    echo inactive >state; exit 0;;
show)
    state=$(cat state 2>/dev/null || echo inactive)
    echo "LoadState=loaded"; echo "ActiveState=$state"; echo "SubState=x"; echo "NRestarts=0"
    case $state in
    active) echo "MainPID=812"; echo "Result=success"; echo "ExecMainCode=0"; echo "ExecMainStatus=0";;
    failed) echo "MainPID=0"; echo "Result=exit-code"; echo "ExecMainCode=1"; echo "ExecMainStatus=3";;
    *) echo "MainPID=0"; echo "Result=success";;
    esac; exit 0;;
esac; done
exit 8
"#;

#[tokio::test]
async fn a_unit_is_started_stopped_and_watched() {
    let world = World::new();
    let bin = world.path("bin");
    fs::create_dir(&bin).unwrap();
    let text = SYSTEMCTL.replace("$STRATHEAL_TEST_ROOT", world.path("").to_str().unwrap());
    fs::write(bin.join("systemctl"), text).unwrap();
    fs::set_permissions(bin.join("systemctl"), fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let mut engine = world.role("units").env("PATH", path).spawn().unwrap();
    eventually("it has told", || world.path("told").exists() || engine.try_wait().unwrap().is_some()).await;
    assert!(engine.wait().unwrap().success(), "{:?}", world.lines("calls"));
    let told = world.lines("told");
    assert_eq!(told[0], "ready as Some(812)");
    assert_eq!(told[1], "Some(\"exited with code 3\")");
    assert!(told[2].contains("Interactive authentication required"), "{}", told[2]);
    assert!(told[2].ends_with("; this needs root, or a polkit rule that allows it"), "{}", told[2]);
    assert_eq!(told[3], "Stopped { by: Some(Person) }");
    let calls = world.lines("calls");
    assert!(calls.iter().any(|call| call == "--no-pager --no-ask-password start -- web.service"), "{calls:?}");
    assert!(world.running().is_empty(), "no keeper is needed");
}

#[tokio::test]
async fn commands_start_and_stop_it() {
    let world = World::new();
    let engine = world.engine();
    let words = |text: &str| ["sh", "-c", text].map(str::to_owned).to_vec();
    let commands = Commands { start: words(": >there"), stop: words("rm there"), status: words("test -e there") };
    let mut spec = ServiceSpec::commands(id("web"), commands);
    spec.folder = Some(world.path(""));
    engine.apply(vec![spec.clone()]).await.unwrap();
    eventually("ready", || engine.is_ready("web")).await;
    fs::remove_file(world.path("there")).unwrap();
    eventually("its end is seen", || matches!(engine.state("web"), ServiceState::Ended { .. })).await;
    engine.restart("web").await.unwrap();
    assert!(world.path("there").exists());
    engine.stop("web", StoppedBy::Person).await.unwrap();
    assert!(!world.path("there").exists());
    engine.shutdown(stratheal_core::service::Shutdown::LeaveRunning).await;
    // Somebody else started it meanwhile.
    fs::write(world.path("there"), "").unwrap();
    let engine = world.engine();
    spec.id = id("other");
    engine.apply(vec![spec]).await.unwrap();
    eventually("found", || engine.is_ready("other")).await;
    world.end(engine).await;
}

/// A service of three scripts in the folder of a test.
fn scripts(world: &World, start: &str, stop: &str, status: &str) -> ServiceSpec {
    let words = |text: &str| ["sh", "-c", text].map(str::to_owned).to_vec();
    let commands = Commands { start: words(start), stop: words(stop), status: words(status) };
    let mut spec = ServiceSpec::commands(id("web"), commands);
    spec.folder = Some(world.path(""));
    spec.stop_timeout = Duration::from_millis(500);
    spec
}

#[tokio::test]
async fn a_stop_is_confirmed_whatever_its_command_says() {
    // What the command that stops it does, how its state is asked then, and whether it counts as stopped.
    for (stop, status, stopped) in [
        ("rm there", "test -e there", true),
        ("rm there; exit 1", "test -e there", true),
        ("true", "test -e there", false),
        ("exit 1", "test -e there", false),
        (": >asked", "test -e asked && kill -KILL $$; test -e there", false),
        (": >asked", "test -e asked && exit 4; test -e there", false),
        ("sleep 1000", "test -e there", false),
    ] {
        let world = World::new();
        let engine = world.engine();
        engine.apply(vec![scripts(&world, ": >there", stop, status)]).await.unwrap();
        eventually("ready", || engine.is_ready("web")).await;
        let answer = timeout(LIMIT, engine.stop("web", StoppedBy::Person)).await.expect("a stop has a bound");
        assert_eq!(answer.is_ok(), stopped, "{stop}: {answer:?}");
        let state = engine.state("web");
        assert_eq!(state == ServiceState::Stopped { by: Some(StoppedBy::Person) }, stopped, "{stop}: {state:?}");
        engine.shutdown(Shutdown::LeaveRunning).await;
    }
}

#[tokio::test]
async fn one_that_ends_after_a_person_could_not_stop_it_is_stopped() {
    let world = World::new();
    let engine = world.engine();
    engine.apply(vec![scripts(&world, ": >there", "exit 1", "test -e there")]).await.unwrap();
    eventually("ready", || engine.is_ready("web")).await;
    engine.stop("web", StoppedBy::Person).await.unwrap_err();
    fs::remove_file(world.path("there")).unwrap();
    let stopped = ServiceState::Stopped { by: Some(StoppedBy::Person) };
    eventually("its end is seen", || !engine.is_ready("web")).await;
    eventually("the person's word counts", || engine.state("web") == stopped).await;
    engine.shutdown(Shutdown::LeaveRunning).await;
    // Somebody started it by other means meanwhile.
    fs::write(world.path("there"), "").unwrap();
    let engine = world.engine();
    engine.apply(vec![scripts(&world, ": >there", "rm there", "test -e there")]).await.unwrap();
    eventually("it is stopped again", || engine.state("web") == stopped && !world.path("there").exists()).await;
    world.end(engine).await;
}

#[tokio::test]
async fn one_that_cannot_be_asked_has_not_ended() {
    let world = World::new();
    let engine = world.engine();
    let status = "test -e mute && exit 4; test -e there";
    engine.apply(vec![scripts(&world, ": >there", "rm there", status)]).await.unwrap();
    eventually("ready", || engine.is_ready("web")).await;
    fs::write(world.path("mute"), "").unwrap();
    let doubt = || engine.view("web").unwrap().doubt.is_some();
    eventually("that is shown", doubt).await;
    assert!(engine.is_ready("web"), "it is as it was last known");
    fs::remove_file(world.path("mute")).unwrap();
    eventually("it is known again", || !doubt() && engine.is_ready("web")).await;
    world.end(engine).await;
}

#[tokio::test]
async fn the_end_comes_though_something_cannot_be_stopped() {
    for stop in ["exit 1", "sleep 1000"] {
        let world = World::new();
        let engine = world.engine();
        let mut web = scripts(&world, ": >there", stop, "test -e there");
        web.depends_on = vec![id("db")];
        engine.apply(vec![web, world.shell("db", "exec sleep 1000")]).await.unwrap();
        eventually("ready", || engine.is_ready("web")).await;
        let left = timeout(LIMIT, engine.shutdown(Shutdown::StopServices)).await.expect("the end has a bound");
        assert_eq!(left, [id("web")], "what remains is named");
        eventually("the rest is gone", || world.running().is_empty()).await;
    }
}

#[tokio::test]
async fn what_runs_after_its_start_was_given_up_is_watched() {
    let world = World::new();
    let engine = world.engine();
    let mut spec = scripts(&world, ": >there; exec sleep 1000", "rm there", "test -e there");
    spec.start_timeout = Duration::from_millis(500);
    engine.apply(vec![spec]).await.unwrap();
    eventually("it is known to run", || engine.is_ready("web")).await;
    fs::remove_file(world.path("there")).unwrap();
    eventually("its end is seen", || matches!(engine.state("web"), ServiceState::Ended { .. })).await;
    world.end(engine).await;
}

#[tokio::test]
async fn what_its_commands_say_is_masked() {
    let world = World::new();
    let engine = world.engine();
    let mut spec = scripts(&world, "echo no entry with $API_TOKEN >&2; exit 1", "true", "exit 3");
    spec.variables = vec![("API_TOKEN".to_owned(), Secret::new("hunter2hunter2".to_owned()))];
    engine.apply(vec![spec]).await.unwrap();
    eventually("it has failed", || matches!(engine.state("web"), ServiceState::Failed { .. })).await;
    let ServiceState::Failed { why } = engine.state("web") else { panic!() };
    assert!(why.contains("no entry with ***") && !why.contains("hunter2"), "{why}");
    world.end(engine).await;
}

#[tokio::test]
async fn the_first_process_passes_signals_on_and_reaps() {
    let world = World::new();
    let script = "trap 'echo term >>got; exit 5' TERM; trap 'echo hup >>got' HUP\n\
        (sh -c 'sleep 0.2' &) ; : >up; while :; do sleep 0.05; done";
    fs::write(
        world.path("script"),
        script
            .replace(">>got", &format!(">>{}", world.path("got").display()))
            .replace(">up", &format!(">{}", world.path("up").display())),
    )
    .unwrap();
    let mut first = world.start_role("first");
    eventually("it runs", || world.path("up").exists()).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let zombies = || -> usize {
        let list = fs::read_to_string(format!("/proc/{0}/task/{0}/children", first.id())).unwrap_or_default();
        let stat = |pid: &str| fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        list.split_whitespace().filter(|pid| stat(pid).contains(") Z ")).count()
    };
    assert_eq!(zombies(), 0, "the orphan was reaped");
    kill(first.id(), Signal::HUP);
    eventually("the hang-up is passed on", || world.lines("got") == ["hup"]).await;
    kill(first.id(), Signal::TERM);
    eventually("it has ended", || first.try_wait().unwrap().is_some()).await;
    assert_eq!(world.lines("got"), ["hup", "term"]);
    assert!(world.lines("code")[0].contains('5'), "{:?}", world.lines("code"));
}
