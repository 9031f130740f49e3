//! Keepers that are killed: what they leave behind is gone before anything is started anew.

use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::Signal;
use stratheal_core::service::{ServiceSpec, ServiceState, Shutdown, StoppedBy, What};
use stratheal_core::testing::skipped;
use tokio::time::sleep;

use crate::setup::{Look, World, event, eventually, is_alive, kill};

/// A service that holds a lock as long as it lives, and notes when it could not get it: then another one was there.
fn exclusive(world: &World, rest: &str) -> ServiceSpec {
    let script = format!(
        "import fcntl, os, signal, sys, time\n\
         lock = open('lock', 'w')\n\
         try:\n    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)\n\
         except OSError:\n    open('twice', 'a').write('twice\\n'); sys.exit(9)\n\
         open('starts', 'a').write(str(os.getpid()) + '\\n')\n\
         {rest}\n\
         while True: time.sleep(1)\n"
    );
    let mut spec = world.python("api", &script);
    spec.stop_timeout = Duration::from_millis(500);
    spec
}

fn starts(world: &World) -> usize {
    world.lines("starts").len()
}

#[tokio::test]
async fn what_is_left_is_gone_before_the_new_start() {
    let world = World::new();
    let engine = world.engine();
    let mut events = engine.subscribe();
    // It ignores SIGTERM, so the time of its stop has to pass.
    engine.apply(vec![exclusive(&world, "signal.signal(signal.SIGTERM, signal.SIG_IGN)")]).await.unwrap();
    eventually("it has begun", || starts(&world) == 1).await;
    let (keeper, old) = (world.keeper(), engine.pid("api"));
    kill(keeper, Signal::KILL);
    let cleared = event(&mut events, |what| matches!(what, What::Cleared { .. })).await;
    assert_eq!(cleared.what, What::Cleared { pids: vec![old] });
    eventually("it has begun anew", || starts(&world) == 2 && engine.is_ready("api")).await;
    assert!(!is_alive(old) && engine.pid("api") != old && world.keeper() != keeper);
    assert!(world.lines("twice").is_empty(), "there were two at once");
    world.end(engine).await;
}

#[tokio::test]
async fn both_may_be_killed() {
    let world = World::new();
    for round in 1..=3 {
        let engine = world.engine();
        let mut events = engine.subscribe();
        engine.apply(vec![exclusive(&world, "")]).await.unwrap();
        eventually("it has begun", || starts(&world) == round).await;
        if round > 1 {
            event(&mut events, |what| matches!(what, What::Cleared { .. })).await;
        }
        let keeper = world.keeper();
        engine.shutdown(Shutdown::LeaveRunning).await;
        kill(keeper, Signal::KILL);
        eventually("it is dead", || !is_alive(keeper)).await;
    }
    assert!(world.lines("twice").is_empty());
    let engine = world.engine();
    engine.apply(vec![exclusive(&world, "")]).await.unwrap();
    eventually("it has begun", || starts(&world) == 4).await;
    world.end(engine).await;
}

#[tokio::test]
async fn a_port_that_is_held_by_what_was_left_is_waited_for_and_nobody_is_accused() {
    let world = World::new();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let listen = format!(
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n\
         import socket\n\
         server = socket.create_server(('127.0.0.1', {port}))"
    );
    let mut spec = exclusive(&world, &listen);
    spec.ports = vec![port];
    let engine = world.engine();
    engine.apply(vec![spec.clone()]).await.unwrap();
    eventually("it listens", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()).await;
    let (keeper, old) = (world.keeper(), engine.pid("api"));
    engine.shutdown(Shutdown::LeaveRunning).await;
    kill(keeper, Signal::KILL);
    eventually("it is dead", || !is_alive(keeper)).await;
    let engine = world.engine();
    let mut events = engine.subscribe();
    engine.apply(vec![spec]).await.unwrap();
    eventually("it has begun anew", || starts(&world) == 2).await;
    while let Ok(event) = events.try_recv() {
        assert!(!matches!(event.what, What::PortTaken { .. }), "{event:?}");
    }
    assert!(!is_alive(old) && world.lines("twice").is_empty());
    world.end(engine).await;
}

