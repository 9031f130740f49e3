//! Those who read a file while it arrives, and those who go away.

use std::time::Duration;

use bytes::BytesMut;
use futures::StreamExt;

use super::super::stream::Reader;
use super::server::{Behaviour, FileServer};
use super::setup::{Setup, content, request, shared_in};
use crate::fetch::FetchError;

fn reader(setup: &Setup, bytes: &[u8], servers: &[&FileServer]) -> Reader {
    let request = request(bytes);
    let flight = setup.shared.transfers.join(&setup.shared, &request, setup.locations(servers));
    Reader::new(request.file.name, flight)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_read_one_transfer() {
    // Small ones come from memory, large ones from the file where a reader is late.
    for size in [0, 1, 65_536, 65_537, 3_000_000, 40_000_000] {
        let bytes = content(size);
        let server = FileServer::start(&bytes, |_| Behaviour::default()).await;
        let setup = Setup::new();
        let read = |number: u64| {
            let mut stream = Box::pin(reader(&setup, &bytes, &[&server]).into_stream());
            async move {
                let mut whole = BytesMut::new();
                while let Some(piece) = stream.next().await {
                    whole.extend_from_slice(&piece.unwrap());
                    if number == 1 && whole.len() < 2_000_000 {
                        tokio::time::sleep(Duration::from_millis(1)).await;
                    }
                }
                whole
            }
        };
        let (request, servers) = (request(&bytes), [&server]);
        let (first, second, third) = tokio::join!(read(0), read(1), setup.fetch(&request, &servers));
        assert!(first == bytes && second == bytes, "{size}");
        assert_eq!(third.unwrap().size, size as u64);
        let twice = setup.network() - size as u64;
        assert!(twice < 1_500_000, "one transfer for all of them: {twice} bytes twice");
    }
}

#[tokio::test]
async fn the_end_comes_only_when_all_is_right() {
    let bytes = content(1_000_000);
    let server = FileServer::start(&bytes, |_| Behaviour { flip: Some(999_999), ..Behaviour::default() }).await;
    let setup = Setup::new();
    let mut stream = Box::pin(reader(&setup, &bytes, &[&server]).into_stream());
    let mut read = 0;
    let error = loop {
        match stream.next().await.unwrap() {
            Ok(piece) => read += piece.len(),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, FetchError::Restarted { .. }), "{error}");
    assert!(read <= 1_000_000 - 65_536, "{read}");
    assert!(stream.next().await.is_none());
}

#[tokio::test]
async fn who_goes_away_stops_it_and_who_comes_back_continues() {
    let bytes = content(3_000_000);
    let server = FileServer::start(&bytes, |asked| Behaviour {
        rate: (asked.number < 9).then_some(500_000),
        ..Behaviour::default()
    })
    .await;
    let setup = Setup::new();
    let request = request(&bytes);
    let part = tokio::time::timeout(Duration::from_millis(500), setup.fetch(&request, &[&server])).await;
    assert!(part.is_err());
    let before = setup.network();
    assert!(before > 100_000, "{before}");
    for _ in 0..100 {
        if server.busy() == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(server.busy(), 0, "the connection is closed");
    assert_eq!(setup.left_over().len(), 2, "{:?}", setup.left_over());

    // Another process, as far as locks and journals go.
    let mut later = Setup::new();
    later.shared = shared_in(setup.folder.path(), Duration::from_secs(20));
    let fetched = later.fetch(&request, &[&server]).await.unwrap();
    assert_eq!(std::fs::read(fetched.path).unwrap(), bytes);
    let twice = before + later.network() - 3_000_000;
    assert!(twice <= 64 * 1024, "{twice} bytes twice");
    assert!(setup.left_over().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_share_one_transfer() {
    let bytes = content(2_000_000);
    let server = FileServer::start(&bytes, |_| Behaviour { rate: Some(4_000_000), ..Behaviour::default() }).await;
    let first = Setup::new();
    let mut second = Setup::new();
    second.shared = shared_in(first.folder.path(), Duration::from_secs(20));
    let request = request(&bytes);
    let servers = [&server];
    let (one, two) = tokio::join!(first.fetch(&request, &servers), second.fetch(&request, &servers));
    assert_eq!(one.unwrap().path, two.unwrap().path);
    assert_eq!(server.sent(), 2_000_000, "it was fetched once");
}
