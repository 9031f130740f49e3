//! Runs each example for a moment, so that none of them rots.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say so")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
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

/// Whether there is a Python that environments can be made from.
fn is_python_there(example: &str) -> bool {
    let is_there = Command::new("python3").arg("--version").output().is_ok_and(|output| output.status.success());
    if !is_there {
        stratheal_core::testing::skipped(&format!("examples: {example}"), "there is no python3 in PATH");
    }
    is_there
}

fn install(folder: &Path, index: &FaultyIndex) -> (Option<i32>, String) {
    let environment = folder.join("env");
    let arguments = [&index.url(), text(&environment), "alpha==1.0"];
    run_with_cache(env!("CARGO_BIN_EXE_install"), &folder.join("cache"), &arguments)
}

fn module(environment: &Path) -> PathBuf {
    let lib = fs::read_dir(environment.join("lib")).unwrap().next().unwrap().unwrap().path();
    lib.join("site-packages/alpha/__init__.py")
}

#[test]
fn installing() {
    if !is_python_there("install") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (_runtime, index) = index(vec![Rule::files(Fault::ResetWithin(40_000)).first(1)]);
    let (code, output) = install(folder.path(), &index);
    assert_eq!(code, Some(0), "{output}");
    for part in ["+ alpha 1.0", "versions by pins", "1 wheels are fetched", "Compiling", ": Created, "] {
        assert!(output.contains(part), "{part}: {output}");
    }
    assert!(module(&folder.path().join("env")).is_file());
    let (code, output) = install(folder.path(), &index);
    assert_eq!((code, output.contains("nothing to do")), (Some(0), true), "{output}");
}

#[test]
fn installing_is_stopped() {
    if !is_python_there("install, stopped") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (_runtime, index) = index(vec![Rule::files(Fault::SilenceWithin(10))]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_install"));
    command.args([&index.url(), text(&folder.path().join("env")), "alpha==1.0"]);
    let mut child = command.env("CACHE", folder.path().join("cache")).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut running = Running(child);
    let begun = lines.by_ref().map(Result::unwrap).any(|line| line.contains("are fetched and unpacked"));
    assert!(begun && run("kill", &["-INT", &running.0.id().to_string()]).0 == Some(0));
    assert_eq!(lines.map(Result::unwrap).last().as_deref(), Some("stopped"));
    assert_eq!(running.0.wait().unwrap().code(), Some(130));
    let left = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    let left: Vec<_> = left.filter(|name| name != "cache" && name != "cache.state").collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn verifying() {
    if !is_python_there("verify") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (_runtime, index) = index(Vec::new());
    let (code, output) = install(folder.path(), &index);
    assert_eq!(code, Some(0), "{output}");
    let environment = folder.path().join("env");
    let verify = || {
        let arguments = [text(&environment), &index.url()];
        run_with_cache(env!("CARGO_BIN_EXE_verify"), &folder.path().join("cache"), &arguments)
    };
    let (code, output) = verify();
    assert!(code == Some(0) && output.starts_with("1 project, ") && !output.contains("put back"), "{output}");
    fs::write(module(&environment), "damaged").unwrap();
    let (code, output) = verify();
    assert_eq!(code, Some(0), "{output}");
    for part in ["__init__.py was changed", "put back ", "from alpha-1.0-py3-none-any.whl", "healthy   environment"] {
        assert!(output.contains(part), "{part}: {output}");
    }
}

#[test]
fn going_back() {
    if !is_python_there("snapshot") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (_runtime, index) = index(Vec::new());
    let (code, output) = install(folder.path(), &index);
    assert_eq!(code, Some(0), "{output}");
    let environment = folder.path().join("env");
    let before = fs::read(environment.join("pyvenv.cfg")).unwrap();
    let cache = folder.path().join("cache");
    let (code, output) = run_with_cache(env!("CARGO_BIN_EXE_snapshot"), &cache, &[text(&environment)]);
    assert_eq!(code, Some(0), "{output}");
    for part in
        ["snapshot 1: ", "Changed: pyvenv.cfg", "as in snapshot 1 again: 1 put back", "what was there is snapshot 2"]
    {
        assert!(output.contains(part), "{part}: {output}");
    }
    assert_eq!(fs::read(environment.join("pyvenv.cfg")).unwrap(), before);
}
