//! Figures that are printed, not judged: how soon an end is known, and what a keeper of many children needs.

use std::fs;
use std::time::Duration;

use rustix::process::Signal;
use stratheal_core::service::What;
use tokio::time::Instant;

use crate::setup::{Look, World, event, eventually, kill};

#[tokio::test]
async fn how_soon_an_end_is_known() {
    let world = World::new();
    let engine = world.engine();
    let mut events = engine.subscribe();
    engine.apply(vec![world.shell("api", "exec sleep 1000")]).await.unwrap();
    let mut took = Vec::new();
    for _ in 0..30 {
        eventually("ready", || engine.is_ready("api")).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        let pid = engine.pid("api");
        let begun = Instant::now();
        kill(pid, Signal::KILL);
        event(&mut events, |what| matches!(what, What::Ended { .. })).await;
        took.push(begun.elapsed());
        engine.restart("api").await.unwrap();
    }
    took.sort();
    println!("from kill -9 to the event: median {:?}, slowest {:?}", took[took.len() / 2], took[took.len() - 1]);
    world.end(engine).await;
}

#[tokio::test]
async fn what_a_keeper_of_many_needs() {
    let world = World::new();
    let engine = world.engine();
    let begun = Instant::now();
    let specs = (0..200).map(|number| world.shell(&format!("s{number}"), "exec sleep 1000")).collect();
    engine.apply(specs).await.unwrap();
    eventually("all are ready", || (0..200).all(|number| engine.is_ready(&format!("s{number}")))).await;
    let started = begun.elapsed();
    let status = fs::read_to_string(format!("/proc/{}/status", world.keeper())).unwrap();
    let value = |name: &str| status.lines().find(|line| line.starts_with(name)).unwrap_or_default().to_owned();
    println!("200 children: started in {started:?}; the keeper has {}, of which {}", value("VmRSS"), value("RssAnon"));
    let begun = Instant::now();
    world.end(engine).await;
    println!("200 children: stopped in {:?}", begun.elapsed());
}
