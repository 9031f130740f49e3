//! The writing connection: everything that changes the file.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Transaction, TransactionBehavior, params};

use super::file::{self, Kind as FileKind};
use super::inbox::{Batch, Changed, Ran};
use super::row;
use super::schema::{self, APPLICATION_ID, MIGRATIONS, NEWEST};
use super::trouble::Trouble;
use crate::contract::HistoryError;
use crate::history::retention::{Deletion, Kind, Retention, Stock};
use crate::history::rollup::{Sample, Span, Tally, roll_up};
use crate::model::report::cut;
use crate::model::{CheckId, Report};

/// Rows that one deletion takes, so that a write never waits long for it.
const CHUNK: i64 = 2000;
/// Pages that are given back to the file system at a time.
const VACUUM_PAGES: u64 = 512;
/// The write-ahead log is cut to this when it was emptied.
const LOG_KEPT: u64 = 4 << 20;
/// A log as long as this is emptied at once; when it cannot be, because of somebody who reads for very long, nothing is recorded.
const LOG_LIMIT: u64 = 32 << 20;
/// Names of metrics that are kept: a check that invents new names all the time must not fill the file with them.
const NAMES: usize = 16_384;
/// The most bytes of a metric's name.
const NAME: usize = 128;

/// An open file, by the one who writes it.
#[derive(Debug)]
pub(super) struct Store {
    connection: Connection,
    path: PathBuf,
    identity: Option<(u64, u64)>,
    page_size: u64,
    most_pages: u64,
    interned: Interned,
    sequence: u32,
    unclean: bool,
}

impl Store {
    /// Opens the file, makes it when it is missing, and brings it to the newest format.
    pub(super) fn open(path: &Path, max_size: u64) -> Result<Self, Trouble> {
        // A log that was left behind: the last owner was killed, or the machine went down.
        let unclean = file::length(&file::companion(path, "-wal")) > 0;
        let foreign = |problem| {
            let path = path.display().to_string();
            Trouble::Refused(Box::new(HistoryError::Foreign { path, problem }))
        };
        match file::probe(path)? {
            FileKind::Empty | FileKind::Ours => {}
            FileKind::Foreign(problem) => return Err(foreign(problem)),
            FileKind::Damaged(problem) => return Err(Trouble::Damaged(problem.to_owned())),
        }
        let identity = file::identity(path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(Duration::from_secs(1))?;
        // Asked again, now of SQLite: what the header said may have been undone just now, when the one who wrote it was killed.
        match schema::application(&connection)? {
            APPLICATION_ID => {}
            0 if schema::is_empty(&connection)? => {
                // Before the log is turned on, so that the main file itself says whose it is.
                connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
                connection.pragma_update(None, "application_id", APPLICATION_ID)?;
            }
            _ => return Err(foreign("it is the SQLite file of another program")),
        }
        let format = schema::format(&connection)?;
        if format > NEWEST {
            let path = path.display().to_string();
            return Err(Trouble::Refused(Box::new(HistoryError::Newer { path, found: format, known: NEWEST })));
        }
        let mode: String = connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
        if mode != "wal" {
            let source =
                "its file system cannot share memory, which a write-ahead log needs: choose a local disk".into();
            let path = path.display().to_string();
            return Err(Trouble::Refused(Box::new(HistoryError::Storage { action: "open", path, source })));
        }
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        connection.pragma_update_and_check(None, "journal_size_limit", LOG_KEPT.cast_signed(), |_| Ok(()))?;
        connection.pragma_update(None, "trusted_schema", false)?;
        connection.pragma_update(None, "cell_size_check", true)?;
        connection.set_prepared_statement_cache_capacity(32);
        schema::migrate(&mut connection, MIGRATIONS)?;
        let page_size = number(&connection, "page_size")?.max(512);
        let most_pages = max_size / page_size;
        // The last word about the size, whatever else goes wrong.
        connection.pragma_update_and_check(None, "max_page_count", most_pages.cast_signed(), |_| Ok(()))?;
        let interned = Interned::load(&connection)?;
        let path = path.to_owned();
        Ok(Self { connection, path, identity, page_size, most_pages, interned, sequence: 0, unclean })
    }

    /// Whether the file was not closed properly the last time.
    pub(super) const fn is_unclean(&self) -> bool {
        self.unclean
    }

    /// Looks for damage in the whole file. Takes about a second for 256 MiB.
    pub(super) fn inspect(&self) -> Result<(), Trouble> {
        let answer: String = self.connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if answer == "ok" { Ok(()) } else { Err(Trouble::Damaged(answer)) }
    }

    /// Makes sure that the file still has its name, and that its log does not grow without end.
    pub(super) fn check_place(&self) -> Result<(), Trouble> {
        if file::identity(&self.path)? != self.identity {
            return Err(Trouble::Gone);
        }
        let log = file::companion(&self.path, "-wal");
        if file::length(&log) > LOG_LIMIT {
            self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
            if file::length(&log) > LOG_LIMIT {
                return Err(Trouble::LongReader);
            }
        }
        Ok(())
    }

    /// Writes a batch in one transaction: all or nothing.
    pub(super) fn write(&mut self, batch: &Batch) -> Result<(), Trouble> {
        let result = self.transact(batch);
        if result.is_err() {
            // Numbers that were given in a transaction that did not happen mean nothing.
            self.interned = Interned::default();
        }
        match result {
            Err(Trouble::DiskFull) if self.is_overfull()? => Err(Trouble::Overfull),
            result => result,
        }
    }

    fn transact(&mut self, batch: &Batch) -> Result<(), Trouble> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let (interned, sequence) = (&mut self.interned, &mut self.sequence);
        if interned.checks.is_empty() {
            *interned = Interned::load(&transaction)?;
        }
        let mut samples = Vec::with_capacity(batch.runs.len());
        for run in &batch.runs {
            samples.push(insert_run(&transaction, interned, sequence, run)?);
        }
        for span in Span::ALL {
            add_rollups(&transaction, span, &roll_up(span, samples.iter().copied()))?;
        }
        for change in &batch.changes {
            insert_change(&transaction, interned, sequence, change)?;
        }
        Ok(transaction.commit()?)
    }

