//! Logs that are written, tampered with, torn, pruned and read.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::base::class::chain;

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn record(subject: &str) -> Record {
    Record::new(NOW, Actor::new(ActorKind::Engine, "engine"), "step-done", subject).why("a test").detail("n", 1)
}

fn log(folder: &Path, options: &Options) -> AuditLog {
    AuditLog::open(folder, options.clone(), NOW).unwrap()
}

/// A log in many segments.
fn small() -> Options {
    Options { segment_bytes: 1000, ..Options::default() }
}

fn fill(folder: &Path, options: &Options, count: usize) -> Head {
    let log = log(folder, options);
    for n in 0..count {
        log.append(record(&format!("s{n}"))).unwrap();
    }
    log.head()
}

fn segments(folder: &Path) -> Vec<PathBuf> {
    segment::list(folder).unwrap().into_iter().map(|segment| segment.path).collect()
}

fn problems(folder: &Path, anchor: Option<&Head>) -> Vec<String> {
    match verify(folder, anchor) {
        Ok(found) => found.problems.iter().map(ToString::to_string).collect(),
        Err(error) => vec![chain(&error)],
    }
}

#[test]
fn what_is_written_is_read_and_verifies() {
    let folder = tempfile::tempdir().unwrap();
    let head = fill(folder.path(), &small(), 20);
    let found = verify(folder.path(), Some(&head)).unwrap();
    assert!(found.is_sound() && found.anchored == Anchored::Holds && found.head == head, "{found:?}");
    assert_eq!(found.records, 20 + found.segments);
    assert!(found.segments > 3);
    let subjects = |entries: Vec<Entry>| entries.into_iter().map(|entry| entry.subject).collect::<Vec<_>>();
    let done = Filter { action: Some("step-done".to_owned()), ..Filter::default() };
    let all: Vec<_> = read(folder.path(), done.clone()).unwrap().map(Result::unwrap).collect();
    assert_eq!(all.len(), 20);
    assert_eq!(subjects(last(folder.path(), &done, 3).unwrap()), ["s17", "s18", "s19"]);
    let after = Filter { after: Some(head.seq - 1), ..Filter::default() };
    assert_eq!(subjects(last(folder.path(), &after, 100).unwrap()), ["s19"]);
    let mut out = Vec::new();
    assert_eq!(export(folder.path(), &mut out).unwrap(), found.records);
    let files: Vec<u8> = segments(folder.path()).iter().flat_map(|path| fs::read(path).unwrap()).collect();
    assert_eq!(out, files);
    assert!(verify(&folder.path().join("none"), None).unwrap().is_sound());
}

#[test]
fn the_log_goes_on_where_it_ended() {
    let folder = tempfile::tempdir().unwrap();
    let first = fill(folder.path(), &small(), 3);
    let second = fill(folder.path(), &small(), 3);
    assert!(second.seq > first.seq);
    for head in [first, second] {
        assert_eq!(problems(folder.path(), Some(&head)), [""; 0]);
    }
}

#[test]
fn one_writer_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let first = log(folder.path(), &small());
    let second = AuditLog::open(folder.path(), small(), NOW).unwrap_err();
    assert!(matches!(second, AuditError::InUse { .. }), "{second}");
    drop(first);
    drop(log(folder.path(), &small()));
}

#[test]
fn each_changed_byte_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let head = fill(folder.path(), &Options { segment_bytes: 600, ..Options::default() }, 4);
    assert!(segments(folder.path()).len() > 1);
    for path in segments(folder.path()) {
        let whole = fs::read(&path).unwrap();
        for at in 0..whole.len() {
            for flip in [0x01, 0x20, 0x80] {
                let mut changed = whole.clone();
                changed[at] ^= flip;
                fs::write(&path, &changed).unwrap();
                assert!(!problems(folder.path(), None).is_empty(), "{} at {at} by {flip}", path.display());
            }
        }
        fs::write(&path, &whole).unwrap();
    }
    assert_eq!(problems(folder.path(), Some(&head)), [""; 0]);
}

