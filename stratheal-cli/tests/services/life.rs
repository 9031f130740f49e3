//! How a service lives: started, ready, ended, stopped.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rustix::process::Signal;
use stratheal_core::base::redact::Secret;
use stratheal_core::contract::{Remedy, RemedyError};
use stratheal_core::model::plan::Step;
use stratheal_core::model::{CheckId, RemedyId};
use stratheal_core::remedies::RestartService;
use stratheal_core::service::{
    EndedHow, ReadinessProbe, Ready, ServiceError, ServiceState, Services, Shutdown, StoppedBy, What,
};
use stratheal_core::testing::remedy_context;

use crate::setup::{Look, World, event, eventually, is_alive, kill, program};

#[tokio::test]
async fn it_runs_until_it_is_stopped() {
    let world = World::new();
    let engine = world.engine();
    let applied = engine.apply(vec![world.shell("api", "echo hello; exec sleep 1000")]).await.unwrap();
    assert_eq!(applied.added, 1);
    eventually("ready", || engine.is_ready("api")).await;
    let pid = engine.pid("api");
    eventually("it has spoken", || world.log("api") == ["hello"]).await;
    engine.stop("api", StoppedBy::Engine).await.unwrap();
    assert_eq!(engine.state("api"), ServiceState::Stopped { by: Some(StoppedBy::Engine) });
    assert!(!is_alive(pid), "stopped means gone");
    engine.start("api").await.unwrap();
    let next = engine.pid("api");
    engine.restart("api").await.unwrap();
    assert!(engine.pid("api") != next && !is_alive(next));
    assert_eq!(engine.view("api").unwrap().restarts, 2);
    let unknown = engine.start("apy").await.unwrap_err();
    assert_eq!(unknown.to_string(), "there is no service `apy`; did you mean `api`?");
    world.end(engine).await;
}

#[tokio::test]
async fn it_says_itself_when_it_is_ready() {
    let world = World::new();
    let engine = world.engine();
    let script = "import os, socket, time\n\
        s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n\
        time.sleep(0.3)\n\
        s.sendto(b'READY=1\\nSTATUS=serving', os.environ['NOTIFY_SOCKET'])\n\
        time.sleep(1000)\n";
    let mut spec = world.python("api", script);
    spec.ready = Ready::Notify;
    engine.apply(vec![spec]).await.unwrap();
    engine.start("api").await.unwrap();
    assert_eq!(engine.state("api"), ServiceState::Starting { timed_out: false }, "it runs, but has not said so");
    eventually("ready", || engine.is_ready("api")).await;
    eventually("its words are shown", || engine.view("api").unwrap().text.as_deref() == Some("serving")).await;
    world.end(engine).await;
}

#[tokio::test]
async fn what_it_says_of_itself_is_masked() {
    let world = World::new();
    let engine = world.engine();
    let script = "import os, socket, time\n\
        s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n\
        text = 'READY=1\\nSTATUS=' + 'x' * 250 + os.environ['API_TOKEN']\n\
        s.sendto(text.encode(), os.environ['NOTIFY_SOCKET'])\n\
        time.sleep(1000)\n";
    let mut spec = world.python("api", script);
    spec.ready = Ready::Notify;
    spec.variables.push(("API_TOKEN".to_owned(), Secret::new("hunter2hunter2".to_owned())));
    engine.apply(vec![spec]).await.unwrap();
    eventually("its words are shown", || engine.view("api").unwrap().text.is_some()).await;
    let text = engine.view("api").unwrap().text.clone().unwrap();
    assert!(text.starts_with("xxx") && text.contains("***") && !text.contains("hunt"), "{text}");
    world.end(engine).await;
}

/// Ready when a file is there.
#[derive(Debug)]
struct FileThere(std::path::PathBuf);

#[async_trait]
impl ReadinessProbe for FileThere {
    async fn is_ready(&self, check: &CheckId) -> bool {
        assert_eq!(check.as_str(), "api-answers");
        self.0.exists()
    }
}

#[tokio::test]
async fn a_check_says_when_it_is_ready() {
    let world = World::new();
    let services = Services::new(&world.services_folder(), program());
    let engine = services.probe(Arc::new(FileThere(world.path("there")))).start().unwrap();
    let mut events = engine.subscribe();
    let mut spec = world.shell("api", "sleep 0.6; touch there; exec sleep 1000");
    spec.ready = Ready::Check(CheckId::new("api-answers").unwrap());
    spec.start_timeout = Duration::from_millis(300);
    engine.apply(vec![spec]).await.unwrap();
    event(&mut events, |what| *what == What::StartTimedOut).await;
    assert_eq!(engine.state("api"), ServiceState::Starting { timed_out: true });
    event(&mut events, |what| *what == What::Ready).await;
    assert!(world.path("there").exists() && engine.is_ready("api"));
    world.end(engine).await;
}

#[tokio::test]
async fn its_end_is_told_with_the_reason() {
    let world = World::new();
    let engine = world.engine();
    let mut events = engine.subscribe();
    engine
        .apply(vec![world.shell("exits", "sleep 0.2; exit 3"), world.shell("killed", "exec sleep 1000")])
        .await
        .unwrap();
    let ended = event(&mut events, |what| matches!(what, What::Ended { .. })).await;
    let What::Ended { ending, expected } = ended.what else { panic!() };
    assert_eq!((ended.service.as_str(), ending.how, expected), ("exits", EndedHow::Exited(3), false));
    assert!(matches!(engine.state("exits"), ServiceState::Ended { .. }), "nobody restarts it by himself");
    kill(engine.pid("killed"), Signal::KILL);
    let ended = event(&mut events, |what| matches!(what, What::Ended { .. })).await;
    let What::Ended { ending, .. } = ended.what else { panic!() };
    assert_eq!((ended.service.as_str(), ending.how), ("killed", EndedHow::Signalled(9)));
    assert!(!ending.out_of_memory && !ending.core_dumped);
    engine.restart("killed").await.unwrap();
    assert!(is_alive(engine.pid("killed")));
    world.end(engine).await;
}

