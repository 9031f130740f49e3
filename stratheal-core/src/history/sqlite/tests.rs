//! Real files, written and read through the public interface.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::{HistoryReader, SqliteHistory};
use crate::base::clock::SystemClock;
use crate::contract::History;
use crate::contract::history::{Entry, HistoryError, Query, RunRow};
use crate::history::{MemoryHistory, Retention};
use crate::model::event::Transition;
use crate::model::view::{Execution, Muted, Outcome};
use crate::model::{CheckId, Metric, Report, Status, Unit};
use crate::testing::ManualClock;

pub(super) fn at(number: i64) -> Timestamp {
    Timestamp::from_millisecond(1_800_000_000_000 + number).unwrap()
}

pub(super) fn ran(check: &str, number: i64) -> Entry {
    let report = Report::new(Status::ALL[number.rem_euclid(4) as usize], "text").metric(Metric::new(
        "number",
        number as f64,
        Unit::Number,
    ));
    let execution = Execution {
        started: at(number),
        duration: Duration::from_micros(number.unsigned_abs() % 5000),
        late_by: Duration::ZERO,
        outcome: Outcome::Done,
        report,
    };
    Entry::Ran { id: CheckId::new(check).unwrap(), execution: Arc::new(execution) }
}

pub(super) fn changed(check: &str, number: i64) -> Entry {
    let transition = Transition {
        id: CheckId::new(check).unwrap(),
        from: Status::Healthy,
        to: Status::Critical,
        summary: format!("change {number}"),
        muted: None,
        flapping: false,
    };
    Entry::Changed { at: at(number), transition }
}

const SOON: Duration = Duration::from_secs(20);

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(at(0)))
}

fn open(path: &Path) -> SqliteHistory {
    SqliteHistory::open(path, Retention::default(), clock()).unwrap()
}

fn everything() -> Query {
    Query { limit: usize::MAX, ..Query::default() }
}

/// Waits for something that the writer does by itself.
async fn until(what: &str, mut done: impl FnMut() -> bool) {
    for _ in 0..2000 {
        if done() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("waited in vain: {what}");
}

#[tokio::test]
async fn answers_as_the_history_in_memory_does() {
    let folder = tempfile::tempdir().unwrap();
    let file = open(&folder.path().join("history.db"));
    let memory = MemoryHistory::new(10_000);
    for number in 0..3000_i64 {
        // Hours and days are crossed, and some runs come out of order.
        let number = number * 100_003 - (number % 7) * 1_000_000;
        for history in [&file as &dyn History, &memory] {
            history.append(ran(if number % 3 == 0 { "web/a" } else { "b" }, number));
            if number % 11 == 0 {
                history.append(changed("b", number));
            }
        }
    }
    file.flush(SOON).await.unwrap();
    let id = |text: &str| CheckId::new(text).ok();
    let (from, until) = (Some(at(50_000_000)), Some(at(200_000_000)));
    for query in [
        everything(),
        Query::default(),
        Query { id: id("b"), ..everything() },
        Query { id: id("nobody"), ..everything() },
        Query { from, until, ..everything() },
        Query { id: id("web/a"), from, until, limit: 7 },
        Query { limit: 0, ..everything() },
    ] {
        assert_eq!(file.runs(&query).await.unwrap(), memory.runs(&query).await.unwrap(), "{query:?}");
        assert_eq!(file.transitions(&query).await.unwrap(), memory.transitions(&query).await.unwrap(), "{query:?}");
        assert_eq!(file.rollups(&query).await.unwrap(), memory.rollups(&query).await.unwrap(), "{query:?}");
    }
    let state = file.state();
    assert_eq!((state.failing, state.queued, state.dropped), (None, 0, 0));
    assert!(state.bytes > 0);
}

#[tokio::test]
async fn everything_is_there_after_it_was_closed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.db");
    let transition = |muted| {
        let Entry::Changed { at, mut transition } = changed("a", 5) else { unreachable!() };
        transition.muted = muted;
        transition.flapping = true;
        Entry::Changed { at, transition }
    };
    let root = CheckId::new("db").unwrap();
    let reasons =
        [None, Some(Muted::Cause { root }), Some(Muted::Maintenance), Some(Muted::Paused { reason: "x".into() })];
    let history = open(&path);
    for reason in &reasons {
        history.append(transition(reason.clone()));
    }
    history.append(ran("a", 1));
    // Dropping writes what waits.
    drop(history);
    assert!(!folder.path().join("history.db-wal").exists());

    let reader = HistoryReader::new(&path).unwrap();
    let mut rows = reader.transitions(&everything()).await.unwrap();
    rows.reverse();
    assert_eq!(rows.iter().map(|row| row.transition.muted.clone()).collect::<Vec<_>>(), reasons);
    assert!(rows.iter().all(|row| row.transition.flapping && row.at == at(5)));

    let history = open(&path);
    history.append(ran("a", 2));
    history.flush(SOON).await.unwrap();
    let rows = history.runs(&everything()).await.unwrap();
    assert_eq!(
        rows.iter().map(|row| row.metrics.clone()).collect::<Vec<_>>(),
        [vec![("number".to_owned(), 2.0)], vec![("number".to_owned(), 1.0)]]
    );
}

