//! One run of every check, for scripts and cron: no schedule, no confirmation, the same engine.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;

use super::builder::{Engine, EngineError, Registration};
use super::permits::Limits;
use crate::model::CheckSpec;
use crate::model::view::Snapshot;

/// Runs each check once, as many at the same time as `limits` allow, and returns what they found.
///
/// A single result is taken at its word: nothing is confirmed and nothing flaps. Root causes are found among the results.
///
/// # Cancellation
/// Dropping the future cuts all runs off.
///
/// # Errors
/// As [`EngineBuilder::build`](super::EngineBuilder::build), or when the system gives no thread.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
/// use stratheal_core::contract::FnCheck;
/// use stratheal_core::engine::{Registration, once::run_once, permits::Limits};
/// use stratheal_core::model::{CheckId, CheckSpec, Report, Status};
///
/// let check = FnCheck::new(CheckId::new("disk")?, || async { Ok(Report::warning("nearly full")) });
/// let spec = CheckSpec::every(Duration::from_secs(30));
/// let snapshot = run_once(vec![Registration::new(check, spec)], Limits::default()).await?;
/// assert_eq!(snapshot.status, Status::Warning);
/// # Ok(()) }
/// ```
pub async fn run_once(registrations: Vec<Registration>, limits: Limits) -> Result<Arc<Snapshot>, EngineError> {
    let ids: Vec<_> = registrations.iter().map(|registration| registration.check.id().clone()).collect();
    let once = registrations.into_iter().map(|registration| {
        let spec = Arc::new(single(&registration.spec));
        Registration { spec, ..registration }
    });
    let engine = Engine::builder().register_all(once).limits(limits).without_self_check().one_shot().build()?;
    let handle = engine.start()?;
    for result in join_all(ids.iter().map(|id| handle.run_now(id.as_str()))).await {
        result?;
    }
    let snapshot = handle.fresh_snapshot();
    handle.shutdown(Duration::ZERO).await;
    Ok(snapshot)
}

/// The specification with which a single result is taken at its word, and nothing starts by itself.
fn single(spec: &CheckSpec) -> CheckSpec {
    const NEVER: Duration = Duration::from_hours(720);
    let mut spec = spec.clone();
    spec.gate.fail_after = 1;
    spec.gate.recover_after = 1;
    spec.gate.window = None;
    spec.gate.flap = None;
    spec.initial_delay = NEVER;
    spec
}