fn remove_all(folder: &Path) {
    for path in segments(folder) {
        fs::remove_file(path).unwrap();
    }
}

/// Writes a log of the same shape anew, as somebody could who knows how.
fn forge(folder: &Path) {
    let (fresh, log_of) = (tempfile::tempdir().unwrap(), small());
    let forged = log(fresh.path(), &log_of);
    for n in 0..10 {
        forged.append(record(&format!("f{n}"))).unwrap();
    }
    drop(forged);
    remove_all(folder);
    for path in segments(fresh.path()) {
        fs::copy(&path, folder.join(path.file_name().unwrap())).unwrap();
    }
}

type Tamper = fn(&Path);

#[test]
fn every_kind_of_tampering_is_found() {
    fn lines(path: &Path) -> Vec<String> {
        fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect()
    }
    fn rewrite(path: &Path, lines: &[String]) {
        fs::write(path, [lines, &[String::new()]].concat().join("\n")).unwrap();
    }
    fn edit(folder: &Path, change: fn(&mut Vec<String>)) {
        let path = &segments(folder)[1];
        let mut lines = lines(path);
        change(&mut lines);
        rewrite(path, &lines);
    }
    // What is done, what is said about it, and whether only the anchor shows it.
    let table: &[(&str, Tamper, &str, bool)] = &[
        ("edit", |folder| edit(folder, |lines| lines[1] = lines[1].replace("a test", "no test")), "was edited", false),
        ("remove a line", |folder| edit(folder, |lines| drop(lines.remove(1))), "follows a gap", false),
        ("swap", |folder| edit(folder, |lines| lines.swap(1, 2)), "is out of order", false),
        ("twice", |folder| edit(folder, |lines| lines.insert(1, lines[1].clone())), "is out of order", false),
        ("insert", |folder| edit(folder, |lines| lines.insert(1, "{}".to_owned())), "is no record", false),
        ("blank line", |folder| edit(folder, |lines| lines.insert(1, String::new())), "is no record", false),
        ("no header", |folder| edit(folder, |lines| drop(lines.remove(0))), "does not begin as a segment", false),
        ("cut in the middle", |folder| edit(folder, |lines| lines.truncate(2)), "follows a gap", false),
        ("empty", |folder| edit(folder, Vec::clear), "does not begin as a segment", false),
        (
            "remove a segment",
            |folder| fs::remove_file(&segments(folder)[1]).unwrap(),
            "segment 000002 is missing",
            false,
        ),
        ("remove the first", |folder| fs::remove_file(&segments(folder)[0]).unwrap(), "no checkpoint", false),
        (
            "swap segments",
            |folder| {
                let paths = segments(folder);
                let (first, second) = (fs::read(&paths[0]).unwrap(), fs::read(&paths[1]).unwrap());
                fs::write(&paths[0], second).unwrap();
                fs::write(&paths[1], first).unwrap();
            },
            "does not begin as a segment",
            false,
        ),
        (
            "a later version",
            |folder| edit(folder, |lines| lines[0] = lines[0].replace("\"v\":1", "\"v\":2")),
            "newer",
            false,
        ),
        (
            "cut off the last segment",
            |folder| fs::remove_file(segments(folder).last().unwrap()).unwrap(),
            "cut off",
            true,
        ),
        (
            "cut off the last line",
            |folder| {
                let path = segments(folder).pop().unwrap();
                let mut lines = lines(&path);
                lines.pop();
                rewrite(&path, &lines);
            },
            "was cut off",
            true,
        ),
        (
            "remove all",
            |folder| segments(folder).iter().for_each(|path| fs::remove_file(path).unwrap()),
            "cut off",
            true,
        ),
        ("written anew", forge, "was written anew", true),
    ];
    for (name, tamper, said, is_only_anchored) in table {
        let folder = tempfile::tempdir().unwrap();
        let head = fill(folder.path(), &small(), 10);
        tamper(folder.path());
        let (alone, anchored) = (problems(folder.path(), None), problems(folder.path(), Some(&head)));
        assert_eq!(alone.is_empty(), *is_only_anchored, "{name}: {alone:?}");
        assert!(anchored.iter().any(|problem| problem.contains(said)), "{name}: {anchored:?}");
    }
}