#[tokio::test]
async fn others_are_ready_first_and_stopped_last() {
    let world = World::new();
    let engine = world.engine();
    let note = |name: &str| {
        format!(
            "echo start {name} >>order; trap 'echo stop {name} >>order; exit 0' TERM; sleep 0.1; : >{name}.up; while :; do sleep 0.02; done"
        )
    };
    let mut specs: Vec<_> = ["web", "api", "db"].map(|name| world.shell(name, &note(name))).into();
    specs[0].depends_on = vec![crate::setup::id("api")];
    specs[1].depends_on = vec![crate::setup::id("db")];
    specs[2].ready = Ready::Check(CheckId::new("never-asked").unwrap());
    engine.apply(specs).await.unwrap();
    eventually("db runs", || world.path("db.up").exists()).await;
    assert!(matches!(engine.state("web"), ServiceState::Waiting { .. }));
    assert_eq!(world.lines("order"), ["start db"]);
    engine.mark_ready("db").await.unwrap();
    eventually("all run", || ["web", "api", "db"].iter().all(|name| world.path(&format!("{name}.up")).exists())).await;
    let path = world.path("order");
    world.end(engine).await;
    assert!(!path.exists());
}

#[tokio::test]
async fn the_order_of_stops_is_reversed() {
    let world = World::new();
    let engine = world.engine();
    let note = |name: &str| {
        format!("trap 'sleep 0.1; echo {name} >>order; exit 0' TERM; : >{name}.up; while :; do sleep 0.02; done")
    };
    let mut specs: Vec<_> = ["web", "api", "db"].map(|name| world.shell(name, &note(name))).into();
    specs[0].depends_on = vec![crate::setup::id("api"), crate::setup::id("db")];
    specs[1].depends_on = vec![crate::setup::id("db")];
    engine.apply(specs).await.unwrap();
    eventually("all run", || ["web", "api", "db"].iter().all(|name| world.path(&format!("{name}.up")).exists())).await;
    engine.shutdown(stratheal_core::service::Shutdown::StopServices).await;
    assert_eq!(world.lines("order"), ["web", "api", "db"]);
    eventually("nothing is left running", || world.running().is_empty()).await;
}

#[tokio::test]
async fn a_person_who_stops_a_service_is_remembered() {
    let world = World::new();
    let engine = world.engine();
    let specs = || vec![world.shell("api", "exec sleep 1000"), world.shell("db", "exec sleep 1000")];
    engine.apply(specs()).await.unwrap();
    eventually("ready", || engine.is_ready("api") && engine.is_ready("db")).await;
    engine.stop("api", StoppedBy::Person).await.unwrap();
    engine.shutdown(stratheal_core::service::Shutdown::StopServices).await;
    assert!(matches!(engine.start("api").await, Err(ServiceError::Stopped)));
    let engine = world.engine();
    engine.apply(specs()).await.unwrap();
    eventually("the other runs", || engine.is_ready("db")).await;
    assert_eq!(engine.state("api"), ServiceState::Stopped { by: Some(StoppedBy::Person) });
    engine.start("api").await.unwrap();
    engine.apply(Vec::new()).await.unwrap();
    eventually("what is not described is gone", || engine.status().is_empty()).await;
    engine.apply(specs()).await.unwrap();
    eventually("the start was remembered, too", || engine.is_ready("api")).await;
    world.end(engine).await;
}

#[tokio::test]
async fn whoever_heals_does_not_overrule_a_person() {
    let world = World::new();
    let specs = || vec![world.shell("api", "trap 'sleep 0.4; exit 0' TERM; : >up; while :; do sleep 0.02; done")];
    let refused = |answer| matches!(answer, Err(ServiceError::StoppedByPerson { .. }));
    let stopped = ServiceState::Stopped { by: Some(StoppedBy::Person) };
    let engine = world.engine();
    engine.apply(specs()).await.unwrap();
    eventually("it runs", || world.path("up").exists() && engine.is_ready("api")).await;
    let stop = tokio::spawn({
        let engine = engine.clone();
        async move { engine.stop("api", StoppedBy::Person).await }
    });
    eventually("it is being stopped", || engine.state("api") == ServiceState::Stopping).await;
    assert!(refused(engine.restart_unless_stopped("api").await), "while it is being stopped");
    // A remedy that was planned before.
    let remedy =
        RestartService::always(RemedyId::new("restart-service").unwrap(), engine.clone(), crate::setup::id("api"));
    let answer = remedy.step(&remedy_context(crate::setup::LIMIT), &Step::new("restart", "restart api")).await;
    let Err(RemedyError::NotApplicable { why }) = answer else { panic!("{answer:?}") };
    assert_eq!(why, "a person stopped the service `api`, and it stays so");
    stop.await.unwrap().unwrap();
    assert!(refused(engine.restart_unless_stopped("api").await), "when it is stopped");
    kill(world.keeper(), Signal::KILL);
    assert!(refused(engine.restart_unless_stopped("api").await), "under another keeper");
    assert_eq!(engine.state("api"), stopped);
    engine.shutdown(Shutdown::LeaveRunning).await;
    let engine = world.engine();
    engine.apply(specs()).await.unwrap();
    assert!(refused(engine.restart_unless_stopped("api").await), "by another engine");
    assert_eq!(engine.state("api"), stopped);
    engine.start("api").await.unwrap();
    engine.restart_unless_stopped("api").await.unwrap();
    world.end(engine).await;
}
