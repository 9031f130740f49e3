//! What an application has registered, and what of it runs.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use stratheal_core::config::{Config, HealSettings};
use stratheal_core::contract::History;
use stratheal_core::engine::EngineHandle;
use stratheal_core::model::CheckSpec;
use stratheal_core::published::Published;
use stratheal_core::service::check::id_of;
use stratheal_core::supervision::{Additions, Monitor};

use crate::checks::Checks;
use crate::dispatch::Dispatcher;
use crate::healing::{self, Healing, WrittenRemedy};
use crate::process::Own;
use crate::serving::Serving;

/// What runs.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) engine: EngineHandle,
    pub(crate) audience: Audience,
    pub(crate) healing: Option<Arc<Healing>>,
    /// Held by whoever changes what the engine has.
    pub(crate) turn: Turn,
    pub(crate) history: Option<Arc<dyn History>>,
    pub(crate) serving: Option<Arc<Serving>>,
}

/// Held by whoever changes what an engine has: what is put in force is what is registered then, not what was a moment before.
pub(crate) type Turn = Arc<tokio::sync::Mutex<()>>;

/// Who runs checks of Python, and whether the event loop of the application is among them.
#[derive(Debug, Clone)]
pub(crate) struct Audience {
    pub(crate) dispatcher: Arc<Dispatcher>,
    pub(crate) watched: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Registered {
    pub(crate) checks: Checks,
    pub(crate) remedies: Vec<WrittenRemedy>,
    pub(crate) policies: Vec<HealSettings>,
    /// What is supervised, without its checks, which are among the others.
    pub(crate) config: Option<Arc<Config>>,
    pub(crate) running: Option<Own<Running>>,
}

impl Registered {
    /// What the application has registered, for an engine.
    pub(crate) fn additions(&self, checks: &Checks, audience: &Audience, elsewhere: Option<&Published>) -> Additions {
        let Audience { dispatcher, watched } = audience;
        let services = self.config.iter().flat_map(|config| &config.services);
        let repeated = |published: &Published| {
            let each = services.filter_map(|service| id_of(&service.spec.id).ok());
            each.map(|id| published.mirrored(id, &CheckSpec::every(Duration::from_secs(1)))).collect::<Vec<_>>()
        };
        let mut registrations = checks.registrations(dispatcher, *watched, elsewhere);
        registrations.extend(elsewhere.map(repeated).unwrap_or_default());
        Additions {
            checks: registrations,
            remedies: healing::remedies(dispatcher, &self.remedies),
            heal: self.policies.clone(),
        }
    }

    /// What these checks are for what runs; with what is supervised, where this process does that.
    pub(crate) fn in_force(&self, checks: &Checks, running: &Running) -> (Additions, Option<(Monitor, Arc<Config>)>) {
        let healing = running.healing.as_ref();
        let elsewhere = healing.and_then(|healing| healing.elsewhere());
        let monitor = healing.and_then(|healing| healing.monitor());
        (self.additions(checks, &running.audience, elsewhere.as_ref()), monitor.zip(self.config.clone()))
    }
}

pub(crate) fn lock(registered: &Mutex<Registered>) -> MutexGuard<'_, Registered> {
    // Nothing under it can panic half-way.
    registered.lock().unwrap_or_else(PoisonError::into_inner)
}
