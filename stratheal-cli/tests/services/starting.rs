//! What a service finds when it starts, and why one is not started.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;

use rustix::process::Signal;
use stratheal_core::base::redact::Secret;
use stratheal_core::service::{ServiceState, StoppedBy, What};
use stratheal_core::testing::skipped;

use crate::setup::{Look, SmallDisk, World, event, eventually, is_alive, kill};

#[tokio::test]
async fn a_program_that_is_missing_is_named() {
    let world = World::new();
    let engine = world.engine();
    let mut events = engine.subscribe();
    let mut spec = world.spec("api", &["no-such-uvicorn", "app:app"]);
    spec.environment = Some(world.path("venv"));
    fs::write(world.path("plain"), "not a program").unwrap();
    let folder = {
        let mut spec = world.spec("lost", &["true"]);
        spec.folder = Some(world.path("nowhere"));
        spec
    };
    let specs = vec![spec, world.spec("plain", &["./plain"]), world.spec("absent", &["/no/such/file"]), folder];
    engine.apply(specs).await.unwrap();
    let ended = event(&mut events, |what| matches!(what, What::Ended { .. })).await;
    drop(ended);
    let why = |name: &str| match engine.state(name) {
        ServiceState::Failed { why } => why,
        other => format!("{other:?}"),
    };
    eventually("all have failed", || {
        ["api", "plain", "absent", "lost"].iter().all(|name| matches!(engine.state(name), ServiceState::Failed { .. }))
    })
    .await;
    let bin = world.path("venv/bin");
    assert_eq!(why("api"), format!("there is no program \"no-such-uvicorn\" in {} or PATH", bin.display()));
    assert!(why("plain").contains("plain\" cannot be executed: Permission denied"), "{}", why("plain"));
    assert_eq!(why("absent"), "there is no program \"/no/such/file\"");
    assert!(why("lost").contains("the folder") && why("lost").contains("cannot be used"), "{}", why("lost"));
    let error = engine.start("api").await.unwrap_err();
    assert!(error.to_string().contains("no-such-uvicorn"), "{error}");
    world.end(engine).await;
}

#[tokio::test]
async fn its_environment_comes_first_and_is_clean() {
    let world = World::new();
    let engine = world.engine();
    let bin = world.path("venv/bin");
    fs::create_dir_all(&bin).unwrap();
    fs::write(bin.join("tool"), "#!/bin/sh\nenv >tool.env; umask >umask; ulimit -n >files\nexec sleep 1000\n").unwrap();
    fs::set_permissions(bin.join("tool"), fs::Permissions::from_mode(0o755)).unwrap();
    let mut spec = world.spec("api", &["tool"]);
    spec.environment = Some(world.path("venv"));
    spec.variables.push(("APP_MODE".to_owned(), Secret::new("test".to_owned())));
    spec.limits.open_files = Some(123);
    spec.limits.umask = Some(0o027);
    engine.apply(vec![spec]).await.unwrap();
    eventually("it has told", || world.path("files").exists() && !world.lines("files").is_empty()).await;
    let environment = world.lines("tool.env");
    let value = |name: &str| environment.iter().find_map(|line| line.strip_prefix(&format!("{name}=")));
    assert_eq!(value("VIRTUAL_ENV"), world.path("venv").to_str());
    assert!(value("PATH").unwrap().starts_with(&format!("{}:", bin.display())));
    assert_eq!((value("APP_MODE"), value("NOTIFY_SOCKET"), value("CARGO")), (Some("test"), None, None));
    assert_eq!((world.lines("umask"), world.lines("files")), (vec!["0027".to_owned()], vec!["123".to_owned()]));
    world.end(engine).await;
}

#[tokio::test]
async fn signals_that_were_ignored_are_not() {
    let world = World::new();
    let engine = world.engine();
    engine
        .apply(vec![world.shell("api", "grep -E 'Sig(Ign|Blk)' /proc/self/status >signals; exec sleep 1000")])
        .await
        .unwrap();
    eventually("it has told", || world.lines("signals").len() == 2).await;
    for line in world.lines("signals") {
        let signals = u64::from_str_radix(line.split_whitespace().last().unwrap(), 16).unwrap();
        // Those above 31 belong to the C library.
        assert_eq!(signals & 0x7fff_ffff, 0, "{line}");
    }
    world.end(engine).await;
}

