//! Requests over real sockets.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use url::Url;

use super::{Ask, Credentials, Encoding, Login, Proxies, Transport, TransportSettings, TrustedCertificates};
use crate::base::redact::Secret;
use crate::fetch::failure::{Failure, FailureKind};
use crate::net::test_server::{Act, Authority, Certificate, TestServer, answer};

const IDLE: Duration = Duration::from_secs(5);

/// `hello hello hello hello`, packed by gzip.
const PACKED: [u8; 28] =
    [31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 203, 72, 205, 201, 201, 87, 200, 64, 39, 1, 227, 81, 61, 141, 23, 0, 0, 0];

fn transport(settings: TransportSettings) -> Transport {
    Transport::new(settings).unwrap()
}

fn plain() -> Transport {
    transport(TransportSettings { certificates: trusting(Vec::new()), ..TransportSettings::default() })
}

fn trusting(files: Vec<std::path::PathBuf>) -> TrustedCertificates {
    TrustedCertificates { system: false, files, folders: Vec::new() }
}

async fn get(transport: &Transport, url: &str) -> Result<super::Answer, Failure> {
    transport.get(&url.parse().unwrap(), &Ask::default()).await
}

async fn kind_of(transport: &Transport, url: &str) -> FailureKind {
    get(transport, url).await.unwrap_err().kind
}

fn redirect(to: &str) -> Vec<Act> {
    answer("302 Found", &format!("location: {to}\r\n"), "")
}

#[tokio::test]
async fn redirects_are_followed_to_where_links_are_relative_to() {
    let server = TestServer::http(|request| match request.split(' ').nth(1) {
        Some("/a") => redirect("/b/"),
        Some("/b/") => redirect("page"),
        Some("/loop") => redirect("/loop2"),
        Some("/loop2") => redirect("/loop"),
        Some("/file") => redirect("file:///etc/passwd"),
        Some(path) if path.starts_with("/more") => redirect(&format!("{path}x")),
        _ => answer("200 OK", "", "there"),
    });
    let (server, transport) = (server.await, plain());
    let answer = get(&transport, &server.url("/a")).await.unwrap();
    assert_eq!(answer.final_url.as_str(), server.url("/b/page"));
    for (path, expected) in [("/loop", "in a loop: "), ("/more", "more than 10 times"), ("/file", "scheme `file`")] {
        let failure = get(&transport, &server.url(path)).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Redirect);
        assert!(failure.text.contains(expected), "{}", failure.text);
    }
}

#[tokio::test]
async fn credentials_stay_with_their_host() {
    let other = TestServer::http(|_| answer("200 OK", "", "")).await;
    let elsewhere = format!("http://localhost:{}/x", other.address.port());
    let server = TestServer::http(move |request| match request.split(' ').nth(1) {
        Some("/away") => redirect(&elsewhere),
        Some("/here") => redirect("/there"),
        _ => answer("200 OK", "", ""),
    });
    let server = server.await;
    let credentials = Credentials::new(|url| {
        let login = Login { user: "me".to_owned(), password: Secret::new("pw".to_owned()) };
        (url.host_str() == Some("127.0.0.1")).then_some(login)
    });
    let settings =
        TransportSettings { credentials, certificates: trusting(Vec::new()), ..TransportSettings::default() };
    let known = transport(settings);
    let in_url = format!("http://me:pw@127.0.0.1:{}/away", server.address.port());
    get(&known, &server.url("/away")).await.unwrap();
    get(&known, &server.url("/here")).await.unwrap();
    get(&plain(), &in_url).await.unwrap();
    let has = |request: &String| request.contains("authorization: Basic bWU6cHc=\r\n");
    assert_eq!(server.requests().iter().map(has).collect::<Vec<_>>(), [true; 4]);
    assert_eq!(other.requests().len(), 2);
    assert!(!other.requests().iter().any(|request| request.contains("authorization")), "{:?}", other.requests());
}

