//! Files that are worth several connections, and files that are not.

use std::time::Duration;

use tokio::time::Instant;

use super::server::{Behaviour, FileServer};
use super::setup::{Setup, content, request};

const MEGABYTE: u64 = 1_000_000;

async fn timed(size: usize, rate: Option<u64>) -> (Duration, usize, u64) {
    let bytes = content(size);
    let server = FileServer::start(&bytes, move |_| Behaviour { rate, ..Behaviour::default() }).await;
    let setup = Setup::new();
    let begun = Instant::now();
    setup.fetch(&request(&bytes), &[&server]).await.unwrap();
    (begun.elapsed(), server.asked().len(), setup.network() - size as u64)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_per_connection_is_got_round() {
    for (size, at_least) in [(12_000_000, 4.0), (5_000_000, 3.0)] {
        let (took, connections, twice) = timed(size, Some(MEGABYTE)).await;
        let alone = size as f64 / MEGABYTE as f64;
        assert!(took.as_secs_f64() < alone / at_least, "{size}: {took:?} with {connections} connections");
        assert!(twice < 256 * 1024, "{twice}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_there_soon_is_not_split() {
    let (took, connections, _) = timed(40_000_000, None).await;
    assert_eq!(connections, 1, "{took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_learned_helps_the_next_file() {
    let limited = |_: &_| Behaviour { rate: Some(MEGABYTE), ..Behaviour::default() };
    let setup = Setup::new();
    let (first, next) = (content(6_000_000), content(3_000_000));
    let (one, two) = (FileServer::start(&first, limited).await, FileServer::start(&next, limited).await);
    setup.fetch(&request(&first), &[&one]).await.unwrap();
    // The same member, with another file.
    let mut locations = setup.locations(&[&one]);
    locations[0].url = two.url();
    let begun = Instant::now();
    setup.shared.transfers.join(&setup.shared, &request(&next), locations).outcome().await.unwrap();
    assert!(begun.elapsed() < Duration::from_millis(900), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mirror_that_answers_at_once_and_is_slow_does_not_get_it_all() {
    let bytes = content(3_000_000);
    let slow = FileServer::start(&bytes, |_| Behaviour { rate: Some(50_000), ..Behaviour::default() }).await;
    let fast =
        FileServer::start(&bytes, |_| Behaviour { delay: Duration::from_millis(20), ..Behaviour::default() }).await;
    let setup = Setup::new();
    let begun = Instant::now();
    setup.fetch(&request(&bytes), &[&slow, &fast]).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_steady_slow_line_is_left_alone() {
    // All connections together get 400 kB/s: more of them bring nothing, and none is cut off.
    let bytes = content(1_600_000);
    let server = FileServer::start(&bytes, |_| Behaviour { rate: Some(400_000), ..Behaviour::default() }).await;
    let setup = Setup::new();
    setup.fetch(&request(&bytes), &[&server]).await.unwrap();
    assert!(setup.network() < 1_700_000, "{:?}", server.asked());
}
