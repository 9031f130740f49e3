//! Services that do not want to go.

use std::time::Duration;

use stratheal_core::service::{ServiceState, StoppedBy, Whom};
use tokio::time::Instant;

use crate::setup::{Look, World, eventually};

/// Stops a service and makes sure that nothing of the test is left but the keeper.
async fn stops(world: &World, spec: stratheal_core::service::ServiceSpec, processes: usize) -> Duration {
    let engine = world.engine();
    engine.apply(vec![spec]).await.unwrap();
    eventually("all of it runs", || world.running().len() > processes && world.path("up").exists()).await;
    let begun = Instant::now();
    tokio::time::timeout(Duration::from_secs(15), engine.stop("api", StoppedBy::Person)).await.unwrap().unwrap();
    let took = begun.elapsed();
    assert_eq!(world.running(), [world.keeper()], "something is left");
    assert_eq!(engine.state("api"), ServiceState::Stopped { by: Some(StoppedBy::Person) });
    engine.shutdown(stratheal_core::service::Shutdown::StopServices).await;
    took
}

#[tokio::test]
async fn one_that_ignores_the_signal_is_killed() {
    let world = World::new();
    let mut spec = world.shell("api", "trap '' TERM; : >up; while :; do sleep 0.1; done");
    spec.stop_timeout = Duration::from_millis(600);
    let took = stops(&world, spec, 1).await;
    assert!(took >= Duration::from_millis(600) && took < Duration::from_secs(3), "{took:?}");
}

#[tokio::test]
async fn one_that_obeys_is_gone_at_once() {
    let world = World::new();
    let took = stops(&world, world.shell("api", ": >up; exec sleep 1000"), 1).await;
    assert!(took < Duration::from_secs(1), "{took:?}");
}

#[tokio::test]
async fn one_that_forks_twice_is_found() {
    let world = World::new();
    let script = "import os, time\n\
        if os.fork() == 0:\n\
        \x20   os.setsid()\n\
        \x20   if os.fork() == 0:\n\
        \x20       open('up', 'w')\n\
        \x20       time.sleep(1000)\n\
        \x20   os._exit(0)\n\
        os.wait()\n\
        time.sleep(1000)\n";
    stops(&world, world.python("api", script), 2).await;
}

#[tokio::test]
async fn one_that_left_its_session_and_its_environment_is_found() {
    let world = World::new();
    // The name of the folder in its arguments is what this test finds it by; the keeper does not look there.
    let script = "setsid env -i python3 -c 'import os, sys, time\nif os.fork(): os._exit(0)\nos.setsid(); time.sleep(1000)' $PWD & sleep 0.5; : >up; exec sleep 1000";
    stops(&world, world.shell("api", script), 2).await;
}

#[tokio::test]
async fn a_grandchild_on_the_port_is_gone() {
    let world = World::new();
    let script = "import os, socket, signal, time\n\
        s = socket.create_server(('127.0.0.1', 0))\n\
        open('port', 'w').write(str(s.getsockname()[1]))\n\
        if os.fork() == 0:\n\
        \x20   os.setsid(); signal.signal(signal.SIGTERM, signal.SIG_IGN)\n\
        \x20   open('up', 'w')\n\
        \x20   time.sleep(1000)\n\
        s.close()\n\
        time.sleep(1000)\n";
    let mut spec = world.python("api", script);
    spec.stop_timeout = Duration::from_millis(400);
    stops(&world, spec, 2).await;
    let port: u16 = world.lines("port")[0].parse().unwrap();
    assert!(std::net::TcpListener::bind(("127.0.0.1", port)).is_ok(), "the port is free");
}

#[tokio::test]
async fn a_changed_title_hides_nothing() {
    let world = World::new();
    let script = "import os, time\n\
        open('/proc/self/comm', 'w').write('x) R 1 (')\n\
        if os.fork() == 0: os.setpgid(0, 0)\n\
        open('up', 'w')\n\
        time.sleep(1000)\n";
    stops(&world, world.python("api", script), 2).await;
}

#[tokio::test]
async fn a_leader_alone_may_get_the_signal() {
    let world = World::new();
    let script = "(trap 'echo told >>told' TERM; while :; do sleep 0.05; done) & trap 'kill -KILL $!; exit 0' TERM; : >up; while :; do sleep 0.05; done";
    let mut spec = world.shell("api", script);
    spec.stop_whom = Whom::Leader;
    stops(&world, spec, 2).await;
    assert!(world.lines("told").is_empty());
}

#[tokio::test]
async fn what_a_crash_leaves_is_cleaned_up() {
    let world = World::new();
    let engine = world.engine();
    let script = "(trap '' TERM; : >up; while :; do sleep 0.05; done) & sleep 0.3; exit 1";
    engine.apply(vec![world.shell("api", script)]).await.unwrap();
    let begun = Instant::now();
    eventually("its end is told before the rest is gone", || matches!(engine.state("api"), ServiceState::Ended { .. }))
        .await;
    assert!(begun.elapsed() < Duration::from_millis(1500), "{:?}", begun.elapsed());
    let restarted = Instant::now();
    engine.restart("api").await.unwrap();
    assert!(restarted.elapsed() < Duration::from_secs(5), "a restart does not wait longer for what a crash left");
    eventually("the rest is gone", || world.running() == [world.keeper()]).await;
    world.end(engine).await;
}