    /// Whether it is the size limit that is reached, and not the end of the disk.
    fn is_overfull(&self) -> Result<bool, Trouble> {
        const NEAR: u64 = 128;
        Ok(number(&self.connection, "page_count")? + NEAR >= self.most_pages && self.free_pages()? < NEAR)
    }

    fn free_pages(&self) -> rusqlite::Result<u64> {
        number(&self.connection, "freelist_count")
    }

    /// Bytes in use.
    pub(super) fn used(&self) -> Result<u64, Trouble> {
        let pages = number(&self.connection, "page_count")?;
        Ok(pages.saturating_sub(self.free_pages()?) * self.page_size)
    }

    /// Bytes on disk, with the log.
    pub(super) fn bytes(&self) -> u64 {
        file::length(&self.path) + file::length(&file::companion(&self.path, "-wal"))
    }

    /// What there is.
    pub(super) fn stock(&self) -> Result<Stock, Trouble> {
        let mut oldest = [None; 4];
        for (kind, oldest) in Kind::ALL.into_iter().zip(&mut oldest) {
            *oldest = self.oldest(kind)?.map(|place| match kind.span() {
                Some(_) => row::moment(place),
                None => row::key_moment(place),
            });
        }
        Ok(Stock { used: self.used()?, oldest })
    }

    /// The place of the oldest row: its key, or for something added up its beginning.
    fn oldest(&self, kind: Kind) -> rusqlite::Result<Option<i64>> {
        self.place(kind, 0)
    }

    /// The place of the row that has so many older ones.
    fn place(&self, kind: Kind, offset: i64) -> rusqlite::Result<Option<i64>> {
        let sql = match kind {
            Kind::Runs => "SELECT key FROM runs ORDER BY key LIMIT 1 OFFSET ?1",
            Kind::Transitions => "SELECT key FROM transitions ORDER BY key LIMIT 1 OFFSET ?1",
            Kind::Hourly => "SELECT at FROM rollups WHERE hours = 1 ORDER BY hours, at LIMIT 1 OFFSET ?1",
            Kind::Daily => "SELECT at FROM rollups WHERE hours = 24 ORDER BY hours, at LIMIT 1 OFFSET ?1",
        };
        self.connection.prepare_cached(sql)?.query_row([offset], |row| row.get(0)).optional()
    }

