//! The history when it is killed, when the disk is full, and when it is read-only: real processes, real file systems.
//!
//! This binary starts itself again as the process that is killed or starved (see `child`).
#![cfg(all(target_os = "linux", feature = "sqlite", feature = "system"))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say so")]

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use stratheal_core::base::class::chain;
use stratheal_core::base::clock::Clock;
use stratheal_core::contract::History;
use stratheal_core::contract::history::{Entry, Query};
use stratheal_core::history::{HistoryReader, Retention, SqliteHistory};
use stratheal_core::model::event::Transition;
use stratheal_core::model::view::{Execution, Outcome};
use stratheal_core::model::{CheckId, Metric, Report, Status, Unit};
use stratheal_core::state::{StateError, StateFolder};
use stratheal_core::testing::skipped;
use tokio::time::Instant;

const MODE: &str = "STRATHEAL_TEST_HISTORY_MODE";
const FOLDER: &str = "STRATHEAL_TEST_HISTORY_FOLDER";
const FROM: &str = "STRATHEAL_TEST_HISTORY_FROM";

/// What the contract promises to keep.
const PROMISED: Duration = Duration::from_secs(2);
const SOON: Duration = Duration::from_secs(30);
/// One of so many runs comes with a change of state.
const CHANGE_EVERY: usize = 20;

/// A clock that stands still, so that no row becomes too old.
#[derive(Debug)]
struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        at(0)
    }
}

fn at(number: usize) -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap() + Duration::from_millis(number as u64)
}

fn id() -> CheckId {
    CheckId::new("subject").unwrap()
}

fn ran(number: usize) -> Entry {
    let report = Report::healthy("fine").metric(Metric::new("number", number as f64, Unit::Number));
    let execution = Execution {
        started: at(number),
        duration: Duration::from_millis(1),
        late_by: Duration::ZERO,
        outcome: Outcome::Done,
        report,
    };
    Entry::Ran { id: id(), execution: Arc::new(execution) }
}

fn changed(number: usize) -> Entry {
    let transition = Transition {
        id: id(),
        from: Status::Healthy,
        to: Status::Critical,
        summary: format!("change {number}"),
        muted: None,
        flapping: false,
    };
    Entry::Changed { at: at(number), transition }
}

fn everything() -> Query {
    Query { limit: usize::MAX, ..Query::default() }
}

fn history_in(folder: &Path) -> SqliteHistory {
    SqliteHistory::open(&folder.join("history.db"), Retention::default(), Arc::new(Still)).unwrap()
}

/// The numbers of the recorded runs, oldest first.
async fn numbers(history: &SqliteHistory) -> Vec<usize> {
    history.runs(&everything()).await.unwrap().iter().rev().map(|row| row.metrics[0].1 as usize).collect()
}

fn assert_whole(folder: &Path) {
    let file = rusqlite::Connection::open(folder.join("history.db")).unwrap();
    let answer: String = file.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(answer, "ok");
    let left: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().contains("damaged")), "{left:?}");
}

fn start(mode: &str, folder: &Path) -> Command {
    in_front(Command::new(std::env::current_exe().unwrap()), mode, folder)
}

/// A command that ends by starting this binary, which it gets as its arguments.
fn through(mut command: Command, mode: &str, folder: &Path) -> Command {
    command.arg(std::env::current_exe().unwrap());
    in_front(command, mode, folder)
}

fn in_front(mut command: Command, mode: &str, folder: &Path) -> Command {
    command.args(["child", "--exact", "--ignored", "--nocapture"]).env(MODE, mode).env(FOLDER, folder);
    command
}

fn assert_success(output: &Output) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}\n{}\n{}", output.status, text(&output.stdout), text(&output.stderr));
    // A child that ran no test would succeed as well.
    assert!(text(&output.stdout).contains("1 passed"), "{}", text(&output.stdout));
}

#[tokio::test]
#[ignore = "what the other tests start as a process of its own"]
async fn child() {
    let folder = PathBuf::from(std::env::var_os(FOLDER).expect("started by another test"));
    match std::env::var(MODE).unwrap().as_str() {
        "append" => append_for_ever(&folder),
        "full" => on_a_full_disk(&folder).await,
        "limited" => within_a_file_size_limit(&folder).await,
        "read-only" => on_a_read_only_disk(&folder).await,
        mode => panic!("no such mode: {mode}"),
    }
}

fn append_for_ever(folder: &Path) {
    let mut out = std::io::stdout().lock();
    let _owner = StateFolder::open(folder).unwrap();
    writeln!(out, "\nopening").unwrap();
    let from: usize = std::env::var(FROM).unwrap().parse().unwrap();
    let history = history_in(folder);
    for number in from.. {
        if number % CHANGE_EVERY == 0 {
            history.append(changed(number));
        }
        history.append(ran(number));
        writeln!(out, "appended {number}").unwrap();
        std::thread::park_timeout(Duration::from_micros(500));
    }
}