#[tokio::test]
async fn a_reader_sees_whole_batches_in_order_while_they_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let history = Arc::new(open(&folder.path().join("history.db")));
    let writer = {
        let history = history.clone();
        std::thread::spawn(move || {
            for number in 0..20_000 {
                history.append(ran("a", number));
                if number % 100 == 0 {
                    std::thread::park_timeout(Duration::from_millis(2));
                }
            }
        })
    };
    let mut seen = 0;
    while !writer.is_finished() || history.state().queued > 0 {
        let rows = history.runs(&everything()).await.unwrap();
        let numbers: Vec<_> = rows.iter().rev().map(|row| row.metrics[0].1 as i64).collect();
        let dropped = history.state().dropped;
        assert_eq!(dropped, 0, "the test appends faster than it can be written");
        assert!(numbers.iter().zip(0..).all(|(number, place)| *number == place), "there are no gaps");
        assert!(numbers.len() >= seen, "what was seen stays");
        seen = numbers.len();
    }
    writer.join().unwrap();
    history.flush(SOON).await.unwrap();
    let counted: u64 =
        history.rollups(&everything()).await.unwrap().iter().map(|row| row.counts.iter().sum::<u64>()).sum();
    assert_eq!(counted, 40_000, "each run counts in its hour and its day");
}

#[tokio::test]
async fn refuses_what_is_newer_or_not_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let refuse = |path: &Path| SqliteHistory::open(path, Retention::default(), clock()).unwrap_err();

    let newer = folder.path().join("newer.db");
    drop(open(&newer));
    rusqlite::Connection::open(&newer).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let error = refuse(&newer);
    assert!(matches!(error, HistoryError::Newer { found: 99, known: 1, .. }), "{error}");
    let error = HistoryReader::new(&newer).unwrap().runs(&everything()).await.unwrap_err();
    assert!(matches!(error, HistoryError::Newer { .. }), "{error}");

    let other = folder.path().join("other.db");
    rusqlite::Connection::open(&other).unwrap().execute_batch("CREATE TABLE theirs (x)").unwrap();
    let notes = folder.path().join("notes.txt");
    std::fs::write(&notes, "do not lose this\n".repeat(100)).unwrap();
    for path in [&other, &notes] {
        let before = std::fs::read(path).unwrap();
        let error = refuse(path);
        assert!(matches!(error, HistoryError::Foreign { .. }), "{error}");
        let error = HistoryReader::new(path).unwrap().runs(&everything()).await.unwrap_err();
        assert!(matches!(error, HistoryError::Foreign { .. }), "{error}");
        assert_eq!(std::fs::read(path).unwrap(), before, "it is not touched");
    }

    let missing = folder.path().join("none/history.db");
    assert!(matches!(refuse(&missing), HistoryError::Storage { action: "open", .. }));
    let error = HistoryReader::new(&missing).unwrap().runs(&everything()).await.unwrap_err();
    assert!(matches!(error, HistoryError::Storage { action: "open", .. }));
    let policy = Retention { max_size: 1, ..Retention::default() };
    assert!(SqliteHistory::open(&folder.path().join("x.db"), policy, clock()).is_err());
    assert!(!folder.path().join("x.db").exists());
}

