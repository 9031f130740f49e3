//! From the configuration to remedies and policies.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::class::chain;
use crate::config::{Config, OwnRemedy};
use crate::contract::{CheckKind, Remedy};
use crate::healing::{HealPolicy, Hold, Rung, Setup};
use crate::model::{CheckId, RemedyId, ServiceId};
use crate::remedies::environment::{EnvironmentRemedy, OpenWorkshop};
use crate::remedies::{RestartService, Sequence};
use crate::service::check::id_of;
use crate::service::{ServiceState, ServicesHandle, StoppedBy};

use super::Additions;

const RESTART: &str = "restart-service";
/// Remedies for environments: a service that runs in one is restarted afterwards.
const OF_ENVIRONMENTS: [&str; 3] = ["repair-environment", "rebuild-environment", "rollback-environment"];

/// What may be done, and which check belongs to which service.
pub(super) struct Healing {
    pub(super) setup: Setup,
    pub(super) owners: BTreeMap<CheckId, ServiceId>,
}

/// Everything that may be done.
pub(super) fn of(
    config: &Config,
    additions: &Additions,
    open: &OpenWorkshop,
    services: &ServicesHandle,
) -> Result<Healing, String> {
    let owners = owners(config)?;
    let mut setup = Setup { global: config.healing, ..Setup::default() };
    let id = |name: &str| RemedyId::new(name).map_err(|error| error.to_string());
    setup = setup.remedy(Arc::new(RestartService::of_checks(id(RESTART)?, services.clone(), owners.clone())));
    let [repair, rebuild, rollback] = OF_ENVIRONMENTS;
    let of_environments: Vec<Arc<dyn Remedy>> = vec![
        Arc::new(EnvironmentRemedy::repair(id(repair)?, open.clone())),
        Arc::new(EnvironmentRemedy::rebuild(id(rebuild)?, open.clone())),
        Arc::new(EnvironmentRemedy::rollback(id(rollback)?, open.clone())),
    ];
    for service in &config.services {
        let service = &service.spec.id;
        let name = id(&format!("{RESTART}/{service}"))?;
        let restart: Arc<dyn Remedy> = Arc::new(RestartService::always(name, services.clone(), service.clone()));
        for remedy in &of_environments {
            let name = id(&format!("{}/{service}", remedy.id()))?;
            let both = Sequence::new(name, vec![remedy.clone(), restart.clone()]).map_err(|error| chain(&error))?;
            setup = setup.remedy(Arc::new(both.first_decides()));
        }
        setup = setup.remedy(restart);
    }
    for remedy in of_environments {
        setup = setup.remedy(remedy);
    }
    for remedy in &additions.remedies {
        setup = setup.remedy(remedy.clone());
    }
    for own in &config.remedies {
        if let OwnRemedy::Itself(remedy) = &own.does {
            setup = setup.remedy(remedy.clone());
        }
    }
    for own in &config.remedies {
        if let OwnRemedy::Sequence(parts) = &own.does {
            let part = |part| setup.remedies.get(part).cloned().ok_or_else(|| format!("there is no remedy `{part}`"));
            let parts = parts.iter().map(part).collect::<Result<_, _>>()?;
            let sequence = Sequence::new(own.id.clone(), parts).map_err(|error| chain(&error))?;
            setup = setup.remedy(Arc::new(sequence));
        }
    }
    for settings in config.heal.iter().chain(&additions.heal) {
        let missing = |rung: &&Rung| !setup.remedies.contains_key(&rung.remedy);
        if let Some(rung) = settings.policy.ladder.iter().find(missing) {
            return Err(format!(
                "`{}` is to be healed by `{}`, and there is no such remedy",
                settings.check, rung.remedy
            ));
        }
        let policy = fitted(settings.policy.clone(), owners.get(&settings.check))?;
        setup = setup.policy(settings.check.clone(), policy);
    }
    // A service that has ended is started again, whether or not anything was written down about that.
    for service in &config.services {
        let own = id_of(&service.spec.id).map_err(|error| error.to_string())?;
        let of_check = || setup.policies.get(service.check.as_ref()?).filter(|policy| !policy.ladder.is_empty());
        let written = setup.policies.get(&own).or_else(of_check).cloned();
        let mut policy = match written {
            Some(policy) => policy,
            None => HealPolicy::ladder([id(RESTART)?]),
        };
        policy.immediate = true;
        // That it runs is not enough.
        policy.guards.extend(service.check.clone());
        setup = setup.policy(own, policy);
    }
    setup.hold = Some(hold(services, owners.clone()));
    let load = config
        .checks
        .iter()
        .chain(&additions.checks)
        .filter(|registration| registration.check.kind() == CheckKind::Load);
    setup.load = load.map(|registration| registration.check.id().clone()).collect();
    Ok(Healing { setup, owners })
}

/// Which service belongs to which check.
fn owners(config: &Config) -> Result<BTreeMap<CheckId, ServiceId>, String> {
    let mut owners = BTreeMap::new();
    for service in &config.services {
        let own = id_of(&service.spec.id).map_err(|error| error.to_string())?;
        owners.insert(own, service.spec.id.clone());
        if let Some(check) = &service.check {
            owners.insert(check.clone(), service.spec.id.clone());
        }
    }
    Ok(owners)
}

/// The ladder of a check that belongs to a service: what changes the environment restarts the service as well.
fn fitted(mut policy: HealPolicy, owner: Option<&ServiceId>) -> Result<HealPolicy, String> {
    let Some(service) = owner else { return Ok(policy) };
    for rung in &mut policy.ladder {
        if OF_ENVIRONMENTS.contains(&rung.remedy.as_str()) {
            let name = RemedyId::new(&format!("{}/{service}", rung.remedy)).map_err(|error| error.to_string())?;
            *rung = Rung { remedy: name, ..rung.clone() };
        }
    }
    Ok(policy)
}

/// While a service is being started or stopped, nothing is judged about it.
fn hold(services: &ServicesHandle, owners: BTreeMap<CheckId, ServiceId>) -> Hold {
    let services = services.clone();
    Hold::new(move |check| {
        let service = owners.get(check)?;
        let view = services.view(service.as_str())?;
        match &view.state {
            ServiceState::Starting { timed_out: false } => Some(format!("{service} is being started")),
            ServiceState::Stopping if !view.is_stop_overdue() => Some(format!("{service} is being stopped")),
            ServiceState::Stopped { by: Some(StoppedBy::Person) } => Some(format!("a person stopped {service}")),
            ServiceState::Stopped { by: None } => Some(format!("{service} was not started")),
            ServiceState::Waiting { .. } => Some(format!("{service} waits for others")),
            // How the service is, its own check says; this one cannot pass.
            ServiceState::Ended { .. } | ServiceState::Failed { .. } if Ok(check) != id_of(service).as_ref() => {
                Some(format!("{service} does not run"))
            }
            _ => None,
        }
    })
}
