//! The server, as a client without any mercy sees it.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::*;

const FILE: &str = "alpha-1.0-py3-none-any.whl";

fn content() -> Content {
    Content::new([Package::new("alpha", "1.0").requires("beta>=1").payload(100_000)])
}

struct Reply {
    head: String,
    body: Vec<u8>,
    error: Option<std::io::ErrorKind>,
}

impl Reply {
    fn status(&self) -> &str {
        self.head.split(' ').nth(1).unwrap_or("none")
    }
}

/// Sends one request and reads until the connection ends, or nothing comes for half a second.
async fn ask(index: &FaultyIndex, path: &str, headers: &str) -> Reply {
    let mut socket = TcpStream::connect(index.address()).await.unwrap();
    socket.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n").as_bytes()).await.unwrap();
    let mut all = Vec::new();
    let error = loop {
        match timeout(Duration::from_millis(500), socket.read_buf(&mut all)).await {
            Err(_) => break Some(std::io::ErrorKind::TimedOut),
            Ok(Ok(0)) => break None,
            Ok(Ok(_)) => {}
            Ok(Err(error)) => break Some(error.kind()),
        }
    };
    let end = all.windows(4).position(|window| window == b"\r\n\r\n").map_or(all.len(), |at| at + 4);
    let body = all.split_off(end);
    Reply { head: String::from_utf8(all).unwrap(), body, error }
}

async fn ask_file(rules: Vec<Rule>, headers: &str) -> (Reply, FaultyIndex) {
    let index = FaultyIndex::start(content(), rules).await.unwrap();
    let reply = ask(&index, &format!("/files/alpha/{FILE}"), headers).await;
    (reply, index)
}

#[tokio::test]
async fn pages_and_files() {
    let index = FaultyIndex::start(content(), Vec::new()).await.unwrap();
    let reply =
        ask(&index, "/simple/alpha/", "Accept: application/vnd.pypi.simple.v1+json\r\nConnection: close\r\n").await;
    let page: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
    let file = content().files()[0].clone();
    assert_eq!(page["files"][0]["hashes"]["sha256"], file.sha256.to_string());
    assert_eq!(page["files"][0]["size"], file.size);
    let reply = ask(&index, "/simple/alpha/", "").await;
    assert!(String::from_utf8(reply.body).unwrap().contains(&format!("{FILE}#sha256={}", file.sha256)));
    let reply = ask(&index, &format!("{}.metadata", file.path()), "").await;
    assert!(reply.body.ends_with(b"Requires-Dist: beta>=1\n"));
    assert_eq!(ask(&index, "/simple/beta/", "").await.status(), "404");
    let reply = ask(&index, &file.path(), "Range: bytes=100-199\r\n").await;
    assert_eq!((reply.status(), &reply.body[..]), ("206", &file.body.read(100, 100)[..]));
    assert_eq!(index.bytes_of(FILE), 100);
    let tag = reply.head.lines().find_map(|line| line.strip_prefix("ETag: ")).unwrap();
    assert_eq!(ask(&index, &file.path(), &format!("If-None-Match: {tag}\r\n")).await.status(), "304");
}

#[tokio::test]
async fn faults_of_a_file() {
    let whole = content().files()[0].body.to_bytes();
    for (fault, status, length, error) in [
        (Fault::ResetBefore, "none", 0, Some(std::io::ErrorKind::ConnectionReset)),
        (Fault::CloseBefore, "none", 0, None),
        (Fault::SilenceBefore, "none", 0, Some(std::io::ErrorKind::TimedOut)),
        (Fault::ResetWithin(5_000), "200", 5_000, Some(std::io::ErrorKind::ConnectionReset)),
        (Fault::ConnectionCut(70_000), "200", 70_000, Some(std::io::ErrorKind::ConnectionReset)),
        (Fault::Truncated(5_000), "200", 5_000, None),
        (Fault::TruncatedUnsized(5_000), "200", 5_000, None),
        (Fault::SilenceWithin(5_000), "200", 5_000, Some(std::io::ErrorKind::TimedOut)),
        (Fault::Unsized, "200", whole.len(), None),
        (Fault::Status(503), "503", 12, Some(std::io::ErrorKind::TimedOut)),
        (Fault::WholeAsPartial(10), "206", 10, Some(std::io::ErrorKind::TimedOut)),
    ] {
        let (reply, _index) = ask_file(vec![Rule::files(fault.clone())], "").await;
        assert_eq!((reply.status(), reply.body.len(), reply.error), (status, length, error), "{fault:?}");
        if status == "200" {
            assert_eq!(reply.body, whole[..length], "{fault:?}");
        }
    }
}

