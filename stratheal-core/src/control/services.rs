//! Answers about services.

use super::protocol::{Request, Response, ServiceAction};
use crate::base::class::chain;
use crate::service::{ServicesHandle, StoppedBy};

pub(super) async fn answer(request: Request, services: &ServicesHandle) -> Response {
    let Request::Service { action, ids } = request else { return all(services) };
    let ids: Vec<String> = if ids.is_empty() {
        services.status().iter().map(|view| view.id.to_string()).collect()
    } else {
        ids.iter().map(ToString::to_string).collect()
    };
    for id in &ids {
        let done = match action {
            ServiceAction::Start => services.start(id).await,
            ServiceAction::Stop => services.stop(id, StoppedBy::Person).await,
            ServiceAction::Restart => services.restart(id).await,
        };
        if let Err(error) = done {
            return Response::Refused(chain(&error));
        }
    }
    all(services)
}

fn all(services: &ServicesHandle) -> Response {
    let views: Result<Vec<_>, _> = services.status().iter().map(|view| serde_json::to_value(&**view)).collect();
    views.map_or_else(|error| Response::Refused(error.to_string()), Response::Services)
}
