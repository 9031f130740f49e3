//! The latest runs and changes, kept in memory.
//!
//! Entries go through a bounded channel first: the scheduler never waits for a reader that is copying rows. Whoever gets hold of the
//! rows next, the scheduler or a reader, takes the entries in.

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use super::rollup::{Sample, Span, roll_up};
use crate::contract::History;
use crate::contract::history::{Entry, HistoryError, HistoryState, Query, RollupRow, RunRow, TransitionRow};
use crate::model::view::{Execution, Outcome};
use crate::model::{CheckId, Status};

/// A record of the latest runs of each check and the latest changes of all, gone when the program ends.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// use stratheal_core::contract::History;
/// use stratheal_core::contract::history::Query;
/// use stratheal_core::history::MemoryHistory;
/// let history = MemoryHistory::default();
/// assert!(history.runs(&Query::default()).await.unwrap().is_empty());
/// # }
/// ```
pub struct MemoryHistory {
    sender: SyncSender<Entry>,
    rows: Mutex<Rows>,
    dropped: AtomicU64,
    failing: Option<String>,
}

struct Rows {
    receiver: Receiver<Entry>,
    per_check: usize,
    runs: HashMap<CheckId, VecDeque<Run>>,
    count: usize,
    transitions: VecDeque<TransitionRow>,
}

struct Run {
    at: Timestamp,
    duration: Duration,
    status: Status,
    outcome: Outcome,
    metrics: Box<[(Cow<'static, str>, f64)]>,
}

impl fmt::Debug for MemoryHistory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryHistory").field("dropped", &self.dropped).finish_non_exhaustive()
    }
}

impl Default for MemoryHistory {
    fn default() -> Self {
        Self::new(Self::RUNS_PER_CHECK)
    }
}

impl MemoryHistory {
    /// Runs kept of each check by default.
    pub const RUNS_PER_CHECK: usize = 256;
    /// Changes kept of all checks together.
    pub const TRANSITIONS: usize = 10_000;
    /// Runs kept of all checks together: with very many checks each keeps fewer, but at least its last.
    pub const RUNS: usize = 262_144;
    /// Checks of which runs are kept; beyond that, those go that have not run for the longest time.
    pub const CHECKS: usize = 131_072;
    const WAITING: usize = 4096;

    /// A record of so many runs of each check (at least one).
    #[must_use]
    pub fn new(runs_per_check: usize) -> Self {
        let (sender, receiver) = sync_channel(Self::WAITING);
        let rows = Rows {
            receiver,
            per_check: runs_per_check.max(1),
            runs: HashMap::new(),
            count: 0,
            transitions: VecDeque::new(),
        };
        Self { sender, rows: Mutex::new(rows), dropped: AtomicU64::new(0), failing: None }
    }

    /// A record that stands in for a durable one that cannot be had, and says why in its state.
    #[must_use]
    pub fn instead(why: String) -> Self {
        Self { failing: Some(why), ..Self::default() }
    }

    fn rows(&self) -> MutexGuard<'_, Rows> {
        // Nothing panics while holding the lock, and the rows are valid at every step.
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        rows.take_in();
        rows
    }
}

impl Rows {
    fn take_in(&mut self) {
        while let Ok(entry) = self.receiver.try_recv() {
            match entry {
                Entry::Ran { id, execution } => self.ran(id, &execution),
                Entry::Changed { at, transition } => {
                    if self.transitions.len() >= MemoryHistory::TRANSITIONS {
                        self.transitions.pop_front();
                    }
                    self.transitions.push_back(TransitionRow { at: to_millisecond(at), transition });
                }
            }
        }
    }

    fn ran(&mut self, id: CheckId, execution: &Execution) {
        let full = self.count >= MemoryHistory::RUNS;
        if !self.runs.contains_key(&id) && self.runs.len() >= MemoryHistory::CHECKS {
            self.forget_idlest();
        }
        let ring = self.runs.entry(id).or_default();
        if ring.len() >= self.per_check || (full && !ring.is_empty()) {
            ring.pop_front();
            self.count -= 1;
        }
        let metrics = execution.report.metrics.iter().map(|metric| (metric.name.clone(), metric.value));
        ring.push_back(Run {
            at: to_millisecond(execution.started),
            duration: execution.duration,
            status: execution.report.status,
            outcome: execution.outcome,
            metrics: metrics.collect(),
        });
        self.count += 1;
    }

