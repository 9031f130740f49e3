//! What services print.

use std::fs;
use std::time::Duration;

use rustix::process::Signal;
use stratheal_core::base::redact::Secret;
use stratheal_core::service::logs::{Follow, Origin, path_of, tail};
use stratheal_core::service::{ServiceState, StoppedBy};
use tokio::time::{Instant, sleep, timeout};

use crate::engines::{NUMBERS, assert_gap_free};
use crate::setup::{LIMIT, Look, SmallDisk, World, contains, eventually, id, kill};

#[tokio::test]
async fn both_outputs_are_kept_with_their_notes() {
    let world = World::new();
    let engine = world.engine();
    engine
        .apply(vec![world.shell("api", "echo out; sleep 0.1; echo err >&2; sleep 0.1; printf 'last words'; exit 4")])
        .await
        .unwrap();
    eventually("it has ended", || matches!(engine.state("api"), ServiceState::Ended { .. })).await;
    eventually("all is written", || tail(&world.services_folder(), &id("api"), 10).unwrap().len() == 5).await;
    let lines = tail(&world.services_folder(), &id("api"), 10).unwrap();
    let mut shown: Vec<_> = lines.iter().map(|line| (line.origin, line.text.as_str())).collect();
    assert!(shown[0].1.starts_with("started as process "));
    shown.remove(0);
    // The last words and the note of the end come by different ways.
    shown.sort_by_key(|(origin, _)| *origin == Origin::Log);
    assert_eq!(
        shown,
        [(Origin::Out, "out"), (Origin::Err, "err"), (Origin::Out, "last words"), (Origin::Log, "exited with code 4")]
    );
    world.end(engine).await;
}

#[tokio::test]
async fn secrets_are_not_written() {
    let world = World::new();
    let engine = world.engine();
    let mut spec = world.shell("api", "echo token $API_TOKEN; echo url $DATABASE_URL; echo card 1234; exec sleep 1000");
    spec.variables.push(("API_TOKEN".to_owned(), Secret::new("hunter2-hunter2".to_owned())));
    spec.variables.push(("DATABASE_URL".to_owned(), Secret::new("postgres://me:s3cretpw@db/x".to_owned())));
    spec.log.patterns = vec!["card [0-9]+".to_owned()];
    engine.apply(vec![spec]).await.unwrap();
    eventually("all is written", || world.log("api").len() == 3).await;
    assert_eq!(world.log("api"), ["token ***", "url postgres://***@db/x", "***"]);
    for entry in fs::read_dir(world.services_folder())
        .unwrap()
        .chain(fs::read_dir(world.services_folder().join("logs")).unwrap())
    {
        for secret in ["hunter2-hunter2", "s3cretpw"] {
            let path = entry.as_ref().unwrap().path();
            assert!(!contains(&path, secret), "{} holds a secret", path.display());
        }
    }
    world.end(engine).await;
}

#[tokio::test]
async fn a_flood_is_bounded_and_starves_nobody() {
    let world = World::new();
    let engine = world.engine();
    let flood = "head -c 200000000 /dev/zero | tr '\\0' x | fold -w 1000; : >done; exec sleep 1000";
    let mut spec = world.shell("flood", flood);
    spec.log.max_size = 1 << 20;
    spec.log.keep = 2;
    engine
        .apply(vec![spec, world.shell("other", "i=0; while :; do echo line $i; i=$((i+1)); sleep 0.01; done")])
        .await
        .unwrap();
    eventually("ready", || engine.is_ready("flood") && engine.is_ready("other")).await;
    let mut slowest = Duration::ZERO;
    let begun = Instant::now();
    while !world.path("done").exists() {
        assert!(begun.elapsed() < Duration::from_mins(1), "the flood does not end");
        let asked = Instant::now();
        engine.restart("other").await.unwrap();
        slowest = slowest.max(asked.elapsed());
        sleep(Duration::from_millis(50)).await;
    }
    println!(
        "a flood of 200 MB took {:?}; the slowest restart of another service meanwhile {slowest:?}",
        begun.elapsed()
    );
    assert!(slowest < Duration::from_secs(3), "{slowest:?}");
    let files = fs::read_dir(world.services_folder().join("logs")).unwrap().map(|entry| entry.unwrap());
    let size: u64 = files
        .filter(|file| file.file_name().to_string_lossy().starts_with("flood"))
        .map(|file| file.metadata().unwrap().len())
        .sum();
    assert!(size <= 3 << 20 && size > 1 << 20, "{size}");
    let resident = fs::read_to_string(format!("/proc/{}/status", world.keeper())).unwrap();
    let resident = resident.lines().find(|line| line.starts_with("VmRSS")).unwrap().to_owned();
    println!("the keeper afterwards: {resident}");
    world.end(engine).await;
}

#[tokio::test]
async fn as_fast_as_it_prints_nothing_is_lost() {
    let world = World::new();
    let engine = world.engine();
    let mut spec = world.shell("api", NUMBERS);
    spec.log.max_size = 100 << 20;
    engine.apply(vec![spec]).await.unwrap();
    let (_, mut follow) = Follow::new(&world.services_folder(), &id("api"), 0).unwrap();
    let mut followed = Vec::new();
    while followed.len() < 20_000 {
        let lines = timeout(LIMIT, follow.next()).await.unwrap().unwrap();
        followed.extend(lines.into_iter().filter(|line| line.origin == Origin::Out).map(|line| line.text));
    }
    assert_gap_free(&followed);
    kill(engine.pid("api"), Signal::KILL);
    eventually("its end is told", || matches!(engine.state("api"), ServiceState::Ended { .. })).await;
    assert_gap_free(&world.log("api"));
    world.end(engine).await;
}

#[tokio::test]
async fn a_full_disk_neither_blocks_nor_kills() {
    let world = World::new();
    let folder = world.services_folder();
    fs::create_dir_all(folder.join("logs")).unwrap();
    fs::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let Some(_disk) = SmallDisk::mount(folder.join("logs")) else { return };
    let engine = world.engine();
    let script =
        "i=0; while :; do echo line $i; i=$((i+1)); if [ $((i % 1000)) = 0 ]; then echo $i >progress; fi; done";
    let spec = world.shell("api", script);
    engine.apply(vec![spec]).await.unwrap();
    let progress = || world.lines("progress").first().and_then(|line| line.parse::<u64>().ok()).unwrap_or(0);
    eventually("it goes on though the disk is full", || progress() > 100_000).await;
    assert!(engine.is_ready("api"));
    let free = path_of(&folder, &id("api"));
    // Somebody makes room.
    fs::write(&free, "").unwrap();
    eventually("the log goes on and says what is missing", || contains(&free, "lines were dropped")).await;
    engine.stop("api", StoppedBy::Engine).await.unwrap();
    world.end(engine).await;
}
