//! One run of every check, for scripts and cron: no schedule, no confirmation, the same engine.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;

use super::builder::{Engine, EngineError, Registration};
use super::explain::Explanation;
use super::permits::Limits;
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
    let engine =
        Engine::builder().register_all(registrations).limits(limits).without_self_check().one_shot().build()?;
    let handle = engine.start()?;
    for result in join_all(ids.iter().map(|id| handle.run_now(id.as_str()))).await {
        result?;
    }
    let snapshot = handle.fresh_snapshot();
    handle.shutdown(Duration::ZERO).await;
    Ok(snapshot)
}

/// Runs one check and everything it depends on once, and explains what came of it.
///
/// # Cancellation
/// Dropping the future cuts all runs off.
///
/// # Errors
/// As [`run_once`], or [`EngineError::NoSuchCheck`].
pub async fn explain_once(
    registrations: Vec<Registration>,
    limits: Limits,
    id: &str,
) -> Result<Explanation, EngineError> {
    let engine =
        Engine::builder().register_all(registrations).limits(limits).without_self_check().one_shot().build()?;
    let handle = engine.start()?;
    let mut wanted = vec![handle.explain(id).await?];
    let mut next = 0;
    while let Some(known) = wanted.get(next) {
        next += 1;
        let parents: Vec<_> = known.parents.iter().map(|(parent, _)| parent.clone()).collect();
        for parent in parents {
            if !wanted.iter().any(|other| other.view.id == parent) {
                wanted.push(handle.explain(parent.as_str()).await?);
            }
        }
    }
    for result in join_all(wanted.iter().map(|known| handle.run_now(known.view.id.as_str()))).await {
        result?;
    }
    let explanation = handle.explain(id).await?;
    handle.shutdown(Duration::ZERO).await;
    Ok(explanation)
}
