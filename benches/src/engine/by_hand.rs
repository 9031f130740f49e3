//! What one would write without an engine: a task for each check, with a timer.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use stratheal_core::base::blocking::BlockingPool;
use stratheal_core::contract::{CheckContext, HealthCheck};
use stratheal_core::model::{CheckId, Report};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::checks::{Runs, no_op};
use crate::failure::Failure;

/// The last result of each check, for whoever asks.
type Results = Arc<RwLock<HashMap<CheckId, Report>>>;

/// Starts so many checks that do nothing, spread over the interval.
///
/// Bare, a task runs its check and forgets the result. Otherwise it keeps to a time limit and puts the result where it can be read,
/// the least that makes it of use.
///
/// # Errors
/// Never, unless ids change.
pub fn start(checks: u32, every: Duration, bare: bool, runs: &Runs) -> Result<(), Failure> {
    let (pool, results, began) = (BlockingPool::new(1), Results::default(), Instant::now());
    for number in 0..checks {
        let check: Arc<dyn HealthCheck> = Arc::new(no_op(number, runs)?);
        let first = began + spread(every, checks) * number / checks;
        if bare {
            tokio::spawn(run_bare(check, first, every, pool.clone()));
        } else {
            tokio::spawn(run_useful(check, first, every, pool.clone(), results.clone()));
        }
    }
    Ok(())
}

/// The first round is as fast as that of the engine, 1000 in a second at most.
fn spread(every: Duration, checks: u32) -> Duration {
    every.min(Duration::from_millis(u64::from(checks)))
}

async fn run_bare(check: Arc<dyn HealthCheck>, first: Instant, every: Duration, pool: BlockingPool) {
    let mut timer = interval_at(first, every);
    timer.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        let now = timer.tick().await;
        let cx = CheckContext::new(now + every / 2, None, false, pool.clone());
        // Nobody looks at it, that is the point.
        drop(check.check(&cx).await);
    }
}

async fn run_useful(
    check: Arc<dyn HealthCheck>,
    first: Instant,
    every: Duration,
    pool: BlockingPool,
    results: Results,
) {
    let mut timer = interval_at(first, every);
    timer.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        let now = timer.tick().await;
        let cx = CheckContext::new(now + every / 2, None, false, pool.clone());
        let report = match tokio::time::timeout(every / 2, check.check(&cx)).await {
            Ok(Ok(report)) => report,
            Ok(Err(error)) => Report::unknown(error.to_string()),
            Err(_) => Report::critical("timed out"),
        };
        let mut results = results.write().unwrap_or_else(PoisonError::into_inner);
        match results.get_mut(check.id()) {
            Some(place) => *place = report,
            None => drop(results.insert(check.id().clone(), report)),
        }
    }
}
