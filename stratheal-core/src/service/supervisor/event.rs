//! What happened to services.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::ServiceId;
use crate::service::ending::Ending;
use crate::service::state::StoppedBy;

/// Something happened to a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceEvent {
    /// When it was noticed.
    pub at: Timestamp,
    /// To which.
    pub service: ServiceId,
    /// What.
    pub what: What,
}

/// What happened to a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum What {
    /// It waits for others to be ready.
    Waiting {
        /// Those.
        on: Vec<ServiceId>,
    },
    /// Its process is there.
    Started {
        /// The first one.
        pid: Option<u32>,
    },
    /// It was found running, started by an engine before this one.
    Found {
        /// The first process.
        pid: Option<u32>,
    },
    /// It runs, but as it was described before. It is restarted when somebody asks for it.
    Outdated,
    /// It is ready.
    Ready,
    /// It was not ready in time. It goes on.
    StartTimedOut,
    /// A port it is going to listen on is held by somebody else, so it was not started.
    PortTaken {
        /// Which.
        port: u16,
        /// By whom, such as `nginx (process 1234, user www-data)`.
        holder: String,
    },
    /// It could not be started.
    NotStarted {
        /// Why.
        why: String,
    },
    /// It could not be stopped, and goes on.
    NotStopped {
        /// Why.
        why: String,
    },
    /// Its first process has ended.
    Ended {
        /// How.
        ending: Ending,
        /// Whether it was being stopped.
        expected: bool,
    },
    /// It is stopped, and nothing of it is left.
    Stopped {
        /// Who wanted it.
        by: StoppedBy,
    },
    /// The keeper had been killed; what was left of the service was stopped.
    Cleared {
        /// The processes there were.
        pids: Vec<u32>,
    },
    /// It is being stopped, but these processes cannot be killed: they hang in the kernel.
    Stuck {
        /// Those.
        pids: Vec<u32>,
    },
    /// It says of itself how it is.
    Says {
        /// What.
        text: String,
    },
}