    fn forget_idlest(&mut self) {
        let last = |ring: &VecDeque<Run>| ring.back().map(|run| run.at);
        let idlest = self.runs.iter().min_by_key(|(_, ring)| last(ring)).map(|(id, _)| id.clone());
        if let Some(ring) = idlest.and_then(|id| self.runs.remove(&id)) {
            self.count -= ring.len();
        }
    }

    fn chosen<'a>(&'a self, query: &'a Query) -> impl Iterator<Item = (&'a CheckId, &'a Run)> {
        let asked = |id: &CheckId| query.id.as_ref().is_none_or(|wanted| wanted == id);
        self.runs
            .iter()
            .filter(move |(id, _)| asked(id))
            .flat_map(|(id, ring)| ring.iter().map(move |run| (id, run)))
            .filter(|(_, run)| within(query, run.at))
    }
}

/// Rows are kept to the millisecond, and asked to the millisecond.
fn to_millisecond(at: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
}

fn within(query: &Query, at: Timestamp) -> bool {
    query.from.is_none_or(|from| at >= to_millisecond(from))
        && query.until.is_none_or(|until| at < to_millisecond(until))
}

#[async_trait]
impl History for MemoryHistory {
    fn append(&self, entry: Entry) {
        let sent = self.sender.try_send(entry);
        match self.rows.try_lock() {
            Ok(mut rows) => rows.take_in(),
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner().take_in(),
            // The one who has it took most in already, and the next one takes in the rest.
            Err(TryLockError::WouldBlock) => {}
        }
        if sent.is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    async fn runs(&self, query: &Query) -> Result<Vec<RunRow>, HistoryError> {
        let rows = self.rows();
        let mut found: Vec<_> = rows.chosen(query).collect();
        found.sort_by_key(|(_, run)| std::cmp::Reverse(run.at));
        let row = |(id, run): (&CheckId, &Run)| RunRow {
            id: id.clone(),
            at: run.at,
            status: run.status,
            outcome: run.outcome,
            duration: run.duration,
            metrics: run.metrics.iter().map(|(name, value)| (name.clone().into_owned(), *value)).collect(),
        };
        Ok(found.into_iter().take(query.limit).map(row).collect())
    }

    async fn transitions(&self, query: &Query) -> Result<Vec<TransitionRow>, HistoryError> {
        let rows = self.rows();
        let asked =
            |row: &&TransitionRow| query.id.as_ref().is_none_or(|id| *id == row.transition.id) && within(query, row.at);
        let mut found: Vec<_> = rows.transitions.iter().rev().filter(asked).collect();
        // They come in the order of time, unless the clock was set back.
        found.sort_by_key(|row| std::cmp::Reverse(row.at));
        Ok(found.into_iter().take(query.limit).cloned().collect())
    }

    async fn rollups(&self, query: &Query) -> Result<Vec<RollupRow>, HistoryError> {
        let rows = self.rows();
        let everything = Query { id: query.id.clone(), ..Query::default() };
        let mut found = Vec::new();
        for span in Span::ALL {
            let samples = rows.chosen(&everything).map(|(key, run)| Sample {
                key,
                at: run.at,
                status: run.status,
                duration: run.duration,
            });
            found.extend(roll_up(span, samples).into_iter().filter(|((at, _), _)| within(query, *at)).map(
                |((at, id), tally)| RollupRow {
                    id: id.clone(),
                    at,
                    span: span.duration(),
                    counts: tally.counts,
                    mean: tally.mean(),
                    max: tally.longest,
                },
            ));
        }
        found.sort_by(|a, b| b.at.cmp(&a.at).then(a.span.cmp(&b.span)).then_with(|| a.id.cmp(&b.id)));
        found.truncate(query.limit);
        Ok(found)
    }

    fn state(&self) -> HistoryState {
        let dropped = self.dropped.load(Ordering::Relaxed);
        HistoryState { dropped, failing: self.failing.clone(), ..HistoryState::default() }
    }

    async fn flush(&self, _limit: Duration) -> Result<(), HistoryError> {
        drop(self.rows());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::event::Transition;
    use crate::model::{Metric, Report, Unit};

    fn id(text: &str) -> CheckId {
        CheckId::new(text).unwrap()
    }

    fn at(second: usize) -> Timestamp {
        Timestamp::new(1_700_000_000, 987_654_321).unwrap() + Duration::from_secs(second as u64)
    }

    fn ran(name: &str, second: usize, status: Status) -> Entry {
        let report = Report::new(status, "text").metric(Metric::new("depth", second as f64, Unit::Number));
        let execution = Execution {
            started: at(second),
            duration: Duration::from_millis(5),
            late_by: Duration::ZERO,
            outcome: Outcome::Done,
            report,
        };
        Entry::Ran { id: id(name), execution: Arc::new(execution) }
    }

    fn changed(name: &str, second: usize) -> Entry {
        let transition = Transition {
            id: id(name),
            from: Status::Healthy,
            to: Status::Critical,
            summary: "down".to_owned(),
            muted: None,
            flapping: false,
        };
        Entry::Changed { at: at(second), transition }
    }

    #[tokio::test]
    async fn keeps_the_latest_of_each_check() {
        let history = MemoryHistory::new(3);
        for second in 0..10 {
            history.append(ran("a", second, Status::Healthy));
        }
        history.append(ran("b", 3, Status::Warning));
        let all = history.runs(&Query::default()).await.unwrap();
        let seen: Vec<_> = all.iter().map(|row| (row.id.as_str(), row.metrics[0].1)).collect();
        assert_eq!(seen, [("a", 9.0), ("a", 8.0), ("a", 7.0), ("b", 3.0)]);
        assert_eq!(all[0].at.subsec_nanosecond(), 987_000_000);

        let some = Query { id: Some(id("a")), from: Some(at(7)), until: Some(at(9)), limit: 1 };
        let some = history.runs(&some).await.unwrap();
        assert_eq!(some.iter().map(|row| row.metrics[0].1).collect::<Vec<_>>(), [8.0]);

        let rollups = history.rollups(&Query { id: Some(id("b")), ..Query::default() }).await.unwrap();
        assert_eq!(rollups.len(), 2);
        assert!(rollups.iter().all(|row| row.counts == [0, 1, 0, 0] && row.max == Duration::from_millis(5)));
    }

    #[tokio::test]
    async fn keeps_the_latest_changes_of_all() {
        let history = MemoryHistory::default();
        for second in 0..MemoryHistory::TRANSITIONS + 5 {
            history.append(changed(if second % 2 == 0 { "even" } else { "odd" }, second));
        }
        let all = history.transitions(&Query { limit: usize::MAX, ..Query::default() }).await.unwrap();
        assert_eq!(all.len(), MemoryHistory::TRANSITIONS);
        assert_eq!(all.last().unwrap().at, to_millisecond(at(5)));
        let odd = Query { id: Some(id("odd")), limit: 2, ..Query::default() };
        assert_eq!(history.transitions(&odd).await.unwrap().len(), 2);
    }

    #[tokio::test]
    async fn never_waits_for_a_reader() {
        let history = MemoryHistory::new(usize::MAX);
        let reader = history.rows.lock().unwrap();
        for second in 0..MemoryHistory::WAITING + 10 {
            history.append(ran("a", second, Status::Healthy));
        }
        drop(reader);
        assert_eq!(history.state().dropped, 10);
        let all = history.runs(&Query { limit: usize::MAX, ..Query::default() }).await.unwrap();
        assert_eq!(all.len(), MemoryHistory::WAITING);
        history.flush(Duration::ZERO).await.unwrap();
    }

    #[test]
    fn many_checks_share_the_room() {
        let history = MemoryHistory::new(usize::MAX);
        for second in 0..MemoryHistory::RUNS {
            history.append(ran("busy", second, Status::Healthy));
        }
        history.append(ran("late", 1, Status::Healthy));
        history.append(ran("late", 2, Status::Healthy));
        let rows = history.rows();
        assert_eq!(rows.runs["late"].len(), 1);
        assert_eq!(rows.count, MemoryHistory::RUNS + 1);
    }
}