#[tokio::test]
async fn another_user_needs_root() {
    let world = World::new();
    let engine = world.engine();
    let mut spec = world.shell("api", "id -un; exec sleep 1000");
    spec.folder = None;
    let wanted = if rustix::process::geteuid().is_root() { "nobody" } else { "root" };
    spec.user = Some(wanted.to_owned());
    let mut unknown = world.shell("unknown", "true");
    unknown.user = Some("no-such-user".to_owned());
    engine.apply(vec![spec, unknown]).await.unwrap();
    eventually("it has failed", || matches!(engine.state("unknown"), ServiceState::Failed { .. })).await;
    assert_eq!(engine.state("unknown"), ServiceState::Failed { why: "there is no user \"no-such-user\"".to_owned() });
    if rustix::process::geteuid().is_root() {
        eventually("it says who it is", || world.log("api") == ["nobody"]).await;
    } else {
        skipped("services of other users", "only root can become somebody else");
        let why = "to run as the user \"root\" needs root".to_owned();
        eventually("it has failed", || engine.state("api") == ServiceState::Failed { why: why.clone() }).await;
    }
    world.end(engine).await;
}

#[tokio::test]
async fn a_port_that_is_held_is_reported_with_its_holder() {
    let world = World::new();
    let engine = world.engine();
    let mut events = engine.subscribe();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut spec = world.shell("api", "echo started; exec sleep 1000");
    spec.ports = vec![port];
    engine.apply(vec![spec]).await.unwrap();
    let taken = event(&mut events, |what| matches!(what, What::PortTaken { .. })).await;
    let What::PortTaken { port: told, holder } = taken.what else { panic!() };
    assert_eq!(told, port);
    assert!(holder.contains(&format!("(process {}, user ", std::process::id())), "{holder}");
    assert_eq!(engine.state("api"), ServiceState::Failed { why: format!("port {port} is held by {holder}") });
    assert!(world.log("api").is_empty(), "it was not begun");
    drop(listener);
    engine.start("api").await.unwrap();
    world.end(engine).await;
}

#[tokio::test]
async fn what_cannot_be_written_down_is_not_started_and_what_runs_can_be_stopped() {
    let world = World::new();
    let Some(disk) = SmallDisk::mount(world.services_folder()) else { return };
    let engine = world.engine();
    let specs = || vec![world.shell("api", "exec sleep 1000"), world.shell("db", ": >begun; exec sleep 1000")];
    engine.apply(specs()[..1].to_vec()).await.unwrap();
    eventually("ready", || engine.is_ready("api")).await;
    disk.fill();
    // What was reserved is used up as well.
    let children = fs::OpenOptions::new().append(true).open(world.services_folder().join("children"));
    let mut children = children.unwrap();
    while children.write_all(b"\n").is_ok() {}
    engine.apply(specs()).await.unwrap();
    eventually("it is refused", || matches!(engine.state("db"), ServiceState::Failed { .. })).await;
    let ServiceState::Failed { why } = engine.state("db") else { panic!() };
    assert!(why.contains("cannot be written down") && why.contains("No space left"), "{why}");
    assert!(!world.path("begun").exists(), "it was not begun");
    let pid = engine.pid("api");
    engine.stop("api", StoppedBy::Engine).await.unwrap();
    assert!(!is_alive(pid));
    // Another keeper starts on a full disk, too.
    let keeper = world.keeper();
    kill(keeper, Signal::KILL);
    let why = engine.start("db").await.unwrap_err().to_string();
    assert!(why.contains("cannot be written down"), "{why}");
    fs::remove_file(world.services_folder().join("filled")).unwrap();
    engine.start("db").await.unwrap();
    world.end(engine).await;
}
