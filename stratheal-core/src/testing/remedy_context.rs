//! Contexts for running a remedy by hand.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::contract::RemedyContext;
use crate::model::view::{CheckView, Phase};
use crate::model::{CheckId, CheckSpec, Status};

/// A context as the engine makes it for planning, for a check named `failing` that is Critical.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// use std::time::Duration;
/// use stratheal_core::testing::remedy_context;
/// assert_eq!(remedy_context(Duration::from_secs(1)).check.as_str(), "failing");
/// # }
/// ```
///
/// # Panics
/// Never: the name is valid.
#[must_use]
pub fn remedy_context(timeout: Duration) -> RemedyContext {
    let view = CheckView {
        id: CheckId::new("failing").expect("invariant: the name is valid"),
        status: Status::Critical,
        hard: Status::Critical,
        phase: Phase::Hard,
        since: Timestamp::UNIX_EPOCH,
        flapping: false,
        stale: false,
        proven: true,
        muted: None,
        spec: Arc::new(CheckSpec::every(Duration::from_mins(1))),
        last: None,
        runs: 1,
        skipped: 0,
        next: None,
    };
    RemedyContext::new(Arc::new(view), Instant::now() + timeout)
}
