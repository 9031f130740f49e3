//! Against a real server on 127.0.0.1.

mod tls;

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::base::redact::Secret;
use crate::checks::{Conditions, Judged, Measure, Measurement};
use crate::contract::HealthCheck;
use crate::model::{CheckId, Report, Status};
use crate::net::TlsOptions;
use crate::net::test_server::{Act, TestServer, answer, context};

const TIME: Duration = Duration::from_secs(20);
/// For targets that never answer.
const SHORT: Duration = Duration::from_millis(300);

async fn measure_in(options: HttpOptions, time: Duration) -> Measurement {
    HttpMeasure::new(options).unwrap().measure(&context(time)).await.unwrap()
}

async fn measure(options: HttpOptions) -> Measurement {
    measure_in(options, TIME).await
}

async fn report(server: &TestServer) -> Report {
    measure(HttpOptions::new(server.url("/"))).await.report
}

#[track_caller]
fn assert_critical(report: &Report, code: &str, part: &str) {
    assert_eq!((report.status, report.code.as_ref()), (Status::Critical, code), "{}", report.summary);
    assert!(report.summary.contains(part), "{}", report.summary);
    assert!(report.hint.is_some(), "no hint: {}", report.summary);
}

#[tokio::test]
async fn a_good_answer_is_healthy_with_metrics_and_facts() {
    let body = r#"{"queue": {"depth": 3}}"#;
    let server =
        TestServer::http(move |_| answer("200 OK", "content-type: application/json\r\nX-A: 1\r\nx-a: 2\r\n", body))
            .await;
    let found = measure(HttpOptions::new(server.url("/health?deep=1#part"))).await;
    assert_eq!(found.report.status, Status::Healthy);
    assert!(found.report.summary.starts_with("200 OK in "), "{}", found.report.summary);
    for name in ["latency", "connect", "first_byte"] {
        assert!(found.report.value(name).is_some_and(|value| value > 0.0 && value < 20.0), "{name}");
    }
    assert_eq!(found.report.value("size"), Some(23.0));
    for name in ["dns", "tls", "certificate_days"] {
        assert_eq!(found.report.value(name), None, "{name}");
    }
    assert_eq!(found.facts["status"], 200);
    assert_eq!(found.facts["body"]["queue"]["depth"], 3);
    assert_eq!(found.facts["headers"]["x-a"], "1, 2");
    assert_eq!(found.facts["redirects"], 0);
    assert_eq!(found.facts["url"], server.url("/health?deep=***"));

    let request = &server.requests()[0];
    assert!(request.starts_with("GET /health?deep=1 HTTP/1.1\r\n"), "{request}");
    for line in [format!("host: {}", server.address), "connection: close".into(), "accept: */*".into()] {
        assert!(request.contains(&format!("{line}\r\n")), "{request}");
    }
}

#[tokio::test]
async fn what_is_configured_is_sent() {
    let server = TestServer::http(|_| answer("204 No Content", "", "")).await;
    let options = HttpOptions {
        method: "post".to_owned(),
        headers: vec![
            ("X-Key".to_owned(), Secret::new("k".to_owned())),
            ("host".to_owned(), Secret::new("v.test".to_owned())),
        ],
        body: Some(Secret::new("{\"a\":1}".to_owned())),
        auth: Some(HttpAuth::Basic { user: "me".to_owned(), password: Secret::new("pw".to_owned()) }),
        ..HttpOptions::new(server.url("/"))
    };
    assert!(!format!("{options:?}").contains("pw"));
    let check = HttpMeasure::new(options).unwrap();
    assert!(!format!("{check:?}").contains("bWU6cHc"), "{check:?}");
    assert_eq!(check.measure(&context(TIME)).await.unwrap().report.status, Status::Healthy);
    let request = &server.requests()[0];
    assert!(request.starts_with("POST / HTTP/1.1\r\n") && request.ends_with("\r\n\r\n{\"a\":1}"), "{request}");
    for line in ["x-key: k", "host: v.test", "authorization: Basic bWU6cHc=", "content-length: 7"] {
        assert!(request.contains(&format!("{line}\r\n")), "{line}: {request}");
    }
    assert_eq!(request.matches("host:").count(), 1);

    let bearer = HttpAuth::Bearer(Secret::new("t0ken\n".to_owned()));
    measure(HttpOptions { auth: Some(bearer), ..HttpOptions::new(server.url("/")) }).await;
    assert!(server.requests()[1].contains("authorization: Bearer t0ken\r\n"));
}