/// Kills a child after a while; says up to which number it had appended 2 s before that, and up to which at all.
fn kill_after(folder: &Path, from: usize, time: Duration) -> (Option<usize>, Option<usize>) {
    let mut process = start("append", folder).env(FROM, from.to_string()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map(Result::unwrap);
    while lines.next().unwrap() != "opening" {}
    let reader = std::thread::spawn(move || {
        let number = |line: String| line.strip_prefix("appended ")?.parse::<usize>().ok();
        // The last line may be cut off in the middle of its number; it is then of a process that is dead.
        lines.filter_map(number).map(|number| (number, Instant::now())).collect::<Vec<_>>()
    });
    std::thread::park_timeout(time);
    let killed = Instant::now();
    process.kill().unwrap();
    process.wait().unwrap();
    let appended = reader.join().unwrap();
    let promised = appended.iter().rev().find(|(_, seen)| *seen + PROMISED <= killed).map(|(number, _)| *number);
    (promised, appended.iter().map(|(number, _)| *number).max())
}

async fn survives_a_kill(folder: &Path, from: usize, time: Duration) -> usize {
    let (promised, last) = kill_after(folder, from, time);
    let history = history_in(folder);
    history.flush(SOON).await.unwrap();
    assert_eq!(history.state().failing, None, "killed after {time:?}");
    let found = numbers(&history).await;
    assert!(found.iter().copied().eq(0..found.len()), "there are no gaps and nothing is there twice");
    assert!(found.len() >= from, "what was there stays");
    if let Some(promised) = promised {
        assert!(found.len() > promised, "{} of {promised} promised, {last:?} appended", found.len());
    }
    // The child may have appended one more than it could tell.
    assert!(found.len() <= last.map_or(from, |last| last + 1) + 1);
    let changes = history.transitions(&everything()).await.unwrap();
    assert!(changes.len() >= found.len().div_ceil(CHANGE_EVERY), "changes are not later than runs");
    let counted: u64 =
        history.rollups(&everything()).await.unwrap().iter().map(|row| row.counts.iter().sum::<u64>()).sum();
    assert_eq!(counted, 2 * found.len() as u64, "each run counts in its hour and its day");
    drop(history);
    assert_whole(folder);
    found.len()
}

/// Not the same in each run, and shown when it fails.
fn random(least: u64, most: u64) -> Duration {
    Duration::from_micros(least + RandomState::new().build_hasher().finish() % (most - least))
}

#[tokio::test]
async fn killed_while_it_is_made() {
    for _ in 0..20 {
        let folder = tempfile::tempdir().unwrap();
        survives_a_kill(folder.path(), 0, random(0, 40_000)).await;
    }
}

#[tokio::test]
async fn killed_again_and_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut count = 0;
    for _ in 0..12 {
        count = survives_a_kill(folder.path(), count, random(1_000, 900_000)).await;
    }
    assert!(count > 0);
}

#[tokio::test]
async fn what_is_two_seconds_old_survives_a_kill() {
    let rounds = (0..3).map(|_| async {
        let folder = tempfile::tempdir().unwrap();
        let count = survives_a_kill(folder.path(), 0, random(2_500_000, 3_500_000)).await;
        assert!(count > 100, "the test must have recorded something: {count}");
    });
    for round in rounds {
        round.await;
    }
}

/// Fills the disk, sees it told, makes room, and sees it go on.
async fn on_a_full_disk(folder: &Path) {
    let history = history_in(folder);
    history.append(ran(0));
    history.flush(SOON).await.unwrap();
    let ballast = folder.join("ballast");
    let mut file = std::fs::File::create(&ballast).unwrap();
    while file.write_all(&[1; 4096]).is_ok() {}
    drop(file);

    let mut number = 1;
    while history.state().failing.is_none() {
        assert!(number < 1_000_000, "the disk is never full");
        history.append(ran(number));
        number += 1;
        tokio::time::sleep(Duration::from_micros(200)).await;
    }
    let failing = history.state().failing.unwrap();
    assert!(failing.starts_with("disk full: "), "{failing}");
    let error = history.flush(Duration::from_millis(100)).await.unwrap_err();
    assert!(chain(&error).contains("disk full"), "{}", chain(&error));
    for change in 0..100 {
        history.append(changed(change));
    }
    for _ in 0..20_000 {
        history.append(ran(number));
        number += 1;
    }
    let state = history.state();
    assert!(state.queued < 15_000 && state.dropped > 0, "it is bounded: {state:?}");

    std::fs::remove_file(&ballast).unwrap();
    history.flush(SOON).await.unwrap();
    let state = history.state();
    assert_eq!((state.failing, state.queued), (None, 0));
    assert_eq!(history.transitions(&everything()).await.unwrap().len(), 100, "no change was lost");
    let found = numbers(&history).await;
    assert_eq!(found.len() as u64 + state.dropped, number as u64, "what is missing is counted");
    drop(history);
    assert_whole(folder);
}