fn damaged_files(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.contains(".damaged-") && !name.ends_with("-wal") && !name.ends_with("-shm")).collect()
}

#[tokio::test]
async fn a_damaged_file_is_put_aside_and_told_of() {
    type Damage = fn(&mut Vec<u8>);
    let cases: [(&str, Damage); 4] = [
        ("header", |bytes| bytes[..16].fill(7)),
        ("cut in the header", |bytes| bytes.truncate(50)),
        ("zeros", |bytes| bytes.fill(0)),
        ("schema", |bytes| bytes[100..4096].fill(0xee)),
    ];
    for (case, damage) in cases {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.db");
        drop(open(&path));
        let mut bytes = std::fs::read(&path).unwrap();
        damage(&mut bytes);
        std::fs::write(&path, &bytes).unwrap();

        let history = open(&path);
        let failing = history.state().failing.unwrap();
        assert!(failing.contains("damaged") && failing.contains("a new one is begun"), "{case}: {failing}");
        assert_eq!(damaged_files(folder.path()), ["history.db.damaged-20270115T080000Z"], "{case}");
        let aside = folder.path().join(&damaged_files(folder.path())[0]);
        assert_eq!(std::fs::read(aside).unwrap(), bytes, "{case}: it is kept as it was");
        history.append(ran("a", 1));
        history.flush(SOON).await.unwrap();
        assert_eq!(history.runs(&everything()).await.unwrap().len(), 1, "{case}");
    }
}

