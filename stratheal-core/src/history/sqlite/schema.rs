//! The format of the file, and how an older one becomes the newest.
//!
//! Runs have no index besides their key. An index by check would have to be changed at as many places as there are checks, at every
//! write; instead, a question about one check looks at all runs of the time in question, which a disk of today does at a few million
//! rows a second.

use rusqlite::Connection;

/// Marks a file as ours, in its header: "strh".
pub(super) const APPLICATION_ID: i32 = 0x7374_7268;

/// What makes each format from the one before. Only ever appended to: what was released is never changed.
pub(super) const MIGRATIONS: &[&str] = &[
    // 1: times in milliseconds since 1970, durations in microseconds.
    "
    CREATE TABLE checks (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE
    ) STRICT;
    CREATE TABLE metrics (
        number INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE
    ) STRICT;
    CREATE TABLE runs (
        key INTEGER PRIMARY KEY,
        check_number INTEGER NOT NULL,
        verdict INTEGER NOT NULL,
        duration INTEGER NOT NULL,
        metrics BLOB
    ) STRICT;
    CREATE TABLE rollups (
        hours INTEGER NOT NULL,
        at INTEGER NOT NULL,
        check_number INTEGER NOT NULL,
        healthy INTEGER NOT NULL,
        warning INTEGER NOT NULL,
        critical INTEGER NOT NULL,
        unknown INTEGER NOT NULL,
        total INTEGER NOT NULL,
        longest INTEGER NOT NULL,
        PRIMARY KEY (hours, at, check_number)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE transitions (
        key INTEGER PRIMARY KEY,
        check_number INTEGER NOT NULL,
        before INTEGER NOT NULL,
        after INTEGER NOT NULL,
        flapping INTEGER NOT NULL,
        muted INTEGER NOT NULL,
        muted_by TEXT,
        summary TEXT NOT NULL
    ) STRICT;
    CREATE INDEX transitions_by_check ON transitions (check_number);
    ",
];

/// The newest format.
pub(super) const NEWEST: i64 = MIGRATIONS.len().cast_signed() as i64;

/// Whose file it is; 0 when nobody said.
pub(super) fn application(connection: &Connection) -> rusqlite::Result<i32> {
    connection.pragma_query_value(None, "application_id", |row| row.get(0))
}

/// Whether nothing was ever made in a file.
pub(super) fn is_empty(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |row| row.get(0))
}

/// The format of a file; 0 when it has none yet.
pub(super) fn format(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Brings a file to the format that a list of migrations ends with, each in a transaction of its own.
pub(super) fn migrate(connection: &mut Connection, migrations: &[&str]) -> rusqlite::Result<()> {
    let found = usize::try_from(format(connection)?).unwrap_or(0);
    for (number, migration) in (1_i64..).zip(migrations).skip(found) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(migration)?;
        transaction.pragma_update(None, "user_version", number)?;
        transaction.commit()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_can_be_reached_from_every_older_one() {
        let schema = |connection: &Connection| -> Vec<String> {
            let mut statement =
                connection.prepare("SELECT sql FROM sqlite_schema WHERE sql NOT NULL ORDER BY name").unwrap();
            let rows = statement.query_map([], |row| row.get(0)).unwrap();
            rows.collect::<Result<_, _>>().unwrap()
        };
        let mut newest = Connection::open_in_memory().unwrap();
        migrate(&mut newest, MIGRATIONS).unwrap();
        assert_eq!(format(&newest).unwrap(), NEWEST);
        for (from, number) in (0..=MIGRATIONS.len()).zip(0_i64..) {
            let mut older = Connection::open_in_memory().unwrap();
            migrate(&mut older, &MIGRATIONS[..from]).unwrap();
            assert_eq!(format(&older).unwrap(), number);
            migrate(&mut older, MIGRATIONS).unwrap();
            assert_eq!(schema(&older), schema(&newest));
        }
    }

    #[test]
    fn a_migration_that_fails_leaves_the_format_before() {
        let mut connection = Connection::open_in_memory().unwrap();
        let broken = [MIGRATIONS[0], "CREATE TABLE half (x); CREATE TABLE checks (x)"];
        migrate(&mut connection, &broken).unwrap_err();
        assert_eq!(format(&connection).unwrap(), 1);
        assert!(connection.prepare("SELECT * FROM half").is_err());
        migrate(&mut connection, MIGRATIONS).unwrap();
    }
}
