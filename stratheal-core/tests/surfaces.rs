//! What a running engine shows: formats, HTTP endpoints on a real socket, and the control socket.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say so")]

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use stratheal_core::contract::FnCheck;
use stratheal_core::control::{self, Client, Control, ControlError, Request, Response, socket_path};
use stratheal_core::endpoints::{Options, router, serve};
use stratheal_core::engine::{Engine, EngineHandle, Registration};
use stratheal_core::format::{Exposition, Style, health_json, human, json, junit, metrics, nagios};
use stratheal_core::model::{CheckId, CheckSpec, Metric, Probe, Report, Status, Unit};
use stratheal_core::testing::skipped;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

async fn engine() -> EngineHandle {
    let fine = FnCheck::new(CheckId::new("web/fine").unwrap(), || async {
        Ok(Report::healthy("all \"good\" & <well>").metric(Metric::new("latency", 0.25, Unit::Seconds)))
    });
    let broken = FnCheck::new(CheckId::new("broken").unwrap(), || async {
        Ok(Report::critical("host db.internal | down").code("down").hint("look at it"))
    });
    let unknown = FnCheck::new(CheckId::new("unknown").unwrap(), || async { Ok(Report::unknown("no idea")) });
    let spec = |probes: Vec<Probe>| CheckSpec { probes, ..CheckSpec::every(Duration::from_mins(1)).confirm(1, 1) };
    let engine = Engine::builder()
        .register(Registration::new(fine, spec(vec![Probe::Readiness, Probe::Startup]).tag("web")))
        .register(Registration::new(broken, spec(vec![Probe::Liveness])))
        .register(Registration::new(unknown, spec(vec![]).optional()))
        .without_self_check()
        .build()
        .unwrap()
        .start()
        .unwrap();
    for id in ["web/fine", "broken", "unknown"] {
        engine.run_now(id).await.unwrap();
    }
    tokio::time::sleep(Duration::from_millis(60)).await;
    engine
}

async fn get(address: std::net::SocketAddr, path: &str, headers: &str) -> (u16, String, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), head.to_lowercase(), body.to_owned())
}

async fn served(options: Options) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, router(engine().await, options), std::future::pending()));
    address
}

const LOCAL: &str = "Host: 127.0.0.1:8090\r\n";

#[tokio::test]
async fn probes_answer_by_kind() {
    let address = served(Options::default()).await;
    assert_eq!(get(address, "/livez", LOCAL).await.0, 503);
    assert_eq!(get(address, "/readyz", LOCAL).await.0, 200);
    assert_eq!(get(address, "/startupz", LOCAL).await.0, 200);
    assert_eq!(get(address, "/nothing", LOCAL).await.0, 404);
}

