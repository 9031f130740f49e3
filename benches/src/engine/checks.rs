//! Checks that do nothing, or next to nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use stratheal_core::checks::load::Load;
use stratheal_core::checks::memory::Memory;
use stratheal_core::checks::{Conditions, Judged};
use stratheal_core::contract::{FnCheck, HealthCheck};
use stratheal_core::engine::{Engine, EngineHandle, Registration};
use stratheal_core::model::{CheckId, CheckSpec, Report};
use stratheal_core::sys::SysRoot;

use crate::failure::Failure;

/// How often checks ran.
pub type Runs = Arc<AtomicU64>;

/// An id of 32 bytes, the most that the goal for memory allows for.
///
/// # Errors
/// Never, unless ids change.
pub fn id(number: u32) -> Result<CheckId, Failure> {
    CheckId::new(&format!("service-{number:08}.example-check00")).map_err(|error| Failure::new(error.to_string()))
}

/// Counts its runs and finds all well.
///
/// # Errors
/// Never, unless ids change.
pub fn no_op(number: u32, runs: &Runs) -> Result<impl HealthCheck + use<>, Failure> {
    let runs = runs.clone();
    Ok(FnCheck::new(id(number)?, move || {
        runs.fetch_add(1, Ordering::Relaxed);
        async { Ok(Report::healthy("fine")) }
    }))
}

/// Starts an engine with so many checks that do nothing: no history, no listeners.
///
/// # Errors
/// When it does not start.
pub fn engine_of_no_ops(checks: u32, interval: Duration, runs: &Runs) -> Result<EngineHandle, Failure> {
    start(no_ops(checks, interval, runs)?)
}

/// The same on the runtime of the caller, without threads of its own.
///
/// # Errors
/// When it cannot be built.
pub fn engine_here(checks: u32, interval: Duration, runs: &Runs) -> Result<EngineHandle, Failure> {
    let engine = Engine::builder().register_all(no_ops(checks, interval, runs)?).build();
    engine.map(Engine::start_here).map_err(|error| Failure::new(error.to_string()))
}

fn no_ops(checks: u32, interval: Duration, runs: &Runs) -> Result<Vec<Registration>, Failure> {
    let spec = Arc::new(CheckSpec::every(interval));
    (0..checks).map(|number| Ok(Registration::new(no_op(number, runs)?, spec.clone()))).collect()
}

/// Starts an engine with so many checks that look at this host's memory and load in turn.
///
/// # Errors
/// When it does not start.
pub fn engine_of_host_checks(checks: u32, interval: Duration) -> Result<EngineHandle, Failure> {
    let spec = Arc::new(CheckSpec::every(interval));
    let registration = |number: u32| {
        let id = id(number)?;
        Ok(if number.is_multiple_of(2) {
            let check = Judged::new(id, Memory::new(SysRoot::default()), Conditions::default());
            Registration::new(check, spec.clone())
        } else {
            Registration::new(Judged::new(id, Load::new(SysRoot::default()), Conditions::default()), spec.clone())
        })
    };
    start((0..checks).map(registration).collect::<Result<_, Failure>>()?)
}

fn start(registrations: Vec<Registration>) -> Result<EngineHandle, Failure> {
    let engine = Engine::builder().register_all(registrations).build();
    engine.and_then(Engine::start).map_err(|error| Failure::new(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_as_long_as_the_goal_allows() {
        assert_eq!(id(99_999).unwrap().as_str().len(), 32);
    }
}