#[tokio::test]
async fn rapid_kills_and_restarts_never_start_two() {
    rapid_kills_and_restarts(100).await;
}

#[tokio::test]
#[ignore = "chaos: takes minutes"]
async fn chaos_a_thousand_rapid_kills_and_restarts_never_start_two() {
    rapid_kills_and_restarts(1000).await;
}

async fn rapid_kills_and_restarts(rounds: usize) {
    let world = World::new();
    let engine = world.engine();
    let script = "exec 9>lock; flock -n 9 || { echo twice >>twice; exit 9; }; echo $$ >>starts; exec sleep 1000";
    engine.apply(vec![world.shell("api", script)]).await.unwrap();
    for round in 1..=rounds {
        eventually("it has begun", || starts(&world) == round && engine.is_ready("api")).await;
        kill(engine.pid("api"), Signal::KILL);
        if round % 3 == 0 {
            eventually("its end is seen", || matches!(engine.state("api"), ServiceState::Ended { .. })).await;
        }
        // With and without waiting for the news of the end, and several at once.
        let (one, two) = tokio::join!(engine.restart("api"), engine.start("api"));
        assert!(one.is_ok() || two.is_ok(), "{one:?} {two:?}");
        if starts(&world) == round {
            eventually("it has begun again", || {
                starts(&world) > round || matches!(engine.state("api"), ServiceState::Ended { .. })
            })
            .await;
            if starts(&world) == round {
                engine.restart("api").await.unwrap();
            }
        }
    }
    eventually("the last has begun", || starts(&world) == rounds + 1).await;
    assert!(world.lines("twice").is_empty(), "there were two at once");
    let mut pids = world.lines("starts");
    pids.sort();
    pids.dedup();
    assert_eq!(pids.len(), rounds + 1);
    world.end(engine).await;
}

