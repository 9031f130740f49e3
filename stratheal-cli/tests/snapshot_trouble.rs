//! Rollbacks in trouble: killed at random and at every kind of system call, and with calls that fail.
#![cfg(target_os = "linux")]
#![expect(clippy::disallowed_methods, reason = "no runtime here, and real time is what is tested")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say so")]
#![expect(dead_code, reason = "the playground is shared, and has more than is needed here")]

#[path = "packages_playground/case.rs"]
mod case;
mod packages_playground;
#[path = "packages_playground/told.rs"]
mod told;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use case::Case;
use packages_playground::Done;
use stratheal_core::testing::faulty_index::{Content, Package};
use stratheal_core::testing::skipped;
use told::{differences, told};

/// An environment that was two things, with a snapshot of each.
struct Two {
    case: Case,
    states: [BTreeMap<PathBuf, String>; 2],
}

/// The labels of the snapshots.
const LABELS: [&str; 2] = ["one", "two"];

impl Two {
    fn new() -> Option<Self> {
        let packages = ["1.0", "2.0"].map(|version| Package::new("part", version).payload(300_000).files(60));
        let case = Case::new(Content::new(packages), Vec::new())?;
        let mut states = Vec::new();
        for (version, label) in ["1.0", "2.0"].into_iter().zip(LABELS) {
            let done = case.run(&["install", "--no-snapshot", &format!("part=={version}")]);
            assert_eq!(done.code, 0, "{done:?}");
            let root = case.place.path(".venv");
            // What no wheel holds.
            for number in 0..30 {
                let folder = root.join(format!("own-{label}"));
                fs::create_dir_all(&folder).unwrap();
                fs::write(folder.join(format!("{number}.txt")), format!("{label} {number}").repeat(500)).unwrap();
            }
            take_shape(&root, label == LABELS[0]);
            let done = case.place.run(&["--offline", "snapshot", "create", "--label", label]);
            assert_eq!(done.code, 0, "{done:?}");
            states.push(told(&root));
        }
        assert_ne!(states[0], states[1]);
        let [one, two] = states.try_into().ok()?;
        Some(Self { case, states: [one, two] })
    }

    /// Which of the two it is, byte by byte.
    fn state(&self) -> Option<usize> {
        let now = told(&self.case.place.path(".venv"));
        self.states.iter().position(|state| *state == now)
    }

    /// In what it differs from each.
    fn differences(&self) -> [Vec<String>; 2] {
        let now = told(&self.case.place.path(".venv"));
        self.states.each_ref().map(|state| differences(&now, state))
    }

    fn rollback(&self, to: usize) -> Done {
        self.case.place.run(&["--offline", "rollback", LABELS[to]])
    }

    /// What has been left is cleared up by the next one, and all that is kept is whole.
    fn is_whole_in_the_end(&self) {
        for to in [0, 1] {
            let done = self.rollback(to);
            assert_eq!((done.code, self.state()), (0, Some(to)), "{done:?}");
        }
        assert!(!self.case.place.path(".stratheal/stage").exists(), "something was left");
        let verified = self.case.place.run(&["--offline", "snapshot", "verify"]);
        assert_eq!(verified.code, 0, "{verified:?}");
        let collected = self.case.place.run(&["--offline", "snapshot", "gc", "--keep-last", "0"]);
        assert_eq!(collected.code, 0, "{collected:?}");
        let verified = self.case.place.run(&["--offline", "snapshot", "verify"]);
        assert!(verified.code == 0 && verified.out.lines().count() >= 2, "{verified:?}");
        let verified = self.case.place.run(&["--offline", "verify", "--full", ".venv"]);
        assert_eq!(verified.code, 0, "{verified:?}");
    }
}