#[tokio::test]
async fn damage_that_shows_later_is_put_aside_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.db");
    let history = open(&path);
    for number in 0..5000 {
        history.append(ran("a", number));
    }
    drop(history);
    let mut bytes = std::fs::read(&path).unwrap();
    let (pages, half) = (bytes.len() / 4096, bytes.len() / 8192);
    assert!(pages > 20, "{pages}");
    // Only pages in the middle, which opening does not look at.
    bytes[half * 4096..(half + 4) * 4096].fill(0xee);
    std::fs::write(&path, &bytes).unwrap();

    let history = open(&path);
    assert_eq!(history.state().failing, None);
    let error = history.runs(&everything()).await.unwrap_err();
    assert!(matches!(error, HistoryError::Corrupt { .. }), "{error}");
    until("the damage is told of", || history.state().failing.is_some_and(|text| text.contains("damaged"))).await;
    until("it is put aside", || damaged_files(folder.path()).len() == 1).await;
    history.append(ran("a", 9));
    history.flush(SOON).await.unwrap();
    assert_eq!(history.runs(&everything()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn the_oldest_format_becomes_the_newest() {
    use super::schema::{APPLICATION_ID, MIGRATIONS, NEWEST, format, migrate};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.db");
    {
        let mut old = rusqlite::Connection::open(&path).unwrap();
        old.pragma_update(None, "auto_vacuum", "INCREMENTAL").unwrap();
        old.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
        migrate(&mut old, &MIGRATIONS[..1]).unwrap();
        // Written by hand: what was once written must always mean the same.
        old.execute_batch(
            "INSERT INTO checks VALUES (1, 'web');
             INSERT INTO metrics VALUES (1, 'depth');
             INSERT INTO runs VALUES (1800000000123 << 20 | 5, 1, 6, 2500, x'030000803f');
             INSERT INTO rollups VALUES (1, 1800000000000, 1, 0, 0, 1, 0, 2500, 2500);
             INSERT INTO transitions VALUES (1800000000123 << 20, 1, 0, 2, 1, 1, 'db', 'down');",
        )
        .unwrap();
    }
    let history = open(&path);
    history.flush(SOON).await.unwrap();
    let runs = history.runs(&everything()).await.unwrap();
    let web = CheckId::new("web").unwrap();
    assert_eq!(runs.len(), 1);
    assert_eq!(
        (&runs[0].id, runs[0].at, runs[0].status, runs[0].outcome),
        (&web, at(123), Status::Critical, Outcome::Failed)
    );
    assert_eq!(
        (runs[0].duration, &runs[0].metrics[..]),
        (Duration::from_micros(2500), &[("depth".to_owned(), 1.0)][..])
    );
    let rollups = history.rollups(&everything()).await.unwrap();
    assert_eq!((rollups[0].counts, rollups[0].mean), ([0, 0, 1, 0], Duration::from_micros(2500)));
    let transition = &history.transitions(&everything()).await.unwrap()[0].transition;
    assert_eq!(transition.muted, Some(Muted::Cause { root: CheckId::new("db").unwrap() }));
    drop(history);
    assert_eq!(format(&rusqlite::Connection::open(&path).unwrap()).unwrap(), NEWEST);
}

#[tokio::test]
async fn what_is_too_old_goes_and_checks_are_forgotten_with_their_last_row() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.db");
    let history = open(&path);
    let day = 86_400_000;
    for (check, age) in [("fresh", 1), ("week", 8), ("season", 100), ("ancient", 500)] {
        for number in 0..3000 {
            history.append(ran(check, number - age * day));
        }
        history.append(changed(check, -age * day));
    }
    drop(history);
    let history = open(&path);
    until("old rows are deleted", || {
        let checks: i64 = rusqlite::Connection::open(&path)
            .and_then(|file| file.query_row("SELECT count(*) FROM checks", [], |row| row.get(0)))
            .unwrap();
        checks == 3
    })
    .await;
    let mut runs: Vec<_> = history.runs(&everything()).await.unwrap().into_iter().map(|row| row.id).collect();
    runs.dedup();
    assert_eq!(runs, [CheckId::new("fresh").unwrap()]);
    let transitions = history.transitions(&everything()).await.unwrap();
    assert_eq!(
        transitions.iter().map(|row| row.transition.id.as_str()).collect::<Vec<_>>(),
        ["fresh", "week", "season"]
    );
    let rollups = history.rollups(&everything()).await.unwrap();
    let hourly = rollups.iter().filter(|row| row.span == Duration::from_hours(1));
    assert!(hourly.clone().count() >= 2 && hourly.clone().all(|row| row.id.as_str() != "season"));
    assert!(rollups.iter().any(|row| row.id.as_str() == "season"));
}

#[tokio::test]
async fn the_file_never_exceeds_its_limit_and_work_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.db");
    let max_size = Retention::LEAST_SIZE;
    let policy = Retention { max_size, ..Retention::default() };
    let history = SqliteHistory::open(&path, policy, clock()).unwrap();
    let log = super::file::companion(&path, "-wal");
    let mut longest_log = 0;
    for round in 0..80 {
        for number in 0..2000 {
            let number = round * 2000 + number;
            let Entry::Ran { id, execution } = ran("a", number) else { unreachable!() };
            let mut execution = (*execution).clone();
            execution.report.metrics = (0..8).map(|n| Metric::new(format!("m{n}"), 0.1, Unit::Number)).collect();
            execution.report.metrics.push(Metric::new("number", number as f64, Unit::Number));
            history.append(Entry::Ran { id, execution: Arc::new(execution) });
        }
        history.append(changed("a", round));
        history.flush(SOON).await.unwrap();
        let size = super::file::length(&path);
        assert!(size <= max_size, "{size}");
        longest_log = longest_log.max(super::file::length(&log));
    }
    assert!(longest_log < 12 << 20, "{longest_log}");
    assert_eq!(history.state().failing, None);
    assert_eq!(history.state().dropped, 0);
    let runs = history.runs(&everything()).await.unwrap();
    let number = |row: &RunRow| row.metrics[8].1 as usize;
    assert_eq!(number(&runs[0]), 159_999, "the newest is there");
    assert!(runs.len() > 10_000, "much of the room is used: {}", runs.len());
    assert_eq!(number(runs.last().unwrap()), 160_000 - runs.len(), "only the oldest went");
    assert_eq!(history.transitions(&everything()).await.unwrap().len(), 80, "no transition went before");
}

