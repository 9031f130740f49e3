//! `kill -9` in the midst of a transfer: the store verifies, and the transfer goes on where it was.
//!
//! The one that is killed is this very test program, which is told by its environment to fetch and nothing else.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use stratheal_core::objects::Store;
use stratheal_core::testing::faulty_index::{Content, FaultyIndex, Package, Settings};
use tokio::time::sleep;

use super::limits::CHUNK;
use super::trial::{complete, everything, fetcher, source};

const INDEX: &str = "STRATHEAL_KILLED_INDEX";
const CACHE: &str = "STRATHEAL_KILLED_CACHE";
/// Bytes a second: the transfer takes a few seconds.
const RATE: u64 = 3_000_000;

fn content() -> Content {
    Content::new([Package::new("large", "1.0").payload(5_000_000), Package::new("medium", "1.0").payload(600_000)])
}

/// What the killed process does. Without being told it does nothing, so that it can stand among the tests.
#[tokio::test(flavor = "multi_thread")]
async fn the_process_that_is_killed() {
    let (Ok(url), Ok(cache)) = (std::env::var(INDEX), std::env::var(CACHE)) else { return };
    everything(&fetcher(vec![source(&[url])], Path::new(&cache)), &content()).await.unwrap();
}

fn start(index: &FaultyIndex, cache: &Path) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "kill::the_process_that_is_killed"]).env(INDEX, index.url()).env(CACHE, cache);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Kills it so many times, each time after having let it work for a while, and lets it finish then.
async fn killed(times: u64, seed: u64) {
    let content = content();
    let settings = Settings::new().total_rate(RATE);
    let index = FaultyIndex::start_with(content.clone(), Vec::new(), settings).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut before = 0;
    for time in 0..times {
        let mut process = start(&index, folder.path());
        // From the first byte on: a debug build takes its time to start.
        let started = index.total_sent();
        while index.total_sent() == started && process.try_wait().unwrap().is_none() {
            sleep(Duration::from_millis(5)).await;
        }
        sleep(Duration::from_millis((seed * 137 + time * 71) % 350)).await;
        process.kill().unwrap();
        process.wait().unwrap();
        assert!(index.total_sent() > before, "nothing was sent between two kills");
        before = index.total_sent();
        let report = verified(folder.path()).await;
        assert!(report.is_ok(), "seed {seed}, kill {time}: {report:?}");
    }
    let files = everything(&fetcher(vec![source(&[index.url()])], folder.path()), &content).await.unwrap();
    complete(&files, &content).unwrap();
    let (repeated, sent) = (index.all_repeated_bytes(), index.total_sent());
    // What was on its way to each file when the process died, and what it had not yet written down.
    let allowed = times * 2 * 4 * CHUNK;
    assert!(repeated <= allowed, "seed {seed}: {repeated} of {sent} bytes were sent twice, allowed are {allowed}");
}

/// Reads the whole store.
async fn verified(cache: &Path) -> Result<(), String> {
    let folder = cache.join("objects");
    let verify = move || {
        let report = Store::open(&folder)?.verify(&mut |_| true)?;
        Ok::<_, stratheal_core::objects::StoreError>((report.damaged.is_empty(), format!("{report:?}")))
    };
    let (sound, report) = tokio::task::spawn_blocking(verify).await.unwrap().map_err(|error| error.to_string())?;
    if sound { Ok(()) } else { Err(report) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_transfer_goes_on_where_it_was() {
    killed(4, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "chaos: takes minutes"]
async fn chaos_killed_again_and_again() {
    for seed in 0..30 {
        killed(6, seed).await;
    }
}