/// Names that are a file, a link and a folder in one of the two, and something else in the other.
fn take_shape(root: &Path, is_first: bool) {
    let [one, other, link] = ["shape-1", "shape-2", "shape-3"].map(|name| root.join(name));
    let (file, folder) = if is_first { (&one, &other) } else { (&other, &one) };
    if is_first {
        symlink("lib", link).unwrap();
    } else {
        fs::remove_dir_all(file).unwrap();
        fs::remove_file(folder).unwrap();
        fs::remove_file(&link).unwrap();
        fs::create_dir_all(link.join("empty")).unwrap();
    }
    fs::write(file, "a file").unwrap();
    fs::create_dir_all(folder.join("deep")).unwrap();
    fs::write(folder.join("deep/file"), "in a folder").unwrap();
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
fn killed_at_random_it_is_one_of_the_two() {
    killed(60);
}

#[test]
#[ignore = "it takes a quarter of an hour"]
fn chaos_of_kills() {
    killed(5_000);
}

fn killed(times: usize) {
    let Some(two) = Two::new() else { return };
    let mut seeded = Seeded(0x2545_f491_4f6c_dd1d);
    let (mut switched, mut kept, mut current) = (0, 0, 1);
    for _ in 0..times {
        let running = two.case.place.start(&["--offline", "rollback", LABELS[1 - current]]);
        std::thread::sleep(std::time::Duration::from_micros(seeded.next(180_000)));
        drop(running);
        let found = two.state().unwrap_or_else(|| panic!("it is neither of the two: {:#?}", two.differences()));
        if found == current {
            kept += 1;
        } else {
            switched += 1;
        }
        current = found;
    }
    assert!(switched > 0 && kept > 0, "{switched} switched, {kept} kept: the kills hit nothing");
    two.is_whole_in_the_end();
}

#[test]
fn with_calls_that_fail_or_kill_it_is_one_of_the_two() {
    faulty(60);
}

#[test]
#[ignore = "it takes a quarter of an hour"]
fn chaos_of_calls() {
    faulty(5_000);
}

/// How `timeout` says that it had to kill.
const HUNG: i32 = 137;

/// Lets one system call fail, as a full, forbidding or broken disk does, or lets the process die in it.
fn faulty(times: usize) {
    let traced = Command::new("strace").args(["-qqq", "-e", "trace=none", "true"]).output();
    if !traced.is_ok_and(|ran| ran.status.success()) {
        return skipped("rollbacks with calls that fail", "there is no strace, or it may not trace");
    }
    let Some(two) = Two::new() else { return };
    let mut seeded = Seeded(0x9e37_79b9_7f4a_7c15);
    let (mut failed, mut died, mut done, mut current) = (0, 0, 0, 1);
    let calls = [
        ("openat", 300),
        ("linkat", 120),
        ("renameat2", 2),
        ("rename", 12),
        ("write", 120),
        ("pwrite64", 20),
        ("mkdir", 20),
        ("symlink", 5),
        ("unlink", 20),
        ("unlinkat", 120),
        ("fsync", 6),
        ("syncfs", 2),
        ("getdents64", 40),
        ("utimensat", 100),
        ("fchmod", 40),
        ("read", 200),
        ("pread64", 60),
        ("flock", 6),
    ];
    for _ in 0..times {
        let (call, most) = calls[seeded.next(calls.len() as u64) as usize];
        let at = 1 + seeded.next(most);
        let effect = ["error=ENOSPC", "error=EACCES", "error=EIO", "signal=KILL"][seeded.next(4) as usize];
        let inject = format!("inject={call}:{effect}:when={at}");
        let mut command = Command::new("strace");
        command.args(["-f", "-qqq", "-o", "/dev/null", "-e", &format!("trace={call}"), "-e", &inject]);
        // A write that fails may be the one with which a thread wakes another, and nothing comes after that: then somebody ends it.
        command.args(["timeout", "-s", "KILL", "30", env!("CARGO_BIN_EXE_stratheal")]);
        command.args(["--offline", "rollback", LABELS[1 - current]]);
        // Files that are replaced one by one are whole again once the next one has looked; else at every instant.
        let in_place = seeded.next(4) == 0;
        command.args(in_place.then_some("--in-place"));
        let ran = two.case.place.run_this(command, &[]);
        // tokio takes a write to its own eventfd for one that cannot fail, which no disk makes fail.
        let is_woken = !ran.err.contains("failed to wake I/O driver");
        let is_killed = effect == "signal=KILL" || ran.code == HUNG || !is_woken;
        assert!(ran.code != HUNG || call == "write", "{inject}: it hangs");
        if in_place && is_killed {
            let looked = two.case.place.run(&["--offline", "snapshot", "diff", LABELS[0]]);
            assert_eq!(looked.code, 0, "{inject}: {looked:?}");
        }
        let inject = format!("{inject}, in place: {in_place}");
        let found = two
            .state()
            .unwrap_or_else(|| panic!("{inject}: it is neither of the two, after {ran:?}: {:#?}", two.differences()));
        if ran.code == 0 {
            assert_ne!(found, current, "{inject}: it said that it was done: {ran:?}");
            done += 1;
        } else if is_killed {
            died += 1;
        } else {
            // The call may have been one of `timeout` before it began.
            let is_told = ["stratheal: ", "timeout: "].iter().any(|name| ran.err.contains(name));
            // Or the one that says what has failed.
            let is_told = is_told || (call == "write" && ran.err.is_empty());
            assert!(!ran.err.contains("there is no snapshot"), "{inject}: what was kept is gone: {ran:?}");
            assert!(!ran.err.contains("panicked") && is_told, "{inject}: {ran:?}");
            failed += 1;
        }
        current = found;
    }
    assert!(
        failed > times / 20 && died > times / 20 && done > 0,
        "{failed} failed, {died} died, {done} did not: nothing was hit"
    );
    two.is_whole_in_the_end();
}

/// Whoever clears up a folder that cannot be listed must not take it for an empty one: all that was kept lies there.
#[test]
fn a_state_folder_that_cannot_be_listed_is_not_deleted() {
    let traced = Command::new("strace").args(["-qqq", "-e", "trace=none", "true"]).output();
    if !traced.is_ok_and(|ran| ran.status.success()) {
        return skipped("a state folder that cannot be listed", "there is no strace, or it may not trace");
    }
    let Some(two) = Two::new() else { return };
    let trace = two.case.place.path("trace");
    let run = |to: usize, more: &[&str]| {
        let mut command = Command::new("strace");
        command.args(["-f", "-y", "-qqq", "-e", "trace=getdents64", "-o"]).arg(&trace).args(more);
        command.arg(env!("CARGO_BIN_EXE_stratheal")).args(["--offline", "rollback", LABELS[to]]);
        two.case.place.run_this(command, &[])
    };
    let ran = run(0, &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    // Which calls of its thread read one of these folders.
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut wanted = BTreeSet::new();
    for line in fs::read_to_string(&trace).unwrap().lines() {
        let thread = line.split_whitespace().next().unwrap_or_default();
        let count = counts.entry(thread.to_owned()).or_default();
        *count += 1;
        if [".stratheal>", ".stratheal/stage>", ".stratheal/snapshots>"].iter().any(|folder| line.contains(folder)) {
            wanted.insert(*count);
        }
    }
    assert!(wanted.len() > 3, "{counts:?}");
    let mut to = 1;
    for count in wanted {
        for error in ["EIO", "EACCES"] {
            run(to, &["-e", &format!("inject=getdents64:error={error}:when={count}")]);
            let listed = two.case.place.run(&["--offline", "snapshot", "list"]);
            assert!(LABELS.iter().all(|label| listed.out.contains(&format!("called {label}"))), "{count}: {listed:?}");
            assert!(two.state().is_some(), "{count}: {:#?}", two.differences());
            to = 1 - two.state().unwrap_or_default();
        }
    }
    two.is_whole_in_the_end();
}

/// A power loss takes what no call has put on the disk. So these come first: what was there as a snapshot, what takes its place, and the plan
/// where there is one; and what the switch has made of the names comes after.
#[test]
fn what_is_switched_in_is_on_the_disk_first() {
    let traced = Command::new("strace").args(["-qqq", "-e", "trace=none", "true"]).output();
    if !traced.is_ok_and(|ran| ran.status.success()) {
        return skipped("the order of what is put on the disk", "there is no strace, or it may not trace");
    }
    let Some(two) = Two::new() else { return };
    let root = two.case.place.path(".venv").display().to_string();
    for in_place in [false, true] {
        let to = usize::from(in_place);
        // So that there is something to keep.
        fs::write(two.case.place.path(".venv/stray.txt"), format!("stray {to}")).unwrap();
        let trace = two.case.place.path("trace");
        let mut command = Command::new("strace");
        command.args(["-f", "-y", "-qqq", "-e", "trace=fsync,syncfs,rename,renameat2", "-o"]).arg(&trace);
        command.arg(env!("CARGO_BIN_EXE_stratheal")).args(["--offline", "rollback", LABELS[to]]);
        command.args(in_place.then_some("--in-place"));
        let ran = two.case.place.run_this(command, &[]);
        assert_eq!((ran.code, two.state()), (0, Some(to)), "{ran:?}");
        let calls = fs::read_to_string(&trace).unwrap();
        let at =
            |what: &dyn Fn(&str) -> bool| calls.lines().position(what).unwrap_or_else(|| panic!("not there: {calls}"));
        let last =
            |what: &dyn Fn(&str) -> bool| calls.lines().count() - 1 - calls.lines().rev().position(what).unwrap();
        let one_by_one = |line: &str| line.contains("rename(") && line.contains(&format!(", \"{root}/"));
        let switched = |line: &str| if in_place { one_by_one(line) } else { line.contains("RENAME_EXCHANGE") };
        let first = at(&switched);
        let kept = at(&|line| line.contains("rename(") && line.contains("/snapshots/") && line.contains(".json\""));
        let kept = kept
            + calls
                .lines()
                .skip(kept)
                .position(|line| line.contains("fsync(") && line.contains("/snapshots>"))
                .unwrap();
        assert!(kept < first, "what was there is not yet kept: {calls}");
        // Each file that is put and then the stage itself, which the journal has last; or all at once.
        let staged = |line: &str| line.contains("fsync(") && line.contains("/.stratheal/stage/");
        let before: Vec<&str> = calls.lines().take(first).collect();
        let put = before.iter().filter(|line| staged(line)).count();
        let is_last = before.iter().rev().find(|line| staged(line)).is_some_and(|line| !line.contains("/lib/"));
        let all = before.iter().any(|line| line.contains("syncfs("));
        assert!(all || (put > 20 && is_last), "what takes its place is not yet there: {put} {calls}");
        if in_place {
            let planned = at(&|line| line.contains("fsync(") && line.contains("entries"));
            assert!(planned < first, "nobody could take it back: {calls}");
        }
        let parent = two.case.place.path("").display().to_string();
        let named =
            last(&|line| line.contains("fsync(") && line.contains(&format!("<{}>", parent.trim_end_matches('/'))));
        assert!(named > last(&switched), "the name may lead to the old one again: {calls}");
    }
}
