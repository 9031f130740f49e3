//! Answers about services.

use futures::future::join_all;

use super::protocol::{Request, Response, ServiceAction};
use crate::base::class::chain;
use crate::model::ServiceId;
use crate::service::{ServiceError, ServicesHandle, StoppedBy};

pub(super) async fn answer(request: Request, services: &ServicesHandle) -> Response {
    let Request::Service { action, ids } = request else { return all(services) };
    let known: Vec<(ServiceId, Vec<ServiceId>)> =
        services.status().iter().map(|view| (view.id.clone(), view.depends_on.clone())).collect();
    let mut levels = levels(&known);
    if action == ServiceAction::Stop {
        levels.reverse();
    }
    if !ids.is_empty() {
        // Those that are not known are asked for as well: the answer names the nearest.
        let unknown = ids.iter().filter(|id| known.iter().all(|(known, _)| known != *id)).cloned().collect();
        for level in &mut levels {
            level.retain(|id| ids.contains(id));
        }
        levels.push(unknown);
    }
    let mut failures = Vec::new();
    for level in levels {
        // One that does not stop keeps no other from stopping.
        let work = level.iter().map(|id| change(services, action, id.as_str()));
        failures.extend(join_all(work).await.into_iter().filter_map(|done| done.err().map(|error| chain(&error))));
    }
    if failures.is_empty() { all(services) } else { Response::Refused(failures.join("; ")) }
}

/// Services in the order in which they may be started, those side by side that need not wait for each other. Pure.
fn levels(services: &[(ServiceId, Vec<ServiceId>)]) -> Vec<Vec<ServiceId>> {
    let mut levels: Vec<Vec<ServiceId>> = Vec::new();
    let mut left: Vec<&(ServiceId, Vec<ServiceId>)> = services.iter().collect();
    while !left.is_empty() {
        let waits = |on: &ServiceId| left.iter().any(|(id, _)| id == on);
        let (level, rest): (Vec<_>, Vec<_>) = left.iter().copied().partition(|(_, depends)| !depends.iter().any(waits));
        if level.is_empty() {
            // A circle is refused by the configuration; here it is only not to go on for ever.
            levels.push(rest.iter().map(|(id, _)| id.clone()).collect());
            break;
        }
        levels.push(level.iter().map(|(id, _)| id.clone()).collect());
        left = rest;
    }
    levels
}

async fn change(services: &ServicesHandle, action: ServiceAction, id: &str) -> Result<(), ServiceError> {
    match action {
        ServiceAction::Start => services.start(id).await,
        ServiceAction::Stop => services.stop(id, StoppedBy::Person).await,
        ServiceAction::Restart => services.restart(id).await,
    }
}

fn all(services: &ServicesHandle) -> Response {
    let views: Result<Vec<_>, _> = services.status().iter().map(|view| serde_json::to_value(&**view)).collect();
    views.map_or_else(|error| Response::Refused(error.to_string()), Response::Services)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_need_comes_first() {
        let id = |name: &str| ServiceId::new(name).unwrap();
        let service = |name: &str, on: &[&str]| (id(name), on.iter().map(|on| id(on)).collect::<Vec<_>>());
        let services =
            [service("api", &["db", "cache"]), service("cache", &[]), service("db", &[]), service("web", &["api"])];
        let names = |levels: Vec<Vec<ServiceId>>| {
            levels
                .iter()
                .map(|level| level.iter().map(ServiceId::as_str).collect::<Vec<_>>().join(" "))
                .collect::<Vec<_>>()
        };
        assert_eq!(names(levels(&services)), ["cache db", "api", "web"]);
        assert_eq!(names(levels(&[service("a", &["b"]), service("b", &["a"])])), ["a b"]);
        assert!(levels(&[]).is_empty());
    }
}
