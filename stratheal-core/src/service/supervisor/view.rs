//! What readers see of a service.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use tokio::time::Instant;

use crate::model::ServiceId;
use crate::service::ending::Ending;
use crate::service::state::ServiceState;

/// A service at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServiceView {
    /// Which.
    pub id: ServiceId,
    /// What it is in.
    #[serde(flatten)]
    pub state: ServiceState,
    /// Since when, by the wall clock.
    pub since: Timestamp,
    /// The first process, while there is one.
    pub pid: Option<u32>,
    /// How often it was started again.
    pub restarts: u64,
    /// What it says of itself (`STATUS=` of `sd_notify(3)`).
    pub text: Option<String>,
    /// Why it cannot be told how it is, when it cannot: then its state is the last that was known.
    pub doubt: Option<String>,
    /// How its last run ended, if one did.
    pub last_ending: Option<Ending>,
    /// Whether it runs as it was described before.
    pub outdated: bool,
    /// What it depends on.
    pub depends_on: Vec<ServiceId>,
    /// How long it may take to be ready.
    #[serde(with = "crate::model::seconds")]
    pub start_timeout: Duration,
    /// How long its stop may take in all; after that something does not answer that should.
    #[serde(with = "crate::model::seconds")]
    pub stop_limit: Duration,
    #[serde(skip)]
    pub(super) entered: Instant,
}

impl ServiceView {
    /// How long it has been in its state.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.entered.elapsed()
    }

    /// Whether it is being stopped for longer than that can take.
    #[must_use]
    pub fn is_stop_overdue(&self) -> bool {
        self.state == ServiceState::Stopping && self.age() > self.stop_limit
    }
}

#[cfg(test)]
impl ServiceView {
    /// A view for tests of what is made of one.
    pub(in crate::service) fn example(state: ServiceState) -> Self {
        Self {
            id: ServiceId::new("api").expect("invariant: it is an id"),
            state,
            since: Timestamp::UNIX_EPOCH,
            pid: Some(7),
            restarts: 2,
            text: None,
            doubt: None,
            last_ending: None,
            outdated: false,
            depends_on: Vec::new(),
            start_timeout: Duration::from_mins(1),
            stop_limit: Duration::from_mins(1),
            entered: Instant::now(),
        }
    }
}
