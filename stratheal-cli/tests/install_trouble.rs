//! Environments in trouble: killed at random, and with system calls that fail at random.
#![cfg(target_os = "linux")]
#![expect(clippy::disallowed_methods, reason = "no runtime here, and real time is what is tested")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say so")]
#![expect(dead_code, reason = "the playground is shared, and has more than is needed here")]

mod packages_playground;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use packages_playground::{Done, Place, Server, uv};
use stratheal_core::testing::faulty_index::{Content, Package};
use stratheal_core::testing::skipped;

/// The projects, each in two versions.
const NAMES: [&str; 5] = ["part0", "part1", "part2", "part3", "part4"];

/// An environment that goes from one version of everything to the other and back.
struct Case {
    place: Place,
    server: Server,
    path: String,
}

impl Case {
    fn new(files: u32) -> Option<Self> {
        let uv = uv()?;
        let releases = NAMES.iter().flat_map(|name| ["1.0", "2.0"].map(|version| (name, version)));
        let packages = releases.map(|(name, version)| Package::new(name, version).payload(400_000).files(files));
        let path = format!("{}:{}", Path::new(&uv).parent()?.display(), std::env::var("PATH").unwrap_or_default());
        let case = Self { place: Place::new(), server: Server::start(Content::new(packages), Vec::new()), path };
        for version in ["2.0", "1.0"] {
            let done = case.install(version);
            assert_eq!(done.code, 0, "{done:?}");
        }
        assert_eq!(case.observe(), Some("{'1.0'}".to_owned()));
        Some(case)
    }

    fn arguments(&self, version: &str) -> Vec<String> {
        let wanted = NAMES.iter().map(|name| format!("{name}=={version}"));
        ["--index".to_owned(), self.server.url(), "install".to_owned()].into_iter().chain(wanted).collect()
    }

    fn install(&self, version: &str) -> Done {
        let arguments = self.arguments(version);
        self.place.run_with(&[("PATH", &self.path)], &arguments.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Which versions a process sees that imports everything. `None` when it cannot.
    fn observe(&self) -> Option<String> {
        let names = NAMES.join(", ");
        let code = format!("import {names}\nprint({{m.__version__ for m in ({names},)}})");
        let output =
            Command::new(self.place.path(".venv/bin/python")).args(["-I", "-B", "-c", &code]).output().unwrap();
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap().trim().to_owned())
    }

    /// Who has the environment's name.
    fn identity(&self) -> u64 {
        fs::metadata(self.place.path(".venv")).unwrap().ino()
    }

    /// The next run clears up whatever was left.
    fn is_whole_in_the_end(&self) {
        for version in ["1.0", "2.0"] {
            let done = self.install(version);
            assert_eq!(done.code, 0, "{done:?}");
        }
        assert_eq!(self.observe(), Some("{'2.0'}".to_owned()));
        assert!(!self.place.path(".stratheal/stage").exists(), "something was left");
        let status = self.place.run_with(&[("PATH", &self.path)], &["--index", &self.server.url(), "index", "status"]);
        assert_eq!(status.code, 0, "{status:?}");
    }
}

/// Numbers that are the same in each run.
struct Seeded(u64);

impl Seeded {
    fn next(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }
}

#[test]
fn killed_at_random_it_is_the_old_one_or_the_new_one() {
    killed(150);
}

#[test]
#[ignore = "it takes a quarter of an hour"]
fn chaos_of_kills() {
    killed(5_000);
}

fn killed(times: usize) {
    let Some(case) = Case::new(80) else { return };
    let mut seeded = Seeded(0x2545_f491_4f6c_dd1d);
    let (mut switched, mut kept) = (0, 0);
    let mut current = "{'1.0'}".to_owned();
    let (is_over, in_place_now, imports) = (AtomicBool::new(false), AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        // Somebody imports from the environment all the time.
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                let before = (case.identity(), in_place_now.load(Ordering::SeqCst));
                let found = case.observe();
                let is_overlapped = before.1 || before != (case.identity(), in_place_now.load(Ordering::SeqCst));
                let found = found.expect("everything is in both versions, so that nothing is ever missing");
                assert!(is_overlapped || found.len() == "{'1.0'}".len(), "a mixture: {found}");
                imports.fetch_add(1, Ordering::Relaxed);
            }
        });
        for _ in 0..times {
            let version = if current == "{'1.0'}" { "2.0" } else { "1.0" };
            let in_place = seeded.next(3) == 0;
            in_place_now.store(in_place, Ordering::SeqCst);
            let arguments = case.arguments(version);
            let option = in_place.then_some("--in-place");
            let arguments: Vec<_> = arguments.iter().map(String::as_str).chain(option).collect();
            let running = case.place.start_with(&[("PATH", &case.path)], &arguments);
            std::thread::sleep(std::time::Duration::from_micros(seeded.next(200_000)));
            drop(running);
            if in_place {
                // Files that were replaced one by one may be some of both until the next one who works here.
                let recovered = case.place.run_with(&[("PATH", &case.path)], &["uninstall", "nothing"]);
                assert_eq!(recovered.code, 0, "{recovered:?}");
            }
            let found = case.observe().unwrap();
            assert!(found == "{'1.0'}" || found == "{'2.0'}", "a mixture: {found}");
            if found == current {
                kept += 1;
            } else {
                switched += 1;
            }
            current = found;
        }
        is_over.store(true, Ordering::Relaxed);
    });
    assert!(switched > 0 && kept > 0, "{switched} switched, {kept} kept: the kills hit nothing");
    assert!(imports.load(Ordering::Relaxed) > times / 10, "nobody looked");
    case.is_whole_in_the_end();
}