/// A keeper that no engine has started.
fn keeper(world: &World) -> std::process::Child {
    let folder = world.services_folder();
    let mut command = std::process::Command::new(crate::setup::program().program);
    command.args(["keeper".as_ref(), "--folder".as_ref(), folder.as_os_str()]);
    command.args(["--socket".as_ref(), folder.join("keeper.sock").as_os_str()]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Leaves a service without its keeper. It ignores SIGTERM, so the time of its stop has to pass.
async fn left_behind(world: &World) -> ServiceSpec {
    let mut spec = exclusive(world, "signal.signal(signal.SIGTERM, signal.SIG_IGN)");
    spec.stop_timeout = Duration::from_secs(1);
    let engine = world.engine();
    engine.apply(vec![spec.clone()]).await.unwrap();
    eventually("it has begun", || starts(world) == 1).await;
    engine.shutdown(Shutdown::LeaveRunning).await;
    let keeper = world.keeper();
    kill(keeper, Signal::KILL);
    eventually("it is dead", || !is_alive(keeper)).await;
    spec
}

#[tokio::test]
async fn one_that_is_told_to_end_while_it_clears_up_clears_up_first() {
    let world = World::new();
    left_behind(&world).await;
    let mut keeper = keeper(&world);
    eventually("it is there", || is_heard(&world, &keeper)).await;
    kill(keeper.id(), Signal::TERM);
    eventually("it has ended", || keeper.try_wait().unwrap().is_some()).await;
    assert!(world.running().is_empty(), "something is left");
}

#[tokio::test]
async fn one_that_is_killed_while_it_clears_up_leaves_that_to_the_next() {
    let world = World::new();
    let spec = left_behind(&world).await;
    for _ in 0..2 {
        let mut keeper = keeper(&world);
        eventually("it is there", || is_heard(&world, &keeper)).await;
        keeper.kill().unwrap();
        keeper.wait().unwrap();
    }
    let engine = world.engine();
    engine.apply(vec![spec]).await.unwrap();
    eventually("it has begun anew", || starts(&world) == 2 && engine.is_ready("api")).await;
    assert!(world.lines("twice").is_empty(), "there were two at once");
    world.end(engine).await;
}

/// Whether this keeper answers at its socket.
fn is_heard(world: &World, keeper: &std::process::Child) -> bool {
    let folder = world.services_folder();
    let holder = std::fs::read_to_string(folder.join("keeper.lock")).unwrap();
    holder.trim() == keeper.id().to_string()
        && std::os::unix::net::UnixStream::connect(folder.join("keeper.sock")).is_ok()
}

#[tokio::test]
async fn one_that_cannot_look_at_processes_takes_nothing_for_gone() {
    let world = World::new();
    let engine = world.engine();
    let script = "(trap '' TERM; : >up; exec sleep 1000) & setsid sleep 1000 & wait";
    let mut spec = world.shell("api", script);
    spec.stop_timeout = Duration::from_millis(300);
    engine.apply(vec![spec]).await.unwrap();
    eventually("all of it runs", || world.path("up").exists() && world.running().len() == 4).await;
    let limit = |files: &str| {
        let keeper = world.keeper().to_string();
        std::process::Command::new("prlimit").args(["--pid", &keeper, &format!("--nofile={files}:")]).status()
    };
    if !limit("3").is_ok_and(|status| status.success()) {
        return skipped("a keeper without files to open", "there is no prlimit");
    }
    let stop = tokio::spawn({
        let engine = engine.clone();
        async move { engine.stop("api", StoppedBy::Engine).await }
    });
    sleep(Duration::from_secs(1)).await;
    assert_eq!(engine.state("api"), ServiceState::Stopping, "not known is not gone");
    assert!(limit("1000").unwrap().success());
    stop.await.unwrap().unwrap();
    assert_eq!(world.running(), [world.keeper()], "something is left");
    world.end(engine).await;
}

#[tokio::test]
async fn one_in_a_copy_of_the_folder_leaves_the_services_of_the_first_alone() {
    let (world, copy) = (World::new(), World::new());
    let engine = world.engine();
    engine.apply(vec![world.shell("api", "exec sleep 1000")]).await.unwrap();
    eventually("ready", || engine.is_ready("api")).await;
    let pid = engine.pid("api");
    let copied = std::process::Command::new("cp").arg("-a").arg(world.services_folder()).arg(copy.path("")).status();
    assert!(copied.unwrap().success());
    let other = copy.engine();
    other.apply(vec![copy.shell("api", "exec sleep 1000")]).await.unwrap();
    eventually("the copy has its own", || other.is_ready("api")).await;
    assert!(is_alive(pid) && engine.is_ready("api"));
    copy.end(other).await;
    world.end(engine).await;
}

#[tokio::test]
async fn what_one_says_about_itself_is_bounded() {
    let world = World::new();
    let engine = world.engine();
    engine.apply(vec![world.shell("api", "exec sleep 1000")]).await.unwrap();
    eventually("ready", || engine.is_ready("api")).await;
    let log = world.services_folder().join("keeper.log");
    let mut file = std::fs::OpenOptions::new().append(true).open(&log).unwrap();
    file.write_all(&vec![b'x'; 2 << 20]).unwrap();
    engine.restart("api").await.unwrap();
    eventually("it is cut", || std::fs::metadata(&log).unwrap().len() < 1 << 20).await;
    world.end(engine).await;
}

#[tokio::test]
async fn the_socket_of_a_dead_one_is_taken_over() {
    let world = World::new();
    let engine = world.engine();
    let folder = world.services_folder();
    drop(std::os::unix::net::UnixListener::bind(folder.join("keeper.sock")).unwrap());
    engine.apply(vec![world.shell("api", "exec sleep 1000")]).await.unwrap();
    eventually("ready", || engine.is_ready("api")).await;
    world.end(engine).await;
}

#[tokio::test]
async fn a_keeper_that_is_told_to_end_stops_everything() {
    let world = World::new();
    let engine = world.engine();
    engine.apply(vec![world.shell("api", "trap 'echo bye; exit 0' TERM; while :; do sleep 0.02; done")]).await.unwrap();
    eventually("ready", || engine.is_ready("api")).await;
    sleep(Duration::from_millis(100)).await;
    let keeper = world.keeper();
    engine.shutdown(Shutdown::LeaveRunning).await;
    kill(keeper, Signal::TERM);
    eventually("all is gone", || !is_alive(keeper) && world.running().is_empty()).await;
    assert_eq!(world.log("api").last().map(String::as_str), Some("bye"));
}
