//! Starting and stopping one run, as tasks beside the supervisor: what they find out comes back as input.

use std::sync::Arc;

use super::event::What;
use super::ports;
use super::readiness::ReadinessProbe;
use crate::base::class::chain;
use crate::model::CheckId;
use crate::service::connection::Link;
use crate::service::order::RunOrder;
use crate::service::outside::Outside;
use crate::service::protocol::{Answer, Request};
use crate::service::spec::ServiceSpec;
use crate::service::state::Input;

/// How often it is asked whether a service is ready.
const PROBE: std::time::Duration = std::time::Duration::from_millis(150);

/// How much longer than a start and a stop it may take until the keeper has started a process.
const KEEPER: std::time::Duration = std::time::Duration::from_secs(30);

/// Why the keeper did not answer in time.
const UNREACHABLE: &str = "no keeper can be reached: see keeper.log";
/// Why the keeper answers nothing any more.
const ELSEWHERE: &str = "the keeper serves another engine";

fn not_launched(run: String, why: String) -> Input {
    Input::NotLaunched { run, what: What::NotStarted { why: why.clone() }, why }
}

/// Starts a child.
pub(super) async fn child(spec: Arc<ServiceSpec>, run: String, link: Link) -> Input {
    // What a killed keeper left has to be gone first.
    let patience = spec.start_timeout + spec.stop_timeout + KEEPER;
    if port_taken(&spec, &run).await.is_some() {
        // By just that, perhaps.
        let settled = link.ask(Request::Settle { service: spec.id.clone() });
        if tokio::time::timeout(patience, settled).await.is_err() {
            return not_launched(run, UNREACHABLE.to_owned());
        }
        if let Some(refused) = port_taken(&spec, &run).await {
            return refused;
        }
    }
    let order = RunOrder::new(&spec, run.clone(), |name| std::env::var(name).ok());
    let asked = link.ask(Request::Start { order: Box::new(order) });
    match tokio::time::timeout(patience, asked).await {
        Ok(Some(Answer::Started { pid, .. })) => Input::Launched { run, pid: Some(pid) },
        Ok(Some(Answer::Refused { why })) => not_launched(run, why),
        Ok(None) => not_launched(run, ELSEWHERE.to_owned()),
        Ok(_) => not_launched(run, "the keeper answers something else than was asked".to_owned()),
        Err(_) => not_launched(run, UNREACHABLE.to_owned()),
    }
}

async fn port_taken(spec: &ServiceSpec, run: &str) -> Option<Input> {
    let wanted = spec.ports.clone();
    if wanted.is_empty() {
        return None;
    }
    match tokio::task::spawn_blocking(move || ports::taken(&wanted)).await {
        Ok(Ok(None)) => None,
        Ok(Ok(Some((port, holder)))) => {
            let why = format!("port {port} is held by {holder}");
            Some(Input::NotLaunched { run: run.to_owned(), what: What::PortTaken { port, holder }, why })
        }
        Ok(Err(error)) => {
            tracing::warn!(service = %spec.id, error = chain(&error), "cannot tell whether its ports are free");
            None
        }
        Err(error) => {
            tracing::error!(service = %spec.id, %error, "cannot tell whether its ports are free");
            None
        }
    }
}

/// Stops a child; what becomes of it comes as news.
pub(super) async fn stop_child(run: String, link: Link) -> Option<Input> {
    match link.ask(Request::Stop { run: run.clone() }).await {
        // It is not known any more.
        Some(Answer::Refused { why }) => {
            tracing::debug!(run, why, "a run that is to be stopped is gone");
            Some(Input::Gone { run })
        }
        Some(_) => None,
        None => Some(Input::NotStopped { run, why: ELSEWHERE.to_owned() }),
    }
}

/// Starts what is not a child.
pub(super) async fn outside(spec: Arc<ServiceSpec>, run: String) -> Vec<Input> {
    if let Some(refused) = port_taken(&spec, &run).await {
        return vec![refused];
    }
    let outside = Outside::of(&spec);
    match outside.start(spec.start_timeout).await {
        Ok(seen) => vec![Input::Launched { run, pid: seen.pid }],
        Err(why) => match outside.status().await {
            // What takes too long may run all the same. Whatever runs is watched, and can be stopped.
            Ok(seen) if seen.alive => {
                tracing::warn!(service = %spec.id, why, "its start failed, and it runs");
                vec![Input::Launched { run, pid: seen.pid }]
            }
            _ => vec![not_launched(run, why)],
        },
    }
}

/// Stops what is not a child, and makes sure that it has.
pub(super) async fn stop_outside(spec: Arc<ServiceSpec>, run: String) -> Input {
    let outside = Outside::of(&spec);
    match outside.stop(spec.stop_timeout).await {
        Ok(()) => Input::Gone { run },
        Err(why) => Input::NotStopped { run, why },
    }
}

/// Asks a check until it says that a service is ready.
pub(super) async fn probe(probe: Arc<dyn ReadinessProbe>, check: CheckId) {
    while !probe.is_ready(&check).await {
        tokio::time::sleep(PROBE).await;
    }
}
