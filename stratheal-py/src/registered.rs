//! What an application has registered, and what of it runs.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use stratheal_core::config::{Config, HealSettings};
use stratheal_core::contract::History;
use stratheal_core::engine::EngineHandle;
use stratheal_core::published::Published;
use stratheal_core::supervision::Additions;

use crate::checks::Checks;
use crate::dispatch::Dispatcher;
use crate::healing::{self, Healing, WrittenRemedy};
use crate::process::Own;

/// What runs.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) engine: EngineHandle,
    pub(crate) audience: Audience,
    pub(crate) healing: Option<Arc<Healing>>,
    pub(crate) history: Option<Arc<dyn History>>,
}

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
    /// Without its checks, which are among the others.
    pub(crate) config: Option<Arc<Config>>,
    pub(crate) running: Option<Own<Running>>,
}

impl Registered {
    /// What the application has registered, for an engine.
    pub(crate) fn additions(&self, checks: &Checks, audience: &Audience, elsewhere: Option<&Published>) -> Additions {
        let Audience { dispatcher, watched } = audience;
        Additions {
            checks: checks.registrations(dispatcher, *watched, elsewhere),
            remedies: healing::remedies(dispatcher, &self.remedies),
            heal: self.policies.clone(),
        }
    }
}

pub(crate) fn lock(registered: &Mutex<Registered>) -> MutexGuard<'_, Registered> {
    // Nothing under it can panic half-way.
    registered.lock().unwrap_or_else(PoisonError::into_inner)
}
