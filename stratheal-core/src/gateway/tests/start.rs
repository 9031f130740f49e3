//! How a gateway starts, and with what it refuses to.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::asking::{SECRET, builder, get, start};
use crate::fetch::TransportSettings;
use crate::gateway::access::AccessToken;
use crate::gateway::builder::{GatewayBuilder, GatewayError};
use crate::gateway::test_origin::TestOrigin;

fn origin() -> Arc<TestOrigin> {
    Arc::new(TestOrigin::new().with("six", &[]))
}

#[tokio::test]
async fn keeps_its_port_and_its_secret() {
    let folder = tempfile::tempdir().unwrap();
    let begin = || GatewayBuilder::new(origin(), false).state_folder(folder.path().join("gateway"));
    let first = begin().start().await.unwrap();
    let url = first.url();
    assert!(url.starts_with("http://stratheal:") && url.ends_with("/simple/"), "{url}");
    assert!(first.note().is_none());
    let second = begin().start().await.unwrap();
    assert_ne!(second.address(), first.address());
    assert!(second.note().unwrap().contains("usual port"), "{:?}", second.note());
    first.stop().await;
    second.stop().await;
    let third = begin().start().await.unwrap();
    assert_eq!(third.url(), url);
    assert!(!third.safe_url().contains('@') && third.url_with_secret_path().contains("/t/"));
}

#[tokio::test]
async fn half_a_request_keeps_nobody_waiting() {
    let running = start(&origin()).await;
    let address = running.address();
    let mut half = Vec::new();
    // More than are served at the same time.
    for _ in 0..600 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET /simple/six/ HTTP/1.1\r\nHost: ").await.unwrap();
        half.push(stream);
    }
    let asked = tokio::time::timeout(Duration::from_secs(4), get(&running, "/simple/six/", "")).await;
    assert_eq!(asked.unwrap().status, 200);
    let ends = tokio::time::timeout(Duration::from_secs(8), half[599].read(&mut [0])).await;
    assert_eq!(ends.unwrap().unwrap_or(0), 0, "it is closed after some seconds");
}

#[tokio::test]
async fn beyond_loopback_needs_a_token_and_tls() {
    let anywhere: SocketAddr = "0.0.0.0:0".parse().unwrap();
    let begin = || GatewayBuilder::new(origin(), false).listen(anywhere);
    let token = || AccessToken::chosen(SECRET).unwrap();
    assert!(matches!(begin().start().await, Err(GatewayError::NeedsToken(_))));
    assert!(matches!(begin().insecure(true).start().await, Err(GatewayError::NeedsToken(_))));
    assert!(matches!(begin().token(token()).start().await, Err(GatewayError::NeedsTls(_))));
    let proxy = begin().token(token()).insecure(true).proxy(TransportSettings::default());
    assert!(matches!(proxy.start().await, Err(GatewayError::ProxyBeyondLoopback(_))));
    let missing = begin().token(token()).tls("/nowhere/cert.pem".into(), "/nowhere/key.pem".into());
    assert!(matches!(missing.start().await, Err(GatewayError::Tls(text)) if text.contains("/nowhere/cert.pem")));
    let open = begin().token(token()).insecure(true).start().await.unwrap();
    assert!(open.url().contains("@127.0.0.1:"), "{}", open.safe_url());
}

#[tokio::test]
async fn serves_a_team_over_tls() {
    let folder = tempfile::tempdir().unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().self_signed(&key).unwrap();
    let (at, key_at) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    std::fs::write(&at, certificate.pem()).unwrap();
    std::fs::write(&key_at, key.serialize_pem()).unwrap();
    let running = builder(&origin()).listen("0.0.0.0:0".parse().unwrap()).tls(at, key_at).start().await.unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(config.with_root_certificates(roots).with_no_client_auth())
        .no_proxy()
        .build()
        .unwrap();
    let answer = client.get(running.url() + "six/").send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let address = running.address();
    let tls_only = TcpStream::connect(("127.0.0.1", address.port())).await.unwrap();
    drop(tls_only);
}

#[tokio::test]
async fn stops_when_told_and_when_dropped() {
    let running = start(&origin()).await;
    let address = running.address();
    assert_eq!(get(&running, "/simple/six/", "").await.status, 200);
    // A client that holds its connection open does not hold up the end.
    let mut idle = TcpStream::connect(address).await.unwrap();
    let begun = tokio::time::Instant::now();
    let report = running.stop().await;
    assert_eq!(report.requests, 1);
    assert!(begun.elapsed() < Duration::from_secs(4));
    assert_eq!(idle.read(&mut [0]).await.unwrap_or(0), 0);
    assert!(TcpStream::connect(address).await.is_err());
    let running = start(&origin()).await;
    let address = running.address();
    drop(running);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn floods_are_refused() {
    let running = start(&origin()).await;
    for request in [
        format!("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{}\r\n", "a: b\r\n".repeat(200)),
        format!("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\na: {}\r\n\r\n", "b".repeat(1_000_000)),
        format!("GET /{} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "b".repeat(1_000_000)),
        "nonsense\r\n\r\n".to_owned(),
    ] {
        let mut stream = TcpStream::connect(running.address()).await.unwrap();
        // The server may hang up before it has all of it.
        let _ = stream.write_all(request.as_bytes()).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        assert_eq!(running.report().requests, 0, "{} {answer}", &request[..60]);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    assert_eq!(get(&running, "/simple/six/", "").await.status, 200);
}

#[tokio::test]
async fn many_connections_at_once() {
    let running = Arc::new(start(&origin()).await);
    let all = (0..200).map(|_| {
        let running = running.clone();
        tokio::spawn(async move { get(&running, "/simple/six/", "").await.status })
    });
    for status in futures::future::join_all(all).await {
        assert_eq!(status.unwrap(), 200);
    }
}