#[test]
fn with_calls_that_fail_it_is_the_old_one_or_the_new_one() {
    faulty(40);
}

#[test]
#[ignore = "it takes minutes"]
fn chaos_of_failing_calls() {
    faulty(2_000);
}

/// Lets one system call fail, as a full, forbidding or broken disk does.
fn faulty(times: usize) {
    let traced = Command::new("strace").args(["-qqq", "-e", "trace=none", "true"]).output();
    if !traced.is_ok_and(|ran| ran.status.success()) {
        return skipped("environments with calls that fail", "there is no strace, or it may not trace");
    }
    let Some(case) = Case::new(20) else { return };
    let mut seeded = Seeded(0x9e37_79b9_7f4a_7c15);
    let mut current = "{'1.0'}".to_owned();
    let (mut failed, mut done) = (0, 0);
    for _ in 0..times {
        let version = if current == "{'1.0'}" { "2.0" } else { "1.0" };
        let calls =
            ["openat", "linkat", "renameat2", "rename", "write", "mkdir", "symlink", "unlink", "fsync", "getdents64"];
        let call = calls[seeded.next(calls.len() as u64) as usize];
        let error = ["ENOSPC", "EACCES", "EIO"][seeded.next(3) as usize];
        let most = match call {
            "openat" | "write" => 200,
            "linkat" => 120,
            "mkdir" | "getdents64" => 30,
            _ => 6,
        };
        let at = 1 + seeded.next(most);
        let inject = format!("inject={call}:error={error}:when={at}");
        let mut command = Command::new("strace");
        command.args(["-f", "-qqq", "-o", "/dev/null", "-e", &format!("trace={call}"), "-e", &inject]);
        command.arg(env!("CARGO_BIN_EXE_stratheal")).args(case.arguments(version));
        let in_place = seeded.next(3) == 0;
        command.args(in_place.then_some("--in-place"));
        let ran = case.place.run_this(command, &[("PATH", &case.path)]);
        if in_place && ran.code != 0 {
            let recovered = case.place.run_with(&[("PATH", &case.path)], &["uninstall", "nothing"]);
            assert_eq!(recovered.code, 0, "{inject}: {recovered:?}, after {ran:?}");
        }
        let found = case.observe().unwrap_or_else(|| panic!("{inject}: it cannot be used any more, after {ran:?}"));
        assert!(found == "{'1.0'}" || found == "{'2.0'}", "{inject}: a mixture: {found}");
        if ran.code == 0 {
            assert_ne!(found, current, "{inject}: it said that it was done: {ran:?}");
            done += 1;
        } else {
            assert!(!ran.err.contains("panicked"), "{inject}: {ran:?}");
            assert!(ran.err.contains("stratheal: "), "{inject}: {ran:?}");
            failed += 1;
        }
        current = found;
    }
    assert!(failed > times / 8 && done > 0, "{failed} failed, {done} did not: nothing was hit");
    case.is_whole_in_the_end();
}
