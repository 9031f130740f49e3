//! The audit log under trouble: writers that are killed, disks that are full, readers beside a writer.
//!
//! This binary starts itself again as the process that writes (see `child_appends` and `child_on_a_full_disk`).
#![cfg(all(unix, feature = "audit"))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say so")]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use stratheal_core::audit::{
    Actor, ActorKind, Anchored, AuditError, AuditLog, Filter, Head, Options, Record, last, read, verify,
};

const FOLDER: &str = "STRATHEAL_TEST_AUDIT_FOLDER";
const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn record(n: usize) -> Record {
    let actor = Actor::new(ActorKind::Engine, "engine");
    Record::new(NOW, actor, "step-done", format!("n{n}")).detail("text", "x".repeat(n % 3000))
}

fn options() -> Options {
    Options { segment_bytes: 20_000, keep_bytes: 100_000, ..Options::default() }
}

/// This test alone, in a process of its own.
fn child(test: &str, folder: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture"]).env(FOLDER, folder).stdout(Stdio::piped());
    command
}

/// Not a test of its own: appends until it is killed, and says each head that was promised to be kept.
#[test]
fn child_appends() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let log = AuditLog::open(Path::new(&folder), options(), NOW).unwrap();
    let mut out = std::io::stdout();
    for n in 0.. {
        let head = log.append(record(n)).unwrap();
        writeln!(out, "head {head}").unwrap();
    }
}

#[test]
fn a_killed_writer_loses_nothing_it_promised() {
    let folder = tempfile::tempdir().unwrap();
    let mut promised = Head::default();
    for round in 0..20 {
        let mut process = child("child_appends", folder.path()).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        // At another place in each round, and not before it has written something.
        let heads = (0..=round * 7).map(|_| {
            lines.by_ref().map(Result::unwrap).find_map(|line| line.strip_prefix("head ").map(str::to_owned)).unwrap()
        });
        let mut last = heads.last().unwrap();
        process.kill().unwrap();
        process.wait().unwrap();
        // What it still said before it was dead; the last line may be torn.
        last = lines
            .map_while(Result::ok)
            .filter_map(|line| line.strip_prefix("head ").map(str::to_owned))
            .filter(|head| head.parse::<Head>().is_ok())
            .last()
            .unwrap_or(last);
        promised = last.parse().unwrap();
        let found = verify(folder.path(), Some(&promised)).unwrap();
        assert!(found.is_sound() && found.anchored == Anchored::Holds, "round {round}: {found:?}");
    }
    let log = AuditLog::open(folder.path(), options(), NOW).unwrap();
    log.append(record(1)).unwrap();
    let found = verify(folder.path(), Some(&promised)).unwrap();
    assert!(found.is_sound() && found.unfinished == 0 && found.head == log.head(), "{found:?}");
}

/// Not a test of its own: its files may not grow beyond a limit, which it raises later. That ends a write in the middle, as a full disk
/// does.
#[test]
fn child_on_a_full_disk() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let folder = Path::new(&folder);
    let log = AuditLog::open(folder, Options::default(), NOW).unwrap();
    let mut good = 0;
    let refused = loop {
        match log.append(record(700)) {
            Ok(_) => good += 1,
            Err(error) => break error,
        }
    };
    assert!(good > 1 && matches!(refused, AuditError::NotWritten { kept: true, waiting: 1, .. }), "{refused:?}");
    let sound = verify(folder, Some(&log.head())).unwrap();
    assert!(sound.is_sound() && sound.unfinished == 0 && sound.records == good + 1, "{sound:?}");
    for n in 0..299 {
        let refused = log.append(record(n)).unwrap_err();
        assert_eq!(refused.to_string().contains("44 are lost"), n == 298, "{refused}");
    }
    assert_eq!(log.unwritten(), (256, 44));
    let limit = getrlimit(Resource::Fsize);
    setrlimit(Resource::Fsize, rustix::process::Rlimit { current: limit.maximum, ..limit }).unwrap();
    let head = log.append(record(5)).unwrap();
    assert_eq!(log.unwritten(), (0, 0));
    let found = verify(folder, Some(&head)).unwrap();
    assert!(found.is_sound() && found.records == good + 1 + 256 + 1 + 1, "{found:?}");
    let missing = Filter { action: Some("records-missing".to_owned()), ..Filter::default() };
    let missing = last(folder, &missing, 10).unwrap();
    assert_eq!(missing.iter().map(|entry| &entry.detail["missing"]).collect::<Vec<_>>(), [44]);
}

#[test]
fn a_full_disk_costs_no_order_and_what_is_lost_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let inner = child("child_on_a_full_disk", folder.path());
    // A signal that is ignored stays so in what the shell becomes, and growing too far is then an error like any other.
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' XFSZ; ulimit -S -f 16; exec \"$0\" \"$@\""]).arg(inner.get_program());
    shell.args(inner.get_args()).env(FOLDER, folder.path());
    let output = shell.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

#[test]
fn readers_cope_with_a_writer() {
    let folder = tempfile::tempdir().unwrap();
    let log = AuditLog::open(folder.path(), options(), NOW).unwrap();
    let (is_over, path) = (AtomicBool::new(false), folder.path());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    let anchor = log.head();
                    let found = verify(path, Some(&anchor)).unwrap();
                    assert!(found.is_sound(), "{anchor}: {found:?}");
                    assert!(read(path, Filter::default()).unwrap().all(|entry| entry.is_ok()));
                    last(path, &Filter::default(), 5).unwrap();
                }
            });
        }
        for n in 0..400 {
            log.append(record(n)).unwrap();
        }
        std::thread::yield_now();
        is_over.store(true, Ordering::Relaxed);
    });
    assert!(verify(path, None).unwrap().records > 10);
}