#[cfg(unix)]
#[test]
fn a_link_is_no_segment() {
    let folder = tempfile::tempdir().unwrap();
    fill(folder.path(), &small(), 3);
    let path = &segments(folder.path())[0];
    fs::rename(path, folder.path().join("elsewhere")).unwrap();
    std::os::unix::fs::symlink("elsewhere", path).unwrap();
    assert!(problems(folder.path(), None)[0].contains("cannot be read"));
    let refused = AuditLog::open(folder.path(), Options::default(), NOW).unwrap_err();
    assert!(matches!(refused, AuditError::Storage { .. }), "{refused:?}");
}

#[test]
fn a_torn_line_is_set_aside_wherever_it_was_torn() {
    let whole = tempfile::tempdir().unwrap();
    fill(whole.path(), &Options::default(), 2);
    let bytes = fs::read(&segments(whole.path())[0]).unwrap();
    let name = segments(whole.path())[0].file_name().unwrap().to_owned();
    for cut in 0..bytes.len() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(&name), &bytes[..cut]).unwrap();
        let before = verify(folder.path(), None).unwrap();
        assert!(before.is_sound(), "{cut}: {before:?}");
        let head = fill(folder.path(), &Options::default(), 1);
        let after = verify(folder.path(), Some(&head)).unwrap();
        assert!(after.is_sound() && after.unfinished == 0, "{cut}: {after:?}");
        let is_torn = cut > 0 && bytes[cut - 1] != b'\n';
        assert_eq!(after.notes, u64::from(is_torn), "{cut}");
    }
}

#[test]
fn an_edit_of_the_last_record_is_not_taken_for_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    fill(folder.path(), &Options::default(), 3);
    let path = segments(folder.path()).pop().unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let (before, last) = text.trim_end().rsplit_once('\n').unwrap();
    fs::write(&path, format!("{before}\n{}\n", last.replace("a test", "no test"))).unwrap();
    let head = fill(folder.path(), &Options::default(), 1);
    let found = verify(folder.path(), Some(&head)).unwrap();
    assert!(!found.is_sound(), "the next start must not hide it: {found:?}");
}

#[test]
fn zeros_at_the_end_are_set_aside_and_more_damage_stays() {
    let folder = tempfile::tempdir().unwrap();
    fill(folder.path(), &Options::default(), 2);
    let path = segments(folder.path()).pop().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    bytes.extend([0; 4096]);
    fs::write(&path, &bytes).unwrap();
    fill(folder.path(), &Options::default(), 1);
    let found = verify(folder.path(), None).unwrap();
    assert!(found.is_sound() && found.notes == 1, "{found:?}");
    let mut bytes = fs::read(&path).unwrap();
    bytes.extend(b"one\ntwo\n");
    fs::write(&path, &bytes).unwrap();
    let head = fill(folder.path(), &Options::default(), 1);
    let found = verify(folder.path(), Some(&head)).unwrap();
    assert_eq!((found.segments, found.notes, found.anchored), (2, 2, Anchored::Holds));
    assert_eq!(found.problems.iter().map(|problem| problem.line).collect::<Vec<_>>(), [6, 7], "{found:?}");
}