    /// Carries out a deletion, as far as one chunk goes. Says how many rows it took.
    pub(super) fn delete(&self, deletion: Deletion) -> Result<usize, Trouble> {
        let (kind, limit) = match deletion {
            Deletion::Expired { kind, before } => match kind.span() {
                Some(_) => (kind, row::milliseconds(before)),
                None => (kind, row::key(before, 0)),
            },
            Deletion::Excess { kind } => (kind, i64::MAX),
        };
        let Some(oldest) = self.oldest(kind)? else { return Ok(0) };
        // Rows of one span have the same place and go together, even if they are more than a chunk.
        let chunk = self.place(kind, CHUNK)?.map_or(i64::MAX, |place| place.max(oldest + 1));
        let sql = match kind {
            Kind::Runs => "DELETE FROM runs WHERE key < ?1",
            Kind::Transitions => "DELETE FROM transitions WHERE key < ?1",
            Kind::Hourly => "DELETE FROM rollups WHERE hours = 1 AND at < ?1",
            Kind::Daily => "DELETE FROM rollups WHERE hours = 24 AND at < ?1",
        };
        Ok(self.connection.prepare_cached(sql)?.execute([chunk.min(limit)])?)
    }

    /// Forgets checks of which nothing is left. While there is a run, there is a day it was added to.
    pub(super) fn forget_checks(&mut self) -> Result<(), Trouble> {
        let gone = self.connection.execute(
            "DELETE FROM checks WHERE number NOT IN (SELECT check_number FROM rollups)
                AND number NOT IN (SELECT check_number FROM transitions)",
            [],
        )?;
        if gone > 0 {
            self.interned = Interned::default();
        }
        Ok(())
    }

    /// Gives pages back to the file system, when the file is larger than it may be or a quarter of it is free.
    /// Says whether there is more to give.
    pub(super) fn shrink(&self) -> Result<bool, Trouble> {
        let is_large = || -> rusqlite::Result<bool> {
            let (pages, free) = (number(&self.connection, "page_count")?, self.free_pages()?);
            Ok(free > 0 && (pages > self.most_pages || free >= (pages / 4).max(VACUUM_PAGES)))
        };
        if !is_large()? {
            return Ok(false);
        }
        let mut statement = self.connection.prepare(&format!("PRAGMA incremental_vacuum({VACUUM_PAGES})"))?;
        let mut rows = statement.query([])?;
        // Each row that is asked for frees one page.
        while rows.next()?.is_some() {}
        drop(rows);
        drop(statement);
        let most = self.most_pages.cast_signed();
        self.connection.pragma_update_and_check(None, "max_page_count", most, |_| Ok(()))?;
        // The file itself is cut when the log is carried over.
        self.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?;
        Ok(is_large()?)
    }

    /// Whether something has to be deleted before more is written.
    pub(super) fn is_tight(&self, policy: &Retention) -> Result<bool, Trouble> {
        Ok(self.used()? > policy.room())
    }
}

fn number(connection: &Connection, pragma: &str) -> rusqlite::Result<u64> {
    connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0)).map(|value| value.max(0).cast_unsigned())
}

/// Texts that stand in the file once, and their numbers.
#[derive(Debug, Default)]
struct Interned {
    checks: HashMap<CheckId, i64>,
    names: HashMap<String, u32>,
}

impl Interned {
    fn load(connection: &Connection) -> rusqlite::Result<Self> {
        let mut interned = Self::default();
        let mut statement = connection.prepare_cached("SELECT id, number FROM checks")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            // What is no id can never be asked for either.
            if let Ok(id) = CheckId::new(row.get_ref(0)?.as_str()?) {
                interned.checks.insert(id, row.get(1)?);
            }
        }
        let mut statement = connection.prepare_cached("SELECT name, number FROM metrics")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            interned.names.insert(row.get(0)?, row.get(1)?);
        }
        Ok(interned)
    }

    fn check(&mut self, connection: &Connection, id: &CheckId) -> rusqlite::Result<i64> {
        if let Some(number) = self.checks.get(id) {
            return Ok(*number);
        }
        let number = connection.prepare_cached("INSERT INTO checks (id) VALUES (?1)")?.insert([id.as_str()])?;
        self.checks.insert(id.clone(), number);
        Ok(number)
    }

    /// The number of a name; `None` for a name that is too long, or one too many.
    fn name(&mut self, connection: &Connection, name: &str) -> rusqlite::Result<Option<u32>> {
        if let Some(number) = self.names.get(name) {
            return Ok(Some(*number));
        }
        if name.len() > NAME || self.names.len() >= NAMES {
            tracing::debug!(
                name = cut(name, NAME),
                "a metric is not recorded: its name is too long, or there are too many"
            );
            return Ok(None);
        }
        let number = connection.prepare_cached("INSERT INTO metrics (name) VALUES (?1)")?.insert([name])?;
        let number = u32::try_from(number).ok();
        if let Some(number) = number {
            self.names.insert(name.to_owned(), number);
        }
        Ok(number)
    }
}

