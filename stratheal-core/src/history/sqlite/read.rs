//! Questions to an open connection.

use std::collections::HashMap;
use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Row, Rows, params_from_iter};

use super::row;
use super::trouble::Trouble;
use crate::contract::HistoryError;
use crate::contract::history::{Query, RollupRow, RunRow, TransitionRow};
use crate::history::rollup::{Span, Tally};
use crate::model::CheckId;
use crate::model::event::Transition;

/// More rows than this are never answered at once.
pub(super) const MOST_ROWS: i64 = 100_000;

/// Asks questions in one view of the file.
#[derive(Debug)]
pub(super) struct Questions<'a> {
    connection: &'a Connection,
    path: &'a Path,
    checks: HashMap<i64, CheckId>,
    names: HashMap<u32, String>,
}

impl<'a> Questions<'a> {
    pub(super) fn new(connection: &'a Connection, path: &'a Path) -> Self {
        Self { connection, path, checks: HashMap::new(), names: HashMap::new() }
    }

    pub(super) fn runs(&mut self, query: &Query) -> Result<Vec<RunRow>, HistoryError> {
        let sql = "SELECT key, check_number, verdict, duration, metrics FROM runs";
        self.ask(sql, "key", &Range::of_keys(query), query, |this, row| {
            let (status, outcome) = row::read_verdict(row.get(2)?).ok_or_else(|| damaged("a run's verdict"))?;
            let metrics = row.get_ref(4)?.as_blob_or_null().map_err(rusqlite::Error::from)?.unwrap_or_default();
            let metrics = row::read_metrics(metrics).ok_or_else(|| damaged("a run's metrics"))?;
            Ok(RunRow {
                id: this.check(row.get(1)?)?,
                at: row::key_moment(row.get(0)?),
                status,
                outcome,
                duration: row::duration(row.get(3)?),
                metrics: metrics
                    .into_iter()
                    .map(|(name, value)| Ok((this.name(name)?, value)))
                    .collect::<Result<_, Trouble>>()?,
            })
        })
    }

    pub(super) fn transitions(&mut self, query: &Query) -> Result<Vec<TransitionRow>, HistoryError> {
        let sql = "SELECT key, check_number, before, after, flapping, muted, muted_by, summary FROM transitions";
        self.ask(sql, "key", &Range::of_keys(query), query, |this, row| {
            let status =
                |column| row::read_status(row.get(column)?).ok_or_else(|| damaged("the status of a transition"));
            let muted = row::read_muted(row.get(5)?, row.get(6)?).map_err(|_| damaged("a transition's reason"))?;
            let transition = Transition {
                id: this.check(row.get(1)?)?,
                from: status(2)?,
                to: status(3)?,
                summary: row.get(7)?,
                muted,
                flapping: row.get(4)?,
            };
            Ok(TransitionRow { at: row::key_moment(row.get(0)?), transition })
        })
    }

    pub(super) fn rollups(&mut self, query: &Query) -> Result<Vec<RollupRow>, HistoryError> {
        let mut found = Vec::new();
        for span in Span::ALL {
            let sql = "SELECT at, check_number, healthy, warning, critical, unknown, total, longest FROM rollups";
            let range = Range { hours: Some(span.hours()), ..Range::of_moments(query) };
            found.extend(self.ask(sql, "at", &range, query, |this, row| {
                let count = |column| row.get::<_, i64>(column).map(|count| count.max(0).cast_unsigned());
                let tally = Tally {
                    counts: [count(2)?, count(3)?, count(4)?, count(5)?],
                    total: row::duration(row.get(6)?),
                    longest: row::duration(row.get(7)?),
                };
                Ok(RollupRow {
                    id: this.check(row.get(1)?)?,
                    at: row::moment(row.get(0)?),
                    span: span.duration(),
                    counts: tally.counts,
                    mean: tally.mean(),
                    max: tally.longest,
                })
            })?);
        }
        found.sort_by(|a, b| b.at.cmp(&a.at).then(a.span.cmp(&b.span)).then_with(|| a.id.cmp(&b.id)));
        found.truncate(query.limit);
        Ok(found)
    }

    fn ask<T>(
        &mut self,
        select: &str,
        place: &str,
        range: &Range,
        query: &Query,
        read: impl Fn(&mut Self, &Row<'_>) -> Result<T, Trouble>,
    ) -> Result<Vec<T>, HistoryError> {
        let answer = (|| {
            let mut values = vec![range.from, range.until];
            let mut sql = format!("{select} WHERE {place} >= ?1 AND {place} < ?2");
            if let Some(hours) = range.hours {
                values.push(hours);
                sql.push_str(" AND hours = ?3");
            }
            if let Some(id) = &query.id {
                let Some(number) = self.number(id)? else { return Ok(Vec::new()) };
                values.push(number);
                sql = format!("{sql} AND check_number = ?{}", values.len());
            }
            values.push(i64::try_from(query.limit).unwrap_or(MOST_ROWS).min(MOST_ROWS));
            sql = format!("{sql} ORDER BY {place} DESC LIMIT ?{}", values.len());
            let connection = self.connection;
            let mut statement = connection.prepare(&sql)?;
            let mut rows: Rows<'_> = statement.query(params_from_iter(values))?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                found.push(read(self, row)?);
            }
            Ok(found)
        })();
        answer.map_err(|trouble: Trouble| trouble.into_error("read", self.path))
    }

    fn number(&self, id: &CheckId) -> rusqlite::Result<Option<i64>> {
        let sql = "SELECT number FROM checks WHERE id = ?1";
        self.connection.query_row(sql, [id.as_str()], |row| row.get(0)).optional()
    }

    fn check(&mut self, number: i64) -> Result<CheckId, Trouble> {
        if let Some(id) = self.checks.get(&number) {
            return Ok(id.clone());
        }
        let sql = "SELECT id FROM checks WHERE number = ?1";
        let text: Option<String> =
            self.connection.prepare_cached(sql)?.query_row([number], |row| row.get(0)).optional()?;
        let id = text.and_then(|text| CheckId::new(&text).ok()).ok_or_else(|| damaged("the id of a check"))?;
        self.checks.insert(number, id.clone());
        Ok(id)
    }

    fn name(&mut self, number: u32) -> Result<String, Trouble> {
        if let Some(name) = self.names.get(&number) {
            return Ok(name.clone());
        }
        let sql = "SELECT name FROM metrics WHERE number = ?1";
        let name: Option<String> =
            self.connection.prepare_cached(sql)?.query_row([number], |row| row.get(0)).optional()?;
        let name = name.ok_or_else(|| damaged("the name of a metric"))?;
        self.names.insert(number, name.clone());
        Ok(name)
    }
}

fn damaged(what: &str) -> Trouble {
    Trouble::Damaged(format!("{what} makes no sense"))
}

/// Which places are asked for. Times are kept to the millisecond, and asked to the millisecond.
#[derive(Debug)]
struct Range {
    from: i64,
    until: i64,
    hours: Option<i64>,
}

impl Range {
    fn of_keys(query: &Query) -> Self {
        let key = |at| row::key(at, 0);
        Self { from: query.from.map_or(0, key), until: query.until.map_or(i64::MAX, key), hours: None }
    }

    fn of_moments(query: &Query) -> Self {
        let until = query.until.map_or(i64::MAX, row::milliseconds);
        Self { from: query.from.map_or(0, row::milliseconds), until, hours: None }
    }
}
