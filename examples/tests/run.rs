//! Runs each example for a moment, so that none of them rots.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say so")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use stratheal_core::testing::faulty_index::{Content, Fault, FaultyIndex, Package, Rule};

fn run(program: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = Command::new(program).args(arguments).output().unwrap();
    let text = String::from_utf8(stdout).unwrap() + &String::from_utf8(stderr).unwrap();
    (status.code(), text)
}

fn folder_with(files: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in files {
        fs::write(folder.path().join(name), "12345").unwrap();
    }
    folder
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn minimal() {
    let (code, output) = run(env!("CARGO_BIN_EXE_minimal"), &[]);
    assert_eq!(code, Some(0), "{output}");
    assert!(output.contains("queue is healthy: 3 jobs wait"), "{output}");
    assert!(output.contains("memory") && output.contains("stratheal.self"), "{output}");
}

#[test]
fn custom_check() {
    let folder = folder_with(&["a", "b", "c"]);
    let check = |limit| run(env!("CARGO_BIN_EXE_custom_check"), &[text(folder.path()), limit]);
    let (code, output) = check("2");
    assert_eq!(code, Some(1), "{output}");
    assert!(output.contains("3 files wait, more than 2") && output.contains("empties the folder"), "{output}");
    assert_eq!(check("3").0, Some(0));
    let (code, output) = run(env!("CARGO_BIN_EXE_custom_check"), &[text(&folder.path().join("none")), "3"]);
    assert_eq!(code, Some(3), "what cannot be measured is unknown: {output}");
}

#[test]
fn custom_remedy() {
    let folder = folder_with(&["a", "b"]);
    let (code, output) = run(env!("CARGO_BIN_EXE_custom_remedy"), &[text(folder.path())]);
    assert_eq!(code, Some(0), "{output}");
    assert!(output.contains("2 files") && output.contains(", 5 bytes"), "{output}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "a plan changes nothing");
    let (code, output) = run(env!("CARGO_BIN_EXE_custom_remedy"), &[text(&folder.path().join("none"))]);
    assert_eq!(code, Some(1), "{output}");
}

#[test]
fn conformance() {
    let (code, output) = run(env!("CARGO_BIN_EXE_conformance"), &[]);
    assert_eq!(code, Some(0), "{output}");
    assert!(output.contains("good: keeps the contract") && output.contains("sloppy: does not"), "{output}");
}

/// Ends the program also when the test fails.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to end.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn embed_in_axum() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_embed_in_axum")).stdout(Stdio::piped()).spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let _running = Running(child);
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("http://").and_then(|rest| rest.strip_suffix("/monitor/health")).unwrap();
    assert!(get(address, "/").ends_with("hello\n"));
    let ready = (0..100).any(|_| {
        std::thread::park_timeout(Duration::from_millis(50));
        get(address, "/monitor/readyz").starts_with("HTTP/1.1 200")
    });
    assert!(ready, "{}", get(address, "/monitor/health"));
    let health = get(address, "/monitor/health");
    assert!(health.contains("pages:served"), "{health}");
    let metrics = get(address, "/monitor/metrics");
    assert!(metrics.contains("pages"), "{metrics}");
}

/// An index with one project, on a runtime that lives as long as it is used.
fn index(rules: Vec<Rule>) -> (tokio::runtime::Runtime, FaultyIndex) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let content = Content::new([Package::new("alpha", "1.0").payload(100_000)]);
    let index = runtime.block_on(FaultyIndex::start(content, rules)).unwrap();
    (runtime, index)
}

fn run_with_cache(program: &str, cache: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if ["PYTHON", "PIP_", "UV_"].iter().any(|prefix| name.starts_with(prefix))
            || name.to_lowercase().ends_with("_proxy")
        {
            command.env_remove(name);
        }
    }
    let Output { status, stdout, stderr } = command.args(arguments).env("CACHE", cache).output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap() + &String::from_utf8(stderr).unwrap())
}

#[test]
fn fetch() {
    let folder = tempfile::tempdir().unwrap();
    let (_runtime, index) = index(vec![Rule::files(Fault::ResetWithin(40_000)).first(1)]);
    let get = |url: &str| run_with_cache(env!("CARGO_BIN_EXE_fetch"), folder.path(), &[url, "Alpha"]);
    let (code, output) = get(&index.url());
    assert_eq!(code, Some(0), "{output}");
    let id = index.content().files()[0].body.id().to_string();
    assert!(output.contains(&id), "{output}");
    assert!(Path::new(output.lines().last().unwrap()).is_file(), "{output}");
    let (code, output) = run_with_cache(env!("CARGO_BIN_EXE_fetch"), folder.path(), &[&index.url(), "beta"]);
    assert_eq!((code, output.contains("NoSuchProject")), (Some(1), true), "{output}");
}

#[test]
fn gateway() {
    let folder = tempfile::tempdir().unwrap();
    let (_runtime, index) = index(Vec::new());
    let url = index.url();
    let target = folder.path().join("got");
    let pip = [
        "python3",
        "-m",
        "pip",
        "download",
        "--no-deps",
        "--no-cache-dir",
        "--quiet",
        "--dest",
        text(&target),
        "alpha",
    ];
    if run("python3", &["-m", "pip", "--version"]).0 != Some(0) {
        stratheal_core::testing::skipped("examples: gateway", "python3 has no pip");
        return;
    }
    let arguments: Vec<_> = std::iter::once(url.as_str()).chain(pip).collect();
    let (code, output) = run_with_cache(env!("CARGO_BIN_EXE_gateway"), &folder.path().join("cache"), &arguments);
    assert_eq!(code, Some(0), "{output}");
    assert!(output.contains("1 fetched"), "{output}");
    assert_eq!(fs::read_dir(target).unwrap().count(), 1);
}
