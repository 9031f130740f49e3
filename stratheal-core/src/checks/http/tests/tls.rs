//! Over TLS, with an authority of our own.

use std::io::Write;

use super::*;
use crate::contract::CheckError;
use crate::net::test_server::{Authority, Certificate};

fn trusting(authority: &Authority) -> (tempfile::NamedTempFile, TlsOptions) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(authority.pem().as_bytes()).unwrap();
    let options = TlsOptions { ca_file: Some(file.path().to_owned()), ..TlsOptions::default() };
    (file, options)
}

#[tokio::test]
async fn tls_works_and_tells_the_days() {
    let authority = Authority::new();
    let server = TestServer::https(authority.server(Certificate::Good), |_| answer("200 OK", "", "hi")).await;
    let (_file, tls) = trusting(&authority);
    let found = measure(HttpOptions { tls, ..HttpOptions::new(format!("https://{}/", server.address)) }).await;
    assert_eq!(found.report.status, Status::Healthy, "{}", found.report.summary);
    assert!(found.report.value("tls").is_some_and(|seconds| seconds > 0.0));
    assert!(found.report.value("certificate_days").is_some_and(|days| days > 365.0));
    assert_eq!(found.facts["body"], "hi");
}

#[tokio::test]
async fn each_fault_of_a_certificate_has_its_own_code() {
    let authority = Authority::new();
    let (_file, tls) = trusting(&authority);
    for (kind, code, part) in [
        (Certificate::Expired, "certificate-expired", " days ago"),
        (Certificate::WrongName, "certificate-wrong-name", "but for other.test"),
        (Certificate::SelfSigned, "certificate-untrusted", "not signed by an authority"),
    ] {
        let server = TestServer::https(authority.server(kind), |_| answer("200 OK", "", "")).await;
        let url = format!("https://{}/", server.address);
        let found = measure(HttpOptions { tls: tls.clone(), ..HttpOptions::new(url.clone()) }).await;
        assert_critical(&found.report, code, part);
        assert!(server.requests().is_empty(), "nothing is sent to a server that is not trusted");

        let insecure = TlsOptions { insecure_skip_verify: true, ..TlsOptions::default() };
        let found = measure(HttpOptions { tls: insecure, ..HttpOptions::new(url) }).await;
        assert_eq!(found.report.status, Status::Healthy);
        let days = found.report.value("certificate_days").unwrap();
        assert_eq!(days < 0.0, matches!(kind, Certificate::Expired), "{days}");
    }
    // An expired certificate of an unknown authority is expired first of all.
    let stranger = Authority::new();
    let server = TestServer::https(stranger.server(Certificate::Expired), |_| answer("200 OK", "", "")).await;
    let found =
        measure(HttpOptions { tls: tls.clone(), ..HttpOptions::new(format!("https://{}/", server.address)) }).await;
    assert_critical(&found.report, "certificate-expired", "expired");

    let server = TestServer::https(authority.server(Certificate::WrongName), |_| answer("200 OK", "", "")).await;
    let named = TlsOptions { server_name: Some("other.test".into()), ..tls.clone() };
    let found = measure(HttpOptions { tls: named, ..HttpOptions::new(format!("https://{}/", server.address)) }).await;
    assert_eq!(found.report.status, Status::Healthy, "{}", found.report.summary);

    let plain = TestServer::raw(answer("400 Bad Request", "", "this port speaks plain HTTP")).await;
    let found = measure(HttpOptions { tls, ..HttpOptions::new(plain.url("/").replace("http:", "https:")) }).await;
    assert_critical(&found.report, "tls-failure", "does not speak TLS on this port");
}

#[tokio::test]
async fn http_to_a_tls_port_is_no_http() {
    let server = TestServer::https(Authority::new().server(Certificate::Good), |_| vec![]).await;
    let found = measure(HttpOptions::new(server.url("/"))).await;
    assert_critical(&found.report, "malformed-answer", "no valid HTTP/1.1");
}

#[tokio::test]
async fn a_ca_file_that_is_replaced_is_read_again() {
    let (old, new) = (Authority::new(), Authority::new());
    let (file, tls) = trusting(&old);
    let server = TestServer::https(new.server(Certificate::Good), |_| answer("200 OK", "", "")).await;
    let check =
        HttpMeasure::new(HttpOptions { tls, ..HttpOptions::new(format!("https://{}/", server.address)) }).unwrap();
    let first = check.measure(&context(TIME)).await.unwrap();
    assert_critical(&first.report, "certificate-untrusted", "authority");
    std::fs::write(file.path(), new.pem()).unwrap();
    let second = check.measure(&context(TIME)).await.unwrap();
    assert_eq!(second.report.status, Status::Healthy, "{}", second.report.summary);
}

#[tokio::test]
async fn a_ca_file_that_cannot_be_used_is_our_own_fault() {
    let folder = tempfile::tempdir().unwrap();
    let garbage = folder.path().join("garbage.pem");
    std::fs::write(&garbage, "no certificate").unwrap();
    for path in [garbage, folder.path().join("missing.pem"), folder.path().to_owned()] {
        let tls = TlsOptions { ca_file: Some(path), ..TlsOptions::default() };
        let check = HttpMeasure::new(HttpOptions { tls, ..HttpOptions::new("https://127.0.0.1:1/") }).unwrap();
        let error = check.measure(&context(TIME)).await.unwrap_err();
        assert!(matches!(&error, CheckError::Setup { what, .. } if what.contains("ca_file")), "{error}");
    }
}