#[tokio::test]
async fn certificates_are_checked() {
    let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
    let pem = folder.path().join("ca.pem");
    std::fs::write(&pem, authority.pem()).unwrap();
    let trusted = transport(TransportSettings { certificates: trusting(vec![pem]), ..TransportSettings::default() });
    for (kind, expected) in [
        (Certificate::Good, None),
        (Certificate::Expired, Some(FailureKind::Tls)),
        (Certificate::WrongName, Some(FailureKind::Tls)),
        (Certificate::SelfSigned, Some(FailureKind::Tls)),
    ] {
        let server = TestServer::https(authority.server(kind), |_| answer("200 OK", "", "")).await;
        let url = format!("https://127.0.0.1:{}/", server.address.port());
        let failure = get(&trusted, &url).await.err();
        assert_eq!(failure.as_ref().map(|failure| failure.kind), expected, "{kind:?}");
        if matches!(kind, Certificate::SelfSigned) {
            assert!(failure.unwrap().text.contains("`ca_file` under [index]"));
        }
    }
    let plain_server = TestServer::http(|_| answer("200 OK", "", "")).await;
    let down = plain_server.url("/");
    let server = TestServer::https(authority.server(Certificate::Good), move |_| redirect(&down)).await;
    let failure = get(&trusted, &format!("https://127.0.0.1:{}/", server.address.port())).await.unwrap_err();
    assert!(failure.text.contains("from https to"), "{}", failure.text);
    assert!(plain_server.requests().is_empty());
}

#[tokio::test]
async fn certificates_that_cannot_be_read_are_named() {
    let missing = std::path::PathBuf::from("no-such-file.pem");
    let transport =
        transport(TransportSettings { certificates: trusting(vec![missing]), ..TransportSettings::default() });
    let failure = get(&transport, "https://127.0.0.1:9/").await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Local);
    assert!(failure.text.contains("no-such-file.pem"), "{}", failure.text);
}

#[tokio::test]
async fn broken_answers_are_told_apart() {
    let many = "x-more: 1\r\n".repeat(150);
    let large = format!("x-large: {}\r\n", "x".repeat(80 << 10));
    let transport = plain();
    for (acts, expected) in [
        (vec![Act::Reset], FailureKind::Broken),
        (vec![], FailureKind::Truncated),
        (vec![Act::send("HTTP/1.1 200 OK\r\ncontent-le")], FailureKind::Truncated),
        (vec![Act::send("SSH-2.0-OpenSSH_9.9\r\n\r\n")], FailureKind::Malformed),
        (answer("200 OK", &many, ""), FailureKind::Malformed),
        (answer("200 OK", &large, ""), FailureKind::Malformed),
    ] {
        let server = TestServer::http(move |_| acts.clone()).await;
        assert_eq!(kind_of(&transport, &server.url("/")).await, expected);
    }
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    assert_eq!(kind_of(&transport, &format!("http://{free}/")).await, FailureKind::Connect);
    // No name has a part of more than 63 characters, so that nobody is asked about this one.
    let name = format!("http://{}.invalid/", "x".repeat(70));
    assert_eq!(kind_of(&transport, &name).await, FailureKind::Lookup);
}

#[tokio::test]
async fn silence_ends() {
    let server = TestServer::http(|_| vec![Act::Hang]).await;
    let ask = Ask { head_within: Duration::from_millis(100), ..Ask::default() };
    let failure = plain().get(&server.url("/").parse().unwrap(), &ask).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Silent);
    server.wait_closed(1).await;
    let stalls =
        TestServer::http(|_| vec![Act::send("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"), Act::Hang]).await;
    let answer = get(&plain(), &stalls.url("/")).await.unwrap();
    let failure = answer.collect(100, Duration::from_millis(100), &|_| ()).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Stalled);
}

#[tokio::test]
async fn bodies_that_end_early_are_noticed() {
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n";
    let packed = [b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n", &PACKED[..PACKED.len() - 9]].concat();
    for (acts, encoding) in [
        (vec![Act::send("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf")], Encoding::Identity),
        (vec![Act::send(chunked)], Encoding::Identity),
        (vec![Act::Send(packed)], Encoding::Compressed),
    ] {
        let server = TestServer::http(move |_| acts.clone()).await;
        let ask = Ask { encoding, ..Ask::default() };
        let answer = plain().get(&server.url("/").parse().unwrap(), &ask).await.unwrap();
        let failure = answer.collect(1000, IDLE, &|_| ()).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Truncated, "{failure:?}");
    }
}

