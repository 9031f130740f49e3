//! [`History`]: what was recorded, and can be asked later.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::base::class::ErrorClass;
use crate::model::event::Transition;
use crate::model::view::{Execution, Outcome};
use crate::model::{CheckId, Status};

/// One thing to be recorded.
#[derive(Debug, Clone)]
pub enum Entry {
    /// A run and its result.
    Ran {
        /// Which check.
        id: CheckId,
        /// The run.
        execution: Arc<Execution>,
    },
    /// A confirmed change of state.
    Changed {
        /// When.
        at: Timestamp,
        /// The change.
        transition: Transition,
    },
}

/// Which rows are asked for. The default is everything, newest first, at most 1000.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Query {
    /// Of this check only.
    pub id: Option<CheckId>,
    /// From this moment on.
    pub from: Option<Timestamp>,
    /// Before this moment.
    pub until: Option<Timestamp>,
    /// At most so many rows.
    pub limit: usize,
}

impl Default for Query {
    fn default() -> Self {
        Self { id: None, from: None, until: None, limit: 1000 }
    }
}

/// A recorded run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRow {
    /// Which check.
    pub id: CheckId,
    /// When it began, to the millisecond.
    pub at: Timestamp,
    /// What it found.
    pub status: Status,
    /// How it ended.
    pub outcome: Outcome,
    /// How long it took.
    #[serde(with = "crate::model::seconds")]
    pub duration: Duration,
    /// The metrics: name and value.
    pub metrics: Vec<(String, f64)>,
}

/// A recorded change of state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TransitionRow {
    /// When, to the millisecond.
    pub at: Timestamp,
    /// The change.
    pub transition: Transition,
}

/// Runs of one check added up over a span of time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RollupRow {
    /// Which check.
    pub id: CheckId,
    /// The beginning of the span.
    pub at: Timestamp,
    /// The length of the span.
    #[serde(with = "crate::model::seconds")]
    pub span: Duration,
    /// Runs by status: healthy, warning, critical, unknown.
    pub counts: [u64; 4],
    /// The mean duration of a run.
    #[serde(with = "crate::model::seconds")]
    pub mean: Duration,
    /// The longest duration of a run.
    #[serde(with = "crate::model::seconds")]
    pub max: Duration,
}

/// How the history itself does.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HistoryState {
    /// Why it does not record at the moment, for people.
    pub failing: Option<String>,
    /// Entries waiting to be written.
    pub queued: u64,
    /// Runs that were not recorded because the queue was full or writing failed.
    pub dropped: u64,
    /// Its size on disk.
    pub bytes: u64,
}

/// A record of what happened, which can be asked later.
///
/// # Contract
/// - [`append`](Self::append) is called by the scheduler: it never waits, for nothing. What cannot be taken is counted in
///   [`HistoryState::dropped`]; runs are dropped before transitions.
/// - Readers never wait for the writer.
/// - After a crash everything is there that was recorded two seconds before, and what is there is whole.
/// - Its size is bounded.
///
/// # Cancellation
/// Queries may be dropped at any `.await`.
#[async_trait]
pub trait History: fmt::Debug + Send + Sync + 'static {
    /// Takes an entry, at once.
    fn append(&self, entry: Entry);

    /// Recorded runs, newest first.
    ///
    /// # Errors
    /// [`HistoryError`] when the record cannot be read.
    async fn runs(&self, query: &Query) -> Result<Vec<RunRow>, HistoryError>;

    /// Recorded changes of state, newest first.
    ///
    /// # Errors
    /// [`HistoryError`] when the record cannot be read.
    async fn transitions(&self, query: &Query) -> Result<Vec<TransitionRow>, HistoryError>;

    /// Runs added up over spans of time, newest first.
    ///
    /// # Errors
    /// [`HistoryError`] when the record cannot be read.
    async fn rollups(&self, query: &Query) -> Result<Vec<RollupRow>, HistoryError>;

    /// How the history itself does.
    fn state(&self) -> HistoryState;

    /// Waits until everything taken so far is written, at most `limit`.
    ///
    /// # Errors
    /// [`HistoryError`] when it could not be written in that time.
    async fn flush(&self, limit: Duration) -> Result<(), HistoryError>;
}

/// Why a history could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HistoryError {
    /// The file was written by a newer version of this program.
    #[error(
        "{path} has format {found}, this version reads up to {known}: use the version that wrote it, or move it away"
    )]
    Newer {
        /// The file.
        path: String,
        /// Its format.
        found: i64,
        /// The newest format known here.
        known: i64,
    },
    /// The file belongs to something else.
    #[error("{path} is not a history of stratheal: {problem}; choose another path, or move it away")]
    Foreign {
        /// The file.
        path: String,
        /// What it is.
        problem: &'static str,
    },
    /// The file is damaged.
    #[error("{path} is damaged: {problem}")]
    Corrupt {
        /// The file.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
    /// It could not be read or written.
    #[error("cannot {action} {path}")]
    Storage {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: String,
        /// What the storage said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Its thread has ended or did not answer in time.
    #[error("the history does not answer")]
    Closed,
}

impl HistoryError {
    /// What kind of trouble it is.
    #[must_use]
    pub const fn class(&self) -> ErrorClass {
        match self {
            Self::Newer { .. } | Self::Foreign { .. } => ErrorClass::Permanent,
            Self::Corrupt { .. } => ErrorClass::Corrupt,
            Self::Storage { .. } | Self::Closed => ErrorClass::Transient,
        }
    }
}