async fn within_a_file_size_limit(folder: &Path) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let history = history_in(folder);
    let mut number = 0;
    while history.state().failing.is_none() {
        assert!(number < 1_000_000, "the limit is never reached");
        history.append(ran(number));
        number += 1;
        tokio::time::sleep(Duration::from_micros(50)).await;
    }
    let failing = history.state().failing.unwrap();
    assert!(failing.starts_with("disk error: ") || failing.starts_with("disk full: "), "{failing}");
    history.append(changed(number));
    let maximum = getrlimit(Resource::Fsize).maximum;
    setrlimit(Resource::Fsize, Rlimit { current: maximum, maximum }).unwrap();
    history.flush(SOON).await.unwrap();
    assert_eq!(history.state().failing, None);
    assert_eq!(history.transitions(&everything()).await.unwrap().len(), 1);
    let found = numbers(&history).await;
    assert_eq!(found.len() as u64 + history.state().dropped, number as u64, "what is missing is counted");
    drop(history);
    assert_whole(folder);
}

async fn on_a_read_only_disk(folder: &Path) {
    let error = StateFolder::open(folder).unwrap_err();
    assert!(matches!(error, StateError::ReadOnly { .. }), "{}", chain(&error));
    let error = SqliteHistory::open(&folder.join("history.db"), Retention::default(), Arc::new(Still)).unwrap_err();
    assert!(chain(&error).contains("read-only: make it writable"), "{}", chain(&error));
    let reader = HistoryReader::new(&StateFolder::peek(folder).unwrap().history()).unwrap();
    assert_eq!(reader.runs(&everything()).await.unwrap().len(), 1, "it can be read all the same");
}

/// A limit on the size of files stands in for a full disk, which takes a mount: the write fails with `EFBIG` there.
#[test]
fn a_write_that_fails_is_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' XFSZ; ulimit -S -f 400; exec \"$@\"", "sh"]);
    assert_success(&through(shell, "limited", folder.path()).output().unwrap());
}

/// A shell with mounts of its own, which end with it; `None` where the system does not give them to this user.
fn with_own_mounts(script: &str, folder: &Path) -> Option<Command> {
    let unshare = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount", "sh", "-ec", script, "sh"]).arg(folder);
        command
    };
    let allowed = unshare("mount -t tmpfs tmpfs \"$1\"").output().is_ok_and(|output| output.status.success());
    if !allowed {
        skipped("a history on a full and on a read-only disk", "this user may not mount (unshare --user --mount)");
    }
    allowed.then(|| unshare(script))
}

#[test]
fn a_full_disk_is_told_of_and_recording_goes_on_when_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let script = "mount -t tmpfs -o size=1m tmpfs \"$1\"; shift; exec \"$@\"";
    let Some(shell) = with_own_mounts(script, folder.path()) else { return };
    assert_success(&through(shell, "full", folder.path()).output().unwrap());
}

#[tokio::test]
async fn a_read_only_folder_is_refused_for_writing_and_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    {
        let history = history_in(folder.path());
        history.append(ran(0));
    }
    let script = "mount --bind \"$1\" \"$1\"; mount -o remount,ro,bind \"$1\"; shift; exec \"$@\"";
    let Some(shell) = with_own_mounts(script, folder.path()) else { return };
    assert_success(&through(shell, "read-only", folder.path()).output().unwrap());
}

#[tokio::test]
async fn a_folder_has_one_owner_among_processes() {
    let folder = tempfile::tempdir().unwrap();
    let mut owner = start("append", folder.path()).env(FROM, "0").stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(owner.stdout.take().unwrap()).lines().map(Result::unwrap);
    while !lines.next().unwrap().starts_with("appended") {}
    let drain = std::thread::spawn(move || lines.for_each(drop));

    let error = StateFolder::open(folder.path()).unwrap_err();
    assert!(matches!(error, StateError::InUse { pid: Some(pid), .. } if pid == owner.id()), "{error}");
    // Others can look meanwhile.
    let reader = HistoryReader::new(&StateFolder::peek(folder.path()).unwrap().history()).unwrap();
    while reader.runs(&everything()).await.unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    owner.kill().unwrap();
    owner.wait().unwrap();
    drain.join().unwrap();
    assert!(StateFolder::open(folder.path()).unwrap().is_owned(), "the lock died with its owner");
}
