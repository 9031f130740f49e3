//! The checks of a configuration with services: each service has one of its own, and the check that says whether a service works depends
//! on it.

use std::sync::Arc;
use std::time::Duration;

use crate::config::ServiceSettings;
use crate::engine::Registration;
use crate::model::spec::Dependency;
use crate::model::{CheckSpec, GatePolicy, InvalidId};
use crate::service::check::id_of;
use crate::service::{ServiceAlive, ServicesHandle, WhileRunning};

/// How often it is looked at a service; that one has ended is known at once.
const INTERVAL: Duration = Duration::from_secs(5);

/// These checks, as they are beside services, and the checks of the services.
pub(super) fn with_services(
    mut checks: Vec<Registration>,
    settings: &[ServiceSettings],
    services: &ServicesHandle,
) -> Result<Vec<Registration>, InvalidId> {
    for service in settings {
        let on = id_of(&service.spec.id)?;
        for check in checks.iter_mut().filter(|one| Some(one.check.id()) == service.check.as_ref()) {
            let mut spec = CheckSpec::clone(&check.spec);
            if spec.depends_on.iter().all(|known| known.on != on) {
                spec.depends_on.push(Dependency { on: on.clone(), group: None });
            }
            check.spec = Arc::new(spec);
            check.check = Arc::new(WhileRunning::new(check.check.clone(), service.spec.id.clone(), services.clone()));
        }
        let alive = ServiceAlive::new(service.spec.id.clone(), services.clone())?;
        let gate = GatePolicy { fail_after: 1, recover_after: 1, window: None, flap: None };
        let spec = CheckSpec { gate, tags: vec!["service".to_owned()], ..CheckSpec::every(INTERVAL) };
        checks.push(Registration::new(alive, spec).revision(1));
    }
    Ok(checks)
}