#[tokio::test]
async fn wrong_ranges() {
    let whole = content().files()[0].body.to_bytes();
    let total = whole.len();
    for (fault, status, told, from, length) in [
        (Fault::NoRanges, "200", None, 0, total),
        (Fault::WrongStart(-10), "206", Some(format!("bytes 100-199/{total}")), 90, 100),
        (Fault::OtherStart(10), "206", Some(format!("bytes 110-199/{total}")), 110, 90),
        (Fault::WrongTotal(7), "206", Some(format!("bytes 100-199/{}", total + 7)), 100, 100),
        (Fault::PartialAsWhole, "200", None, 100, 100),
    ] {
        let (reply, _index) = ask_file(vec![Rule::files(fault.clone())], "Range: bytes=100-199\r\n").await;
        let range = reply.head.lines().find_map(|line| line.strip_prefix("Content-Range: "));
        assert_eq!((reply.status(), range), (status, told.as_deref()), "{fault:?}");
        assert_eq!(reply.body, whole[from..from + length], "{fault:?}");
    }
}

#[tokio::test]
async fn headers_that_lie() {
    for (fault, expected) in [
        (Fault::Busy(429, RetryAfter::Seconds(7)), "\r\nRetry-After: 7\r\n"),
        (Fault::Busy(503, RetryAfter::Date(Duration::from_secs(5))), " GMT\r\n"),
        (Fault::Busy(503, RetryAfter::Text("soon")), "\r\nRetry-After: soon\r\n"),
        (Fault::WrongLength(5), "\r\nContent-Length: "),
        (Fault::RedirectLoop, "\r\nLocation: /files/alpha/"),
        (Fault::RedirectTo("http://127.0.0.1:1".to_owned()), "\r\nLocation: http://127.0.0.1:1/files/alpha/"),
        (Fault::HeaderFlood(10_000), "\r\nX-Flood: fff"),
    ] {
        let (reply, _index) = ask_file(vec![Rule::files(fault.clone())], "").await;
        assert!(reply.head.contains(expected), "{fault:?}: {}", reply.head);
    }
}

#[tokio::test]
async fn flipped_bytes_are_flipped_in_every_range() {
    let whole = content().files()[0].body.to_bytes();
    let rules = vec![Rule::files(Fault::Flipped(150))];
    let (reply, _index) = ask_file(rules, "Range: bytes=100-199\r\n").await;
    let wrong: Vec<_> = (0..100).filter(|at| reply.body[*at] != whole[at + 100]).collect();
    assert_eq!(wrong, [50]);
}

#[tokio::test]
async fn counts_and_deaths() {
    let index = FaultyIndex::start(content(), vec![Rule::files(Fault::ResetWithin(1_000)).first(2)]).await.unwrap();
    let path = format!("/files/alpha/{FILE}");
    for _ in 0..3 {
        ask(&index, &path, "").await;
    }
    let cut: Vec<_> = index.log().iter().map(|served| (served.status, served.cut)).collect();
    assert_eq!(cut, [(200, true), (200, true), (200, false)]);
    assert_eq!((index.repeated_bytes(FILE), index.all_repeated_bytes()), (2_000, 2_000));

    let index = FaultyIndex::start_with(content(), Vec::new(), Settings::new().dies_after(70_000)).await.unwrap();
    let reply = ask(&index, &path, "").await;
    assert!(reply.body.len() < 100_000);
    // The port is closed once the server noticed.
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(TcpStream::connect(index.address()).await.is_err());
}

#[tokio::test]
async fn slow_answers_take_their_time() {
    for (rule, at_least) in [
        (Rule::files(Fault::Trickle { after: 0, rate: 300_000 }), 250),
        (Rule::files(Fault::Latency(Duration::from_millis(200))), 200),
    ] {
        let began = Instant::now();
        let (reply, _index) = ask_file(vec![rule, Rule::files(Fault::Unsized)], "").await;
        assert_eq!(reply.body.len() as u64, content().files()[0].size);
        assert!(began.elapsed() > Duration::from_millis(at_least), "{:?}", began.elapsed());
    }
}

#[tokio::test]
async fn holes_answer_nobody() {
    let hole = BlackHole::start().await.unwrap();
    let connected = timeout(Duration::from_millis(300), TcpStream::connect(hole.address().unwrap())).await;
    assert!(connected.is_err(), "{connected:?}");
    let closed = ClosedPort::new().unwrap();
    let error = TcpStream::connect(closed.address().unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn logins_are_asked_for() {
    let index = FaultyIndex::start(content().login("me", "secret"), Vec::new()).await.unwrap();
    assert_eq!(ask(&index, "/simple/alpha/", "").await.status(), "401");
    assert_eq!(ask(&index, "/simple/alpha/", "Authorization: Basic bWU6c2VjcmV0\r\n").await.status(), "200");
}
