//! Against a real server on 127.0.0.1.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::base::redact::Secret;
use crate::checks::{Measure, Measurement};
use crate::model::{Report, Status};
use crate::net::TlsOptions;
use crate::net::test_server::{Act, Authority, Certificate, TestServer, context};

async fn measure_in(
    time: Duration,
    server: &TestServer,
    options: impl FnOnce(TcpOptions) -> TcpOptions,
) -> Measurement {
    let options = options(TcpOptions::new(server.address.to_string()));
    TcpMeasure::new(options).unwrap().measure(&context(time)).await.unwrap()
}

async fn measure(server: &TestServer, options: impl FnOnce(TcpOptions) -> TcpOptions) -> Measurement {
    measure_in(Duration::from_secs(20), server, options).await
}

/// For targets that never answer.
const SHORT: Duration = Duration::from_millis(400);

#[track_caller]
fn assert_critical(report: &Report, code: &str, part: &str) {
    assert_eq!((report.status, report.code.as_ref()), (Status::Critical, code), "{}", report.summary);
    assert!(report.summary.contains(part) && report.hint.is_some(), "{}", report.summary);
}

fn text(text: &str) -> TcpExpect {
    TcpExpect::Text(text.to_owned())
}

#[tokio::test]
async fn connecting_is_enough_when_nothing_is_expected() {
    let server = TestServer::raw(vec![Act::Hang]).await;
    let found = measure(&server, |options| options).await;
    assert_eq!(found.report.status, Status::Healthy);
    assert!(found.report.summary.starts_with("connected in"), "{}", found.report.summary);
    assert!(found.report.value("connect").is_some() && found.report.value("latency").is_some());
    assert_eq!(found.report.value("first_byte"), None);
    server.wait_closed(1).await;
}

#[tokio::test]
async fn an_expected_banner_is_found_across_reads() {
    let server = TestServer::raw(vec![
        Act::send("220 ma"),
        Act::Wait(Duration::from_millis(20)),
        Act::send("il ready"),
        Act::Hang,
    ])
    .await;
    for expect in [text("mail"), TcpExpect::Regex("^220 .*ready$".to_owned())] {
        let found = measure(&server, |options| TcpOptions { expect: Some(expect), ..options }).await;
        assert_eq!(found.report.status, Status::Healthy, "{}", found.report.summary);
        assert!(found.facts["received"].as_str().unwrap().starts_with("220 mail"));
        assert!(found.report.value("first_byte").is_some());
    }
}

#[tokio::test]
async fn what_is_sent_is_answered() {
    let server = TestServer::http(|request| vec![Act::send(format!("echo {request}"))]).await;
    let send = Some(Secret::new(b"PING\r\n\r\n".to_vec()));
    let found = measure(&server, |options| TcpOptions { send, expect: Some(text("echo PING")), ..options }).await;
    assert_eq!(found.report.status, Status::Healthy, "{}", found.report.summary);
}

#[tokio::test]
async fn a_wrong_or_missing_answer_shows_what_came() {
    let wrong = TestServer::raw(vec![Act::send("-ERR\x01 no")]).await;
    let found = measure(&wrong, |options| TcpOptions { expect: Some(text("+OK")), ..options }).await;
    assert_critical(&found.report, "unexpected-answer", r#"closed without "+OK", received "-ERR\x01 no""#);

    let hung = TestServer::raw(vec![Act::send("-ERR"), Act::Hang]).await;
    let found = measure_in(SHORT, &hung, |options| TcpOptions { expect: Some(text("+OK")), ..options }).await;
    assert_critical(&found.report, "unexpected-answer", "did not come within ");

    let silent = TestServer::raw(vec![Act::Hang]).await;
    let found = measure_in(SHORT, &silent, |options| TcpOptions { expect: Some(text("+OK")), ..options }).await;
    assert_critical(&found.report, "timeout-first-byte", "waiting for the first byte");

    let flood = TestServer::raw(vec![Act::send("x".repeat(1 << 20)), Act::Hang]).await;
    let found = measure(&flood, |options| TcpOptions { expect: Some(text("+OK")), ..options }).await;
    assert_critical(&found.report, "unexpected-answer", "65536 bytes came without");
}

#[tokio::test]
async fn a_refused_connection_is_named() {
    let server = TestServer::raw(vec![]).await;
    let address = server.address.to_string();
    drop(server);
    tokio::task::yield_now().await;
    let check = TcpMeasure::new(TcpOptions::new(address)).unwrap();
    let found = check.measure(&context(Duration::from_secs(5))).await.unwrap();
    assert_critical(&found.report, "connection-refused", "refused the connection");
}

#[tokio::test]
async fn tls_measures_the_certificate() {
    let authority = Authority::new();
    let server = TestServer::https(authority.server(Certificate::Good), |_| vec![Act::Hang]).await;
    let insecure = Some(TlsOptions { insecure_skip_verify: true, ..TlsOptions::default() });
    let found = measure(&server, |options| TcpOptions { tls: insecure, ..options }).await;
    assert_eq!(found.report.status, Status::Healthy, "{}", found.report.summary);
    assert!(found.report.value("certificate_days").is_some_and(|days| days > 365.0));
}

#[test]
fn impossible_options_are_refused_by_name() {
    for (address, part) in [
        ("localhost", "has no port"),
        ("localhost:0", "no valid port"),
        ("localhost:70000", "no valid port"),
        (":80", "no valid host"),
        ("::1:80", "without brackets"),
        ("[::x]:80", "no IPv6 address"),
        ("http://a.test:80", "without brackets"),
        ("a b:80", "no valid host"),
    ] {
        let error = TcpMeasure::new(TcpOptions::new(address)).unwrap_err();
        assert!(error.option == "address" && error.problem.contains(part), "{address}: {error}");
    }
    let expect = |expect| TcpMeasure::new(TcpOptions { expect: Some(expect), ..TcpOptions::new("[::1]:80") });
    assert!(expect(TcpExpect::Regex("(".into())).unwrap_err().problem.contains("pattern"));
    assert!(expect(TcpExpect::Text(String::new())).is_err());
    assert!(expect(TcpExpect::Text("a+(".into())).is_ok());
}

proptest! {
    #[test]
    fn never_panics_on_odd_addresses(address in "\\PC{0,12}(:[0-9]{0,6})?") {
        let _ = TcpMeasure::new(TcpOptions::new(address));
    }
}