#[tokio::test]
async fn a_smaller_limit_makes_the_file_smaller() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.db");
    let policy = |max_size| Retention { max_size, ..Retention::default() };
    let history = SqliteHistory::open(&path, policy(32 << 20), clock()).unwrap();
    for round in 0..60 {
        for number in 0..5000 {
            history.append(ran("a", round * 5000 + number));
        }
        history.flush(SOON).await.unwrap();
    }
    drop(history);
    assert!(super::file::length(&path) > 6 << 20);
    let history = SqliteHistory::open(&path, policy(4 << 20), clock()).unwrap();
    history.append(ran("a", 1_000_000));
    history.flush(SOON).await.unwrap();
    until("the file shrinks", || super::file::length(&path) <= 4 << 20).await;
    assert_eq!(history.state().dropped, 0);
    assert_eq!(history.runs(&Query { limit: 1, ..everything() }).await.unwrap()[0].at, at(1_000_000));
}

#[cfg(unix)]
#[tokio::test]
async fn a_vanished_folder_is_told_of_and_recording_goes_on_when_it_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    std::fs::create_dir(&state).unwrap();
    let path = state.join("history.db");
    let history = open(&path);
    history.append(ran("a", 1));
    history.flush(SOON).await.unwrap();

    std::fs::remove_dir_all(&state).unwrap();
    history.append(ran("a", 2));
    history.append(changed("a", 2));
    let error = history.flush(Duration::from_secs(1)).await.unwrap_err();
    assert!(matches!(error, HistoryError::Storage { action: "write", .. }), "{error}");
    let failing = history.state().failing.unwrap();
    assert!(failing.starts_with("its folder is gone: "), "{failing}");
    assert_eq!(history.state().queued, 2);

    std::fs::create_dir(&state).unwrap();
    history.flush(SOON).await.unwrap();
    assert_eq!(history.runs(&everything()).await.unwrap()[0].at, at(2));
    assert_eq!(history.transitions(&everything()).await.unwrap().len(), 1);
    let failing = history.state().failing.unwrap();
    assert!(failing.contains("deleted or replaced"), "what was lost is still told of: {failing}");
    assert_eq!(history.state().dropped, 0);
}

#[tokio::test]
async fn a_second_process_that_holds_the_file_delays_but_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.db");
    let history = open(&path);
    history.flush(SOON).await.unwrap();
    let mut other = rusqlite::Connection::open(&path).unwrap();
    let hold = other.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).unwrap();
    history.append(ran("a", 1));
    until("it is told of", || history.state().failing.is_some_and(|text| text.starts_with("another process"))).await;
    assert!(history.runs(&everything()).await.unwrap().is_empty(), "readers do not wait");
    drop(hold);
    history.flush(SOON).await.unwrap();
    assert_eq!(history.state().failing, None);
    assert_eq!(history.runs(&everything()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn names_without_end_do_not_fill_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.db");
    let history = SqliteHistory::open(&path, Retention::default(), Arc::new(SystemClock)).unwrap();
    for number in 0..20_000_i64 {
        let Entry::Ran { id, execution } = ran("a", number) else { unreachable!() };
        let mut execution = (*execution).clone();
        execution.report.metrics = vec![
            Metric::new(format!("name-{number}"), 1.0, Unit::Number),
            Metric::new("n".repeat(500), 1.0, Unit::Number),
        ];
        history.append(Entry::Ran { id, execution: Arc::new(execution) });
        if number % 4000 == 0 {
            history.flush(SOON).await.unwrap();
        }
    }
    history.flush(SOON).await.unwrap();
    let names: i64 = rusqlite::Connection::open(&path)
        .and_then(|file| file.query_row("SELECT count(*) FROM metrics", [], |row| row.get(0)))
        .unwrap();
    assert_eq!(names, 16_384);
    assert_eq!(history.state().dropped, 0);
}