#[tokio::test]
async fn impossible_options_are_refused_by_name() {
    let base = || HttpOptions::new("http://127.0.0.1:1/");
    let header = |name: &str, value: &str| vec![(name.to_owned(), Secret::new(value.to_owned()))];
    for (options, option, part) in [
        (HttpOptions::new("127.0.0.1:80"), "url", "no URL"),
        (HttpOptions::new("ftp://a.test/"), "url", "http or https"),
        (HttpOptions::new("http://"), "url", "no URL"),
        (HttpOptions::new("http://me:pw@a.test/"), "url", "credentials"),
        (HttpOptions { method: "G T".into(), ..base() }, "method", "no HTTP method"),
        (HttpOptions { method: "CONNECT".into(), ..base() }, "method", "no HTTP method"),
        (HttpOptions { max_redirects: 21, ..base() }, "max_redirects", "more than 20"),
        (HttpOptions { max_body: 1 << 40, ..base() }, "max_body", "64 MiB"),
        (HttpOptions { body_regex: Some("(".into()), ..base() }, "body_regex", "pattern"),
        (HttpOptions { headers: header("a b", "c"), ..base() }, "headers", "no header name"),
        (HttpOptions { headers: header("a", "c\r\nx: y"), ..base() }, "headers", "cannot be sent"),
        (HttpOptions { headers: header("Content-Length", "5"), ..base() }, "headers", "connection itself"),
        (HttpOptions { auth: Some(HttpAuth::Bearer(Secret::new("é\0".into()))), ..base() }, "auth", "cannot be sent"),
        (
            HttpOptions {
                tls: TlsOptions { server_name: Some("a b".into()), ..TlsOptions::default() },
                ..HttpOptions::new("https://a.test/")
            },
            "tls",
            "server_name",
        ),
    ] {
        let error = HttpMeasure::new(options).unwrap_err();
        assert!(error.option == option && error.problem.contains(part), "{error}");
        assert!(!error.to_string().contains("pw"), "{error}");
    }
}

#[tokio::test]
async fn an_unexpected_status_says_what_was_expected() {
    let server = TestServer::http(|request| match request.split(' ').nth(1) {
        Some("/busy") => answer("503 Service Unavailable", "retry-after: 120\r\n", "busy"),
        Some("/limit") => answer("429 Too Many Requests", "Retry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\n", ""),
        Some("/odd") => answer("599 Odd", "", ""),
        _ => answer("404 Not Found", "", ""),
    })
    .await;
    for (path, part) in [
        ("/", "answered 404 Not Found, expected 200-399"),
        ("/busy", "it asks to come back in 120 s"),
        ("/limit", "it asks to come back after Fri, 31 Dec 1999"),
        ("/odd", "answered 599,"),
    ] {
        assert_critical(&measure(HttpOptions::new(server.url(path))).await.report, "unexpected-status", part);
    }
    let status = "404".parse().unwrap();
    let found = measure(HttpOptions { status, ..HttpOptions::new(server.url("/")) }).await;
    assert_eq!(found.report.status, Status::Healthy);
}

#[tokio::test]
async fn the_body_must_have_what_is_asked_for() {
    let server = TestServer::http(|_| answer("200 OK", "", "state=ready v12")).await;
    for (contains, pattern, status) in [
        (Some("ready"), None, Status::Healthy),
        (Some("broken"), None, Status::Critical),
        (None, Some(r"v\d+$"), Status::Healthy),
        (None, Some(r"v\d{3}"), Status::Critical),
        (Some("ready"), Some("nothing"), Status::Critical),
    ] {
        let options = HttpOptions {
            body_contains: contains.map(str::to_owned),
            body_regex: pattern.map(str::to_owned),
            ..HttpOptions::new(server.url("/"))
        };
        let report = measure(options).await.report;
        assert_eq!(report.status, status, "{contains:?} {pattern:?} {}", report.summary);
        if status == Status::Critical {
            assert_critical(&report, "body-mismatch", "the body does not");
        }
    }
}