/// Runs an insertion with the next free key of its millisecond.
fn with_key(
    at: Timestamp,
    sequence: &mut u32,
    mut insert: impl FnMut(i64) -> rusqlite::Result<usize>,
) -> Result<(), Trouble> {
    for _ in 0..row::SEQUENCES {
        *sequence = sequence.wrapping_add(1) % row::SEQUENCES;
        if insert(row::key(at, *sequence))? == 1 {
            return Ok(());
        }
    }
    Err(Trouble::Fault(format!("more than {} rows of the same millisecond", row::SEQUENCES)))
}

fn insert_run(
    transaction: &Transaction<'_>,
    interned: &mut Interned,
    sequence: &mut u32,
    run: &Ran,
) -> Result<Sample<i64>, Trouble> {
    let Ran { id, execution } = run;
    let check = interned.check(transaction, id)?;
    let mut metrics = Vec::new();
    for metric in &execution.report.metrics {
        if let Some(name) = interned.name(transaction, &metric.name)? {
            row::push_metric(&mut metrics, name, metric.value);
        }
    }
    let status = execution.report.status;
    let (verdict, took) = (row::verdict(status, execution.outcome), row::microseconds(execution.duration));
    let metrics = (!metrics.is_empty()).then_some(metrics);
    let mut statement = transaction.prepare_cached(
        "INSERT INTO runs (key, check_number, verdict, duration, metrics) VALUES (?1, ?2, ?3, ?4, ?5)
            ON CONFLICT DO NOTHING",
    )?;
    with_key(execution.started, sequence, |key| statement.execute(params![key, check, verdict, took, metrics]))?;
    // What is added up is what can be read again.
    let at = row::moment(row::milliseconds(execution.started));
    Ok(Sample { key: check, at, status, duration: row::duration(took) })
}

fn add_rollups(
    transaction: &Transaction<'_>,
    span: Span,
    tallies: &BTreeMap<(Timestamp, i64), Tally>,
) -> rusqlite::Result<()> {
    let mut statement = transaction.prepare_cached(
        "INSERT INTO rollups (hours, at, check_number, healthy, warning, critical, unknown, total, longest)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
            ON CONFLICT DO UPDATE SET
                healthy = healthy + excluded.healthy,
                warning = warning + excluded.warning,
                critical = critical + excluded.critical,
                unknown = unknown + excluded.unknown,
                total = total + excluded.total,
                longest = max(longest, excluded.longest)",
    )?;
    for ((at, check), tally) in tallies {
        let [healthy, warning, critical, unknown] = tally.counts.map(u64::cast_signed);
        let (total, longest) = (tally.total.as_micros() as i64, row::microseconds(tally.longest));
        let at = row::milliseconds(*at);
        statement.execute(params![span.hours(), at, check, healthy, warning, critical, unknown, total, longest])?;
    }
    Ok(())
}

fn insert_change(
    transaction: &Transaction<'_>,
    interned: &mut Interned,
    sequence: &mut u32,
    change: &Changed,
) -> Result<(), Trouble> {
    let Changed { at, transition } = change;
    let check = interned.check(transaction, &transition.id)?;
    let (muted, by) = row::muted(transition.muted.as_ref());
    let by = by.map(|by| cut(by, Report::MAX_SUMMARY));
    let summary = cut(&transition.summary, Report::MAX_SUMMARY);
    let (before, after) = (transition.from as u8, transition.to as u8);
    let mut statement = transaction.prepare_cached(
        "INSERT INTO transitions (key, check_number, before, after, flapping, muted, muted_by, summary)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING",
    )?;
    let flapping = transition.flapping;
    with_key(*at, sequence, |key| statement.execute(params![key, check, before, after, flapping, muted, by, summary]))
}