#[tokio::test]
async fn pages_are_unpacked_within_a_limit_and_files_never() {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n", PACKED.len());
    let whole = [head.as_bytes(), &PACKED].concat();
    let server = TestServer::http(move |_| vec![Act::Send(whole.clone())]).await;
    let url: Url = server.url("/").parse().unwrap();
    let ask = |encoding| Ask { encoding, ..Ask::default() };
    let transport = plain();
    let page = transport.get(&url, &ask(Encoding::Compressed)).await.unwrap();
    assert_eq!(&page.collect(23, IDLE, &|_| ()).await.unwrap()[..], b"hello hello hello hello");
    let bomb = transport.get(&url, &ask(Encoding::Compressed)).await.unwrap();
    assert_eq!(bomb.collect(22, IDLE, &|_| ()).await.unwrap_err().kind, FailureKind::Malformed);
    let file = transport.get(&url, &ask(Encoding::Identity)).await.unwrap();
    assert_eq!(file.collect(1000, IDLE, &|_| ()).await.unwrap(), PACKED[..]);
    let accepted = |request: &String| request.contains("accept-encoding: gzip");
    assert_eq!(server.requests().iter().map(accepted).collect::<Vec<_>>(), [true, true, false]);
}

#[tokio::test]
async fn proxies_are_used_as_told() {
    let proxy = TestServer::http(|_| answer("200 OK", "", "by proxy")).await;
    let direct = TestServer::http(|_| answer("200 OK", "", "direct")).await;
    let with = |none_for: Option<&str>| {
        let url = format!("http://me:pw@{}", proxy.address);
        let proxies =
            Proxies { http: Some(Secret::new(url)), none_for: none_for.map(str::to_owned), ..Proxies::default() };
        transport(TransportSettings { proxies, certificates: trusting(Vec::new()), ..TransportSettings::default() })
    };
    for (none_for, expected) in [(None, "by proxy"), (Some("other.test"), "by proxy"), (Some("127.0.0.0/8"), "direct")]
    {
        let answer = get(&with(none_for), &direct.url("/x")).await.unwrap();
        assert_eq!(answer.collect(100, IDLE, &|_| ()).await.unwrap(), expected);
    }
    let first = &proxy.requests()[0];
    assert!(first.starts_with(&format!("GET {} HTTP/1.1", direct.url("/x"))), "{first}");
    assert!(first.contains("proxy-authorization: Basic bWU6cHc="), "{first}");
    let socks = Proxies { all: Some(Secret::new("socks5://me:pw@127.0.0.1:1".to_owned())), ..Proxies::default() };
    let refused = Transport::new(TransportSettings { proxies: socks, ..TransportSettings::default() }).unwrap_err();
    assert!(refused.to_string().contains("SOCKS") && !refused.to_string().contains("pw"), "{refused}");
}

#[tokio::test]
async fn an_answer_says_when_to_come_back() {
    let count = AtomicUsize::new(0);
    let waits = Mutex::new(vec!["7", "Sun, 06 Nov 1994 08:49:37 GMT", "99999", "soon"]);
    let server = TestServer::http(move |_| {
        let wait = waits.lock().unwrap()[count.fetch_add(1, Ordering::SeqCst)];
        answer("503 Service Unavailable", &format!("retry-after: {wait}\r\n"), "")
    });
    let server = server.await;
    let now = "1994-11-06T08:49:00Z".parse().unwrap();
    let mut found = Vec::new();
    for _ in 0..4 {
        let failure = get(&plain(), &server.url("/")).await.unwrap().status_failure(now);
        found.push(failure.retry_after.map(|wait| wait.as_secs()));
    }
    assert_eq!(found, [Some(7), Some(37), None, None]);
}
