//! What is said on the socket.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::contract::history::{Query, RollupRow, RunRow, TransitionRow};
use crate::engine::explain::Explanation;
use crate::engine::vitals::Vitals;
use crate::healing::{HealingView, PendingApproval, Prospect, RemedyView};
use crate::model::incident::Incident;
use crate::model::view::{CheckView, Snapshot};
use crate::model::{CheckId, RemedyId, ServiceId};

/// The longest line that is read.
pub(super) const MAX_REQUEST: usize = 64 * 1024;

/// The longest answer that is read: a snapshot of very many checks.
pub(super) const MAX_RESPONSE: usize = 256 * 1024 * 1024;

/// A question. Written as `{"call":"explain","id":"api"}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "call")]
#[non_exhaustive]
pub enum Request {
    /// Is somebody there?
    Ping,
    /// The state of all checks.
    Snapshot,
    /// How the engine does.
    Vitals,
    /// Why a check is what it is.
    Explain {
        /// Which check.
        id: String,
    },
    /// Run a check now.
    Run {
        /// Which check.
        id: String,
    },
    /// Stop running a check for a while.
    Pause {
        /// Which check.
        id: String,
        /// Why, for people.
        reason: String,
    },
    /// Run a paused check again.
    Resume {
        /// Which check.
        id: String,
    },
    /// Read the configuration again.
    Reload,
    /// Recorded runs.
    Runs {
        /// Which.
        query: Query,
    },
    /// Recorded changes of state.
    Transitions {
        /// Which.
        query: Query,
    },
    /// Recorded runs added up.
    Rollups {
        /// Which.
        query: Query,
    },
    /// How all services are.
    Services,
    /// Start, stop or restart services.
    Service {
        /// What.
        action: ServiceAction,
        /// Which; all when empty.
        ids: Vec<ServiceId>,
    },
    /// What is broken, and what is being done.
    Healing,
    /// Begin the ladders of open incidents anew.
    Heal {
        /// Of this check; of all without one.
        check: Option<CheckId>,
        /// Who says so.
        by: String,
    },
    /// Something changed that may make the next attempt succeed, such as an environment: nothing is waited for any more.
    Changed {
        /// What, for the log.
        what: String,
    },
    /// What would be done about a check, and what stands in the way.
    Prospect {
        /// Which.
        check: CheckId,
    },
    /// Approve a plan.
    Approve {
        /// Its token.
        token: String,
        /// Who says so.
        by: String,
    },
    /// The remedies there are.
    Remedies,
    /// Run a remedy.
    RunRemedy {
        /// Which.
        remedy: RemedyId,
        /// For which check.
        check: CheckId,
        /// Who says so.
        by: String,
    },
    /// Note that somebody takes care of an incident.
    Acknowledge {
        /// Its number.
        incident: u64,
        /// Who does.
        by: String,
        /// What they say.
        note: String,
    },
    /// Begin nothing for a while.
    PauseHealing {
        /// Who wants it.
        by: String,
        /// Why.
        reason: String,
        /// For how long.
        #[serde(with = "crate::model::seconds")]
        lasting: std::time::Duration,
    },
    /// End a pause of healing.
    ResumeHealing {
        /// Who wants it.
        by: String,
    },
}

/// What is to be done with a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServiceAction {
    /// Start it, also when a person stopped it.
    Start,
    /// Stop it, until a person starts it.
    Stop,
    /// Stop it, confirm that it is gone, start it.
    Restart,
}

/// An answer. Written as `{"answer":"pong", ...}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "answer", content = "with")]
#[non_exhaustive]
pub enum Response {
    /// Somebody is there.
    Pong {
        /// The version of the program.
        version: String,
        /// Its process id.
        pid: u32,
    },
    /// Done; a sentence about it.
    Done(String),
    /// The state of all checks.
    Snapshot(Arc<Snapshot>),
    /// How the engine does.
    Vitals(Arc<Vitals>),
    /// Why a check is what it is.
    Explanation(Box<Explanation>),
    /// The state of one check.
    Check(Arc<CheckView>),
    /// Recorded runs.
    Runs(Vec<RunRow>),
    /// Recorded changes.
    Transitions(Vec<TransitionRow>),
    /// Recorded runs added up.
    Rollups(Vec<RollupRow>),
    /// How services are: objects as [`ServiceView`](crate::service::ServiceView) is written.
    Services(Vec<serde_json::Value>),
    /// What is broken, and what is being done.
    Healing(Box<HealingView>),
    /// What would be done.
    Prospect(Box<Prospect>),
    /// A plan that was approved.
    Approved(Box<PendingApproval>),
    /// The remedies there are.
    Remedies(Vec<RemedyView>),
    /// An attempt has begun; its number.
    Begun(u64),
    /// An incident.
    Incident(Box<Incident>),
    /// It was not done; why.
    Refused(String),
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn never_panics(line in "\\PC{0,80}", call in "(ping|explain|run|pause|runs|[a-z]{0,6})", member in "\"[a-z]{0,8}\": ?(\"\\PC{0,8}\"|[0-9e.-]{1,8}|\\{\\}|null)") {
            let near = format!("{{\"call\":\"{call}\",{member}}}");
            for text in [line, near] {
                let _ = (serde_json::from_str::<Request>(&text).is_ok(), serde_json::from_str::<Response>(&text).is_ok());
            }
        }
    }
}
