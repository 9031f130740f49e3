//! What happened, for whoever listens.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::view::{Execution, Muted};
use super::{CheckId, Status};

/// One happening, numbered without gaps by the engine: a listener sees from the number what it missed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Counts up from 1.
    pub sequence: u64,
    /// When.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// A confirmed change of a check's state. A change of text alone is none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Transition {
    /// Which check.
    pub id: CheckId,
    /// The status before.
    pub from: Status,
    /// The status now.
    pub to: Status,
    /// What the run said that decided it.
    pub summary: String,
    /// Why nobody needs to be told, if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub muted: Option<Muted>,
    /// Whether the check is flapping, so that single changes say little.
    pub flapping: bool,
}

/// What can happen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "event")]
#[non_exhaustive]
pub enum EventKind {
    /// A check ran.
    Ran {
        /// Which check.
        id: CheckId,
        /// The run.
        execution: Arc<Execution>,
    },
    /// A state changed.
    Changed(Transition),
    /// Flapping began or ended.
    Flapping {
        /// Which check.
        id: CheckId,
        /// Whether it began.
        active: bool,
    },
    /// A check was added, replaced or removed.
    Registered {
        /// Which check.
        id: CheckId,
        /// Whether it is there now.
        present: bool,
    },
    /// A check was paused or resumed.
    Paused {
        /// Which check.
        id: CheckId,
        /// The reason, or `None` when it was resumed.
        reason: Option<String>,
    },
    /// This program did not get to run for a while: it was stopped, or the machine is overloaded or was suspended.
    Delayed {
        /// For how long.
        #[serde(with = "crate::model::seconds")]
        by: Duration,
    },
    /// The wall clock was set.
    ClockJumped {
        /// By how many seconds; negative when it was set back.
        seconds: f64,
    },
    /// A check blocks the thread it runs on; the others were moved to another.
    Blocked {
        /// The check.
        id: CheckId,
    },
}
