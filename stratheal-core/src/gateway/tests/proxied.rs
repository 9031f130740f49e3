//! The proxy over real sockets.

use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;

use super::asking::{Got, basic, builder, talk};
use crate::fetch::{TransportSettings, TrustedCertificates};
use crate::gateway::running::Running;
use crate::gateway::test_origin::TestOrigin;

fn origin() -> Arc<TestOrigin> {
    Arc::new(TestOrigin::new().with("six", &[("six-1-py3-none-any.whl", b"0123456789")]))
}

/// Without the certificates of this machine: reading them takes long, and none of them is needed.
fn transport() -> TransportSettings {
    let certificates = TrustedCertificates { system: false, ..TrustedCertificates::default() };
    TransportSettings { certificates, ..TransportSettings::default() }
}

async fn start(folder: &tempfile::TempDir) -> Running {
    let sample = vec!["six".parse().unwrap()];
    let gateway = builder(&origin()).state_folder(folder.path().to_owned()).proxy(transport()).sample_projects(sample);
    gateway.start().await.unwrap()
}

fn secret(running: &Running) -> String {
    let url: url::Url = running.proxy_url().unwrap().parse().unwrap();
    url.password().unwrap().to_owned()
}

async fn connect(running: &Running, target: &str, secret: &str) -> (TcpStream, u16) {
    let mut stream = TcpStream::connect(running.address()).await.unwrap();
    let head = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\nProxy-Authorization: {}\r\n\r\n", basic(secret));
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(stream.read_u8().await.unwrap());
    }
    let status = std::str::from_utf8(&answer).unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    (stream, status)
}

/// Asks a host through the proxy, trusting what a child is told to trust.
async fn through(running: &Running, host: &'static str, path: &str) -> Result<Got, std::io::Error> {
    let (stream, status) = connect(running, &format!("{host}:443"), &secret(running)).await;
    assert_eq!(status, 200);
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(running.certificates().unwrap()).unwrap() {
        roots.add(certificate.unwrap()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from(host).unwrap();
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: application/vnd.pypi.simple.v1+json\r\nConnection: close\r\n\r\n"
    );
    Ok(talk(&mut stream, &request).await)
}

#[tokio::test]
async fn the_chains_hosts_are_answered_with_canonical_urls() {
    let folder = tempfile::tempdir().unwrap();
    let running = start(&folder).await;
    let page = through(&running, "index.example", "/simple/six/").await.unwrap();
    assert_eq!(page.status, 200);
    let document: serde_json::Value = serde_json::from_slice(&page.body).unwrap();
    assert_eq!(document["files"][0]["url"], "https://files.example/six-1-py3-none-any.whl");
    assert_eq!(document["files"][0]["core-metadata"], false, "nothing the index did not say");
    let file = through(&running, "files.example", "/six-1-py3-none-any.whl").await.unwrap();
    assert_eq!((file.status, file.text()), (200, "0123456789"));
    assert_eq!(through(&running, "index.example", "/simple/absent/").await.unwrap().status, 404);
    assert_eq!(through(&running, "index.example", "/simple/Six/").await.unwrap().header("location"), "/simple/six/");
    let bundle = running.certificates().unwrap().to_owned();
    running.stop().await;
    // Tunnels may still hold the service for a moment.
    for _ in 0..50 {
        if !bundle.exists() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("the file of certificates is still there");
}

#[tokio::test]
async fn other_hosts_are_tunnelled_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let running = start(&folder).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let other = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut piece = [0; 4096];
            let length = stream.read(&mut piece).await.unwrap();
            let plain = piece[..length].starts_with(b"GET /a HTTP/1.1\r\n");
            let said = if plain { "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok" } else { "echo" };
            stream.write_all(said.as_bytes()).await.unwrap();
        }
    });
    let (mut stream, status) = connect(&running, &other.to_string(), &secret(&running)).await;
    assert_eq!(status, 200);
    stream.write_all(b"\x16 not HTTP").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert_eq!(answer, "echo");
    let mut stream = TcpStream::connect(running.address()).await.unwrap();
    let authorization = basic(&secret(&running));
    let request = format!(
        "GET http://{other}/a HTTP/1.1\r\nHost: {other}\r\nProxy-Authorization: {authorization}\r\nConnection: close\r\n\r\n"
    );
    let passed = talk(&mut stream, &request).await;
    assert_eq!((passed.status, passed.text()), (201, "ok"));
    let report = running.report();
    assert_eq!((report.tunnels, report.passed_on), (1, 1));
    assert_eq!(report.bypasses.len(), 1, "{:?}", report.bypasses);
    let (_, status) = connect(&running, "127.0.0.1:1", &secret(&running)).await;
    assert_eq!(status, 502);
}

#[tokio::test]
async fn files_that_no_index_has_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let running = start(&folder).await;
    // Nobody answers for the host itself, which is as good here.
    through(&running, "files.example", "/absent-1-py3-none-any.whl").await.unwrap();
    let bypasses = running.report().bypasses;
    assert_eq!(bypasses.len(), 1, "{bypasses:?}");
    assert!(bypasses[0].what.contains("absent-1"), "{bypasses:?}");
}

#[tokio::test]
async fn only_with_the_proxys_own_secret() {
    let folder = tempfile::tempdir().unwrap();
    let running = start(&folder).await;
    for wrong in ["", "0123456789abcdef"] {
        let (_, status) = connect(&running, "index.example:443", wrong).await;
        assert_eq!(status, 407, "the secret of the index is not the proxy's");
    }
}