#[tokio::test]
async fn a_broken_connection_is_named() {
    let server = TestServer::http(|request| match request.split(' ').nth(1) {
        Some("/close") => vec![],
        Some("/reset") => vec![Act::Reset],
        Some("/cut") => vec![Act::send("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc")],
        Some("/cut-chunk") => vec![Act::send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nabc")],
        Some("/cut-head") => vec![Act::send("HTTP/1.1 200 OK\r\ncontent-le")],
        Some("/reset-body") => {
            vec![
                Act::send("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\na"),
                Act::Wait(Duration::from_millis(50)),
                Act::Reset,
            ]
        }
        Some("/huge-headers") => vec![Act::send(format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "y".repeat(200_000)))],
        Some("/many-headers") => vec![Act::send(format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: y\r\n".repeat(1000)))],
        Some("/bad-length") => vec![Act::send("HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n")],
        _ => vec![Act::send("220 mail.test ready\r\n")],
    })
    .await;
    for (path, code, part) in [
        ("/close", "early-eof", "before the first byte"),
        ("/reset", "connection-reset", "before the first byte"),
        ("/cut", "early-eof", "after 3 bytes of body"),
        ("/cut-chunk", "early-eof", "after 3 bytes of body"),
        ("/cut-head", "early-eof", "before the first byte"),
        ("/reset-body", "connection-reset", "in the middle of the answer"),
        ("/huge-headers", "headers-too-large", "65536 bytes"),
        ("/many-headers", "headers-too-large", "128 headers"),
        ("/bad-length", "malformed-answer", "content-length"),
        ("/mail", "malformed-answer", "no valid HTTP/1.1"),
    ] {
        let found = measure(HttpOptions::new(server.url(path))).await;
        assert_critical(&found.report, code, part);
        assert_eq!(found.report.value("latency"), None, "{path}");
        assert!(found.report.value("connect").is_some(), "{path}");
    }
}

#[tokio::test]
async fn nobody_listening_is_refused() {
    let server = TestServer::raw(vec![]).await;
    let url = server.url("/");
    let address = server.address.to_string();
    drop(server);
    tokio::task::yield_now().await;
    let found = measure(HttpOptions::new(url)).await;
    assert_critical(&found.report, "connection-refused", &format!("{address} refused the connection"));
}

#[tokio::test]
async fn a_hung_target_says_where_it_hung() {
    let server = TestServer::http(|request| match request.split(' ').nth(1) {
        Some("/head") => vec![Act::send("HTTP/1.1 200"), Act::Hang],
        Some("/body") => vec![Act::send("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc"), Act::Hang],
        _ => vec![Act::Hang],
    })
    .await;
    for (count, (path, code, part)) in [
        ("/", "timeout-first-byte", "connected, waiting for the first byte"),
        ("/head", "timeout-first-byte", "connected, waiting for the first byte"),
        ("/body", "timeout-body", "stopped after 3 bytes"),
    ]
    .into_iter()
    .enumerate()
    {
        let found = measure_in(HttpOptions::new(server.url(path)), SHORT).await;
        assert_critical(&found.report, code, part);
        assert!(found.report.summary.starts_with("no answer within "), "{}", found.report.summary);
        server.wait_closed(count + 1).await;
    }
    let tls = TestServer::raw(vec![Act::Hang]).await;
    let url = tls.url("/").replace("http:", "https:");
    let insecure = TlsOptions { insecure_skip_verify: true, ..TlsOptions::default() };
    let found = measure_in(HttpOptions { tls: insecure, ..HttpOptions::new(url) }, SHORT).await;
    assert_critical(&found.report, "timeout-tls", "the TLS handshake did not finish");
}

#[tokio::test]
async fn a_dropped_run_closes_its_connection() {
    let server =
        TestServer::http(|_| vec![Act::send("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc"), Act::Hang]).await;
    let check = HttpMeasure::new(HttpOptions::new(server.url("/"))).unwrap();
    let run = async { check.measure(&context(TIME)).await };
    assert!(tokio::time::timeout(Duration::from_millis(100), run).await.is_err());
    server.wait_closed(1).await;
}

#[tokio::test]
async fn slow_and_chunked_answers_are_read_to_their_end() {
    let server = TestServer::http(|request| match request.split(' ').nth(1) {
        Some("/slow") => vec![
            Act::Wait(Duration::from_millis(60)),
            Act::send("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nab"),
            Act::Wait(Duration::from_millis(60)),
            Act::send("cd"),
        ],
        Some("/chunked") => {
            vec![Act::send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n")]
        }
        Some("/continue") => {
            vec![Act::send("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nabcd")]
        }
        Some("/longer") => vec![Act::send("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nabcdefgh")],
        _ => vec![Act::send("HTTP/1.1 200 OK\r\n\r\nabcd")],
    })
    .await;
    for path in ["/slow", "/chunked", "/continue", "/longer", "/until-close"] {
        let found = measure(HttpOptions::new(server.url(path))).await;
        assert_eq!(found.report.status, Status::Healthy, "{path} {}", found.report.summary);
        assert_eq!(found.facts["body"], "abcd", "{path}");
        if path == "/slow" {
            let (total, first) = (found.report.value("latency").unwrap(), found.report.value("first_byte").unwrap());
            // Whoever wakes up late for the first byte waits less for the rest.
            assert!(first >= 0.06 && total >= 0.12 && total > first, "{first} {total}");
        }
    }
}

#[tokio::test]
async fn a_huge_body_is_cut() {
    let server = TestServer::http(|_| answer("200 OK", "", &"x".repeat(3 << 20))).await;
    let found = measure(HttpOptions::new(server.url("/"))).await;
    assert_eq!(found.report.status, Status::Healthy);
    assert_eq!(found.report.value("size"), Some(1_048_576.0));
    assert_eq!(found.facts["body"].as_str().map(str::len), Some(1 << 20));
    let options = HttpOptions { max_body: 10, body_contains: Some("y".into()), ..HttpOptions::new(server.url("/")) };
    assert_critical(&measure(options).await.report, "body-mismatch", "the first 10 bytes of the body");
}

#[tokio::test]
async fn redirects_are_followed_within_limits() {
    let server = TestServer::http(|request| {
        let path = request.split(' ').nth(1).unwrap();
        match path {
            "/loop" => answer("302 Found", "location: /loop2\r\n", ""),
            "/loop2" => answer("302 Found", "location: /loop\r\n", ""),
            "/self" => answer("302 Found", "location: /self\r\n", ""),
            "/ftp" => answer("302 Found", "location: ftp://a.test/\r\n", ""),
            "/nowhere" => answer("302 Found", "", ""),
            "/post" => answer("303 See Other", "location: /0\r\n", ""),
            "/repeat" => answer("307 Temporary Redirect", "location: /0\r\n", ""),
            "/0" => answer("200 OK", "", "end"),
            path => {
                let left: u32 = path[1..].parse().unwrap();
                answer("301 Moved Permanently", &format!("location: {}\r\n", left - 1), "")
            }
        }
    })
    .await;
    let found = measure(HttpOptions::new(server.url("/5"))).await;
    assert_eq!((found.report.status, &found.facts["redirects"]), (Status::Healthy, &5.into()));
    assert_eq!(found.facts["url"], server.url("/0"));
    assert_eq!(server.requests().len(), 6);
    for (path, code, part) in [
        ("/6", "too-many-redirects", "more than 5 redirects"),
        ("/loop", "redirect-loop", "back to http://"),
        ("/self", "redirect-loop", "back to http://"),
        ("/ftp", "bad-redirect", "scheme `ftp`"),
    ] {
        assert_critical(&measure(HttpOptions::new(server.url(path))).await.report, code, part);
    }
    // A redirect that names no target is the answer.
    assert_eq!(measure(HttpOptions::new(server.url("/nowhere"))).await.facts["status"], 302);
    let unfollowed = HttpOptions { follow_redirects: false, ..HttpOptions::new(server.url("/5")) };
    assert_eq!(measure(unfollowed).await.facts["status"], 301);

    let before = server.requests().len();
    for path in ["/post", "/repeat"] {
        let body = Some(Secret::new("data".to_owned()));
        measure(HttpOptions { method: "POST".into(), body, ..HttpOptions::new(server.url(path)) }).await;
    }
    let requests = server.requests();
    assert!(requests[before + 1].starts_with("GET /0 ") && !requests[before + 1].contains("data"));
    assert!(requests[before + 3].starts_with("POST /0 ") && requests[before + 3].ends_with("data"));
}

#[tokio::test]
async fn secrets_stay_with_their_host() {
    let other = TestServer::http(|_| answer("200 OK", "", "")).await;
    let away = other.url("/there");
    let server = TestServer::http(move |request| {
        if request.starts_with("GET /here") {
            answer("302 Found", "location: /same\r\n", "")
        } else {
            answer("307 Temporary Redirect", &format!("location: {away}\r\n"), "")
        }
    })
    .await;
    let options = HttpOptions {
        headers: vec![("x-key".to_owned(), Secret::new("hunter2".to_owned()))],
        auth: Some(HttpAuth::Bearer(Secret::new("t0ken".to_owned()))),
        ..HttpOptions::new(server.url("/here"))
    };
    assert_eq!(measure(options).await.report.status, Status::Healthy);
    let requests = server.requests();
    assert!(
        requests.len() == 2 && requests.iter().all(|request| request.contains("t0ken") && request.contains("hunter2"))
    );
    let reached = &other.requests()[0];
    assert!(!reached.contains("t0ken") && !reached.contains("hunter2"), "{reached}");
    assert!(reached.contains(&format!("host: {}\r\n", other.address)), "{reached}");

    let body = Some(Secret::new("data".to_owned()));
    let options = HttpOptions { method: "POST".into(), body, ..HttpOptions::new(server.url("/away")) };
    assert_critical(&measure(options).await.report, "bad-redirect", "would send the body to another host");
    assert_eq!(other.requests().len(), 1);
}

#[cfg(unix)]
#[tokio::test]
async fn a_unix_socket_is_a_target_too() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("http.sock");
    let options = || HttpOptions { unix: Some(path.clone()), ..HttpOptions::new("http://localhost/x") };
    assert_critical(&measure(options()).await.report, "no-socket", "does not exist");
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut buffer = [0; 1024];
        let count = stream.read(&mut buffer).await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        String::from_utf8_lossy(&buffer[..count]).into_owned()
    });
    assert_eq!(measure(options()).await.report.status, Status::Healthy);
    assert!(server.await.unwrap().starts_with("GET /x HTTP/1.1"));
    assert_critical(&measure(options()).await.report, "connection-refused", "refused");
}