#[test]
fn pruning_leaves_a_chain_that_verifies() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { segment_bytes: 2000, keep_bytes: 8000, ..Options::default() };
    let early = fill(folder.path(), &options, 1);
    let head = fill(folder.path(), &options, 200);
    let found = verify(folder.path(), Some(&head)).unwrap();
    assert!(found.is_sound() && found.segments < 8, "{found:?}");
    let size: u64 = segments(folder.path()).iter().map(|path| fs::metadata(path).unwrap().len()).sum();
    assert!(size < 12_000, "{size}");
    assert_eq!(verify(folder.path(), Some(&early)).unwrap().anchored, Anchored::Pruned);
    // Reopened and pruned again.
    let head = fill(folder.path(), &options, 50);
    assert_eq!(problems(folder.path(), Some(&head)), [""; 0]);
    fs::remove_file(&segments(folder.path())[0]).unwrap();
    assert!(problems(folder.path(), Some(&head))[0].contains("no checkpoint"));
}

#[test]
fn interrupted_pruning_is_finished() {
    let folder = tempfile::tempdir().unwrap();
    let keep = Options { segment_bytes: 2000, ..Options::default() };
    fill(folder.path(), &keep, 30);
    let old: Vec<_> = segments(folder.path()).iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect();
    let prune = Options { segment_bytes: 2000, keep_bytes: 3000, ..Options::default() };
    let mut pruned = segments(folder.path()).len();
    // Until just after a segment was begun, and so others deleted.
    while pruned >= old.len() {
        fill(folder.path(), &prune, 1);
        pruned = segments(folder.path()).len();
    }
    for (path, content) in old.iter().skip(2).filter(|(path, _)| !path.exists()) {
        fs::write(path, content).unwrap();
    }
    let found = verify(folder.path(), None).unwrap();
    assert!(found.is_sound() && found.segments > pruned as u64, "{found:?}");
    drop(log(folder.path(), &prune));
    assert_eq!(segments(folder.path()).len(), pruned);
    assert_eq!(problems(folder.path(), None), [""; 0]);
}

#[test]
fn a_log_that_is_taken_away_goes_on_and_the_gap_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit");
    let log = log(&path, &Options::default());
    log.append(record("before")).unwrap();
    fs::remove_dir_all(&path).unwrap();
    let head = log.append(record("after")).unwrap();
    let subjects: Vec<String> =
        read(&path, Filter::default()).unwrap().filter_map(Result::ok).map(|entry| entry.subject).collect();
    assert!(subjects.contains(&"after".to_owned()) && !subjects.contains(&"before".to_owned()), "{subjects:?}");
    let found = verify(&path, Some(&head)).unwrap();
    assert!(!found.is_sound() && found.anchored == Anchored::Holds, "{found:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn never_panics(text in proptest::collection::vec(any::<u8>(), 0..300), lines in 0_usize..4, name in "00000[1-3]\\.log") {
        let folder = tempfile::tempdir().unwrap();
        fill(folder.path(), &Options { segment_bytes: 500, ..Options::default() }, lines);
        fs::write(folder.path().join(name), text).unwrap();
        let _ = (verify(folder.path(), None), verify(folder.path(), Some(&Head { seq: 3, ..Head::default() })));
        read(folder.path(), Filter::default()).unwrap().for_each(drop);
        if let Ok(log) = AuditLog::open(folder.path(), Options::default(), NOW) {
            log.append(record("goes on")).unwrap();
        }
    }

    #[test]
    fn any_records_in_any_segments_verify(sizes in proptest::collection::vec(0_usize..9000, 1..12), segment in 1_u64..9000) {
        let folder = tempfile::tempdir().unwrap();
        let options = Options { segment_bytes: segment, keep_bytes: 30_000, durability: Durability::Batched(4) };
        let log = log(folder.path(), &options);
        for size in sizes {
            log.append(record("any").detail("text", "x".repeat(size))).unwrap();
        }
        let head = log.head();
        log.flush().unwrap();
        let found = verify(folder.path(), Some(&head)).unwrap();
        prop_assert!(found.is_sound() && found.anchored == Anchored::Holds, "{:?}", found);
    }
}