#[tokio::test]
async fn details_are_shown_on_request_only() {
    let address = served(Options::default()).await;
    let (code, head, body) = get(address, "/health", LOCAL).await;
    assert_eq!((code, body.as_str()), (503, r#"{"status":"fail"}"#));
    assert!(
        head.contains("content-type: application/health+json") && head.contains("cache-control: max-age="),
        "{head}"
    );
    let (_, _, body) = get(address, "/metrics", LOCAL).await;
    assert!(!body.contains("db.internal"), "{body}");

    let address = served(Options { details: true, ..Options::default() }).await;
    let (_, _, body) = get(address, "/health", LOCAL).await;
    let document: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(document["checks"]["broken"][0]["output"], "host db.internal | down");
    assert_eq!(document["checks"]["web/fine:latency"][0]["observedValue"], 0.25);
    assert_eq!(document["checks"]["unknown"][0]["x-status"], "unknown");
    let (code, _, body) = get(address, "/health/web/fine", LOCAL).await;
    assert_eq!(code, 200, "{body}");
    assert_eq!(get(address, "/health/nobody", LOCAL).await.0, 404);
    let (code, _, body) = get(address, "/health?tag=web", LOCAL).await;
    assert!(code == 200 && !body.contains("broken"), "{body}");
}

#[tokio::test]
async fn only_known_names_are_answered() {
    let address = served(Options { hosts: vec!["monitor.example.com".to_owned()], ..Options::default() }).await;
    for (host, code) in [("evil.example", 403), ("monitor.example.com", 200), ("localhost:1", 200), ("[::1]:9", 200)] {
        assert_eq!(get(address, "/metrics", &format!("Host: {host}\r\n")).await.0, code, "{host}");
    }
    let (code, ..) = get(address, "/metrics", "").await;
    assert!(code >= 400, "a request without a host is not answered: {code}");
}

fn promtool_accepts(text: &str) -> Option<Result<(), String>> {
    let tool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = tool else {
        skipped("the metrics page read by promtool", "promtool is not installed");
        return None;
    };
    std::io::Write::write_all(child.stdin.as_mut().unwrap(), text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Some(if output.status.success() { Ok(()) } else { Err(said) })
}

#[tokio::test]
async fn scrapers_can_read_the_metrics() {
    let address = served(Options::default()).await;
    let (code, head, text) = get(address, "/metrics", LOCAL).await;
    assert_eq!(code, 200);
    assert!(head.contains("text/plain; version=0.0.4"), "{head}");
    assert!(text.contains("stratheal_check_status{check=\"broken\"} 2\n"), "{text}");
    assert!(
        text.contains("stratheal_check_value{check=\"web/fine\",metric=\"latency\",unit=\"seconds\"} 0.25\n"),
        "{text}"
    );
    assert_eq!(promtool_accepts(&text).unwrap_or(Ok(())), Ok(()));
    let (_, head, open) =
        get(address, "/metrics", &format!("{LOCAL}Accept: application/openmetrics-text; version=1.0.0\r\n")).await;
    assert!(head.contains("application/openmetrics-text") && open.ends_with("# EOF\n"), "{open}");
    assert!(open.contains("# TYPE stratheal_check_runs counter\n"), "{open}");
}

#[tokio::test]
async fn a_flood_of_headers_is_refused() {
    let address = served(Options::default()).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let flood = format!("GET /livez HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "x".repeat(1 << 20));
    // The server may close before all of it is written.
    let _ = stream.write_all(flood.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP/1.1 2"), "{}", String::from_utf8_lossy(&answer));
    assert_eq!(get(address, "/readyz", LOCAL).await.0, 200);
}

#[tokio::test]
async fn every_format_says_the_same() {
    let engine = engine().await;
    let snapshot = engine.snapshot();
    assert_eq!(snapshot.status, Status::Critical);
    let text = human(&snapshot, Style::default());
    assert!(text.starts_with("critical  broken") && text.contains("-> look at it"), "{text}");
    assert!(text.ends_with("critical: 3 checks, 1 healthy, 1 critical, 1 unknown\n"), "{text}");

    let text = nagios(&snapshot);
    let (first, long) = text.split_once('\n').unwrap();
    assert!(first.starts_with("STRATHEAL CRITICAL - 2 of 3 not healthy: broken: host db.internal / down"), "{first}");
    assert!(first.ends_with("| 'web/fine/latency'=0.25s"), "{first}");
    assert_eq!(long.lines().count(), 3);

    let text = junit(&snapshot);
    assert!(text.contains("tests=\"3\" failures=\"1\" errors=\"1\" skipped=\"0\""), "{text}");
    assert!(text.contains("<failure type=\"down\""), "{text}");

    let document: serde_json::Value = serde_json::from_str(&json(&snapshot)).unwrap();
    assert_eq!((&document["version"], &document["status"]), (&1.into(), &"critical".into()));
    assert_eq!(document["checks"][0]["id"], "broken");
    assert_eq!(health_json(&snapshot, false).to_string(), r#"{"status":"fail"}"#);
    assert!(metrics(&snapshot, None, Exposition::OpenMetrics).ends_with("# EOF\n"));
}

#[tokio::test]
async fn the_control_socket_answers_its_owner() {
    let folder = tempfile::tempdir().unwrap();
    let path = socket_path(folder.path(), Some(folder.path()), 0);
    let control = Control {
        engine: engine().await,
        history: None,
        reload: Arc::new(|| async { Ok("2 checks changed".to_owned()) }.boxed()),
        healer: None,
        services: None,
    };
    assert!(matches!(Client::connect(&path).await, Err(ControlError::NotRunning)));
    let socket = path.clone();
    let server = tokio::spawn(async move { control::serve(&socket, control).await });
    let mut client = loop {
        match Client::connect(&path).await {
            Ok(client) => break client,
            Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    };
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    assert!(matches!(client.ask(&Request::Ping).await.unwrap(), Response::Pong { .. }));
    let Response::Snapshot(snapshot) = client.ask(&Request::Snapshot).await.unwrap() else { panic!("not a snapshot") };
    assert_eq!((snapshot.checks.len(), snapshot.status), (3, Status::Critical));
    let Response::Explanation(why) = client.ask(&Request::Explain { id: "broken".into() }).await.unwrap() else {
        panic!("not an explanation")
    };
    assert!(why.to_string().contains("what to do    look at it"), "{why}");
    let error = client.ask(&Request::Explain { id: "brokn".into() }).await.unwrap_err();
    assert_eq!(error.to_string(), "there is no check `brokn`: did you mean `broken`?");
    assert_eq!(client.ask(&Request::Reload).await.unwrap(), Response::Done("2 checks changed".to_owned()));

    // Nonsense is answered, not obeyed, and a flood ends the conversation.
    let mut stranger = tokio::net::UnixStream::connect(&path).await.unwrap();
    stranger.write_all(b"nonsense\n").await.unwrap();
    let mut buffer = [0; 1024];
    let read = stranger.read(&mut buffer).await.unwrap();
    assert!(String::from_utf8_lossy(&buffer[..read]).contains("refused"));
    let mut flood = tokio::net::UnixStream::connect(&path).await.unwrap();
    let _ = flood.write_all(&vec![b'x'; 1 << 20]).await;
    assert!(matches!(client.ask(&Request::Ping).await.unwrap(), Response::Pong { .. }));
    server.abort();
    let _ = server.await;
    assert!(!path.exists());
}