#[tokio::test]
async fn names_are_looked_up_once_for_all() {
    let server = TestServer::http(|_| answer("200 OK", "", "")).await;
    let url = format!("http://localhost:{}/", server.address.port());
    let checks: Vec<_> = (0..8).map(|_| HttpMeasure::new(HttpOptions::new(url.clone())).unwrap()).collect();
    let cx = context(TIME);
    for found in futures::future::join_all(checks.iter().map(|check| check.measure(&cx))).await {
        let report = found.unwrap().report;
        assert_eq!(report.status, Status::Healthy, "{}", report.summary);
        assert!(report.value("dns").is_some());
    }
}

#[tokio::test]
async fn a_name_that_cannot_be_is_a_dns_failure() {
    // A label of more than 63 characters is refused by the resolver itself, so no name server is asked.
    let found = measure(HttpOptions::new(format!("http://{}.invalid/", "a".repeat(70)))).await;
    assert_critical(&found.report, "dns-failure", "cannot look up aaa");
}

#[tokio::test]
async fn conditions_see_facts_and_metrics() {
    let server =
        TestServer::http(|_| answer("200 OK", "content-type: application/json\r\n", r#"{"depth": 120}"#)).await;
    for (text, status) in [
        ("body.depth > 100", Status::Warning),
        ("body.depth > 200", Status::Healthy),
        ("headers.content-type ~ json", Status::Warning),
        ("status == 200", Status::Warning),
        ("latency > 10s", Status::Healthy),
        ("size < 1KiB", Status::Warning),
        ("body.nothing > 1", Status::Unknown),
    ] {
        let conditions = Conditions::default().warn(text.parse().unwrap());
        let measure = HttpMeasure::new(HttpOptions::new(server.url("/"))).unwrap();
        let check = Judged::new(CheckId::new("web").unwrap(), measure, conditions);
        let report = check.check(&context(TIME)).await.unwrap();
        assert_eq!(report.status, status, "{text}: {}", report.summary);
    }
    let unasked = report(&server).await;
    assert_eq!(unasked.status, Status::Healthy);
}

proptest! {
    #[test]
    fn never_panics_on_odd_options(url in "(https?://)?\\PC{0,20}", name in "\\PC{0,8}", value in "\\PC{0,8}", method in "\\PC{0,6}") {
        let headers = vec![(name, Secret::new(value))];
        let _ = HttpMeasure::new(HttpOptions { method, headers, ..HttpOptions::new(url) });
    }

    #[test]
    fn odd_answers_do_no_harm(head in prop::collection::vec(any::<u8>(), 0..60), body in prop::collection::vec(any::<u8>(), 0..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let server = TestServer::http(move |_| {
                let mut bytes = b"HTTP/1.1 200 OK\r\n".to_vec();
                bytes.extend(&head);
                bytes.extend(b"\r\n\r\n");
                bytes.extend(&body);
                vec![Act::Send(bytes)]
            })
            .await;
            let _ = report(&server).await;
        });
    }
}
