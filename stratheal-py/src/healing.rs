//! What heals, beside the engine.

use std::path::Path;
use std::sync::Arc;

use stratheal_core::audit::{self, AuditLog};
use stratheal_core::base::class::chain;
use stratheal_core::base::clock::{Clock, SystemClock};
use stratheal_core::config::HealSettings;
use stratheal_core::engine::EngineHandle;
use stratheal_core::healing::{HealerBuilder, HealerHandle, Setup, Store};
use stratheal_core::model::RemedyId;
use stratheal_core::model::plan::Risk;
use stratheal_core::state::StateFolder;

use crate::dispatch::Dispatcher;
use crate::errors::Raised;
use crate::process;
use crate::python_remedy::PythonRemedy;

/// A remedy of Python before it belongs to a process.
#[derive(Debug, Clone)]
pub(crate) struct WrittenRemedy {
    pub(crate) id: RemedyId,
    pub(crate) risk: Risk,
    pub(crate) key: u64,
}

/// What heals, and the state folder that is owned meanwhile.
#[derive(Debug)]
pub(crate) struct Healing {
    pub(crate) healer: HealerHandle,
    /// Held for its lock.
    _folder: Option<StateFolder>,
}

/// Begins to heal: with these remedies, by these policies. With a state folder what is done is written down, and continued after a crash.
pub(crate) fn begin(
    engine: EngineHandle,
    dispatcher: &Arc<Dispatcher>,
    remedies: &[WrittenRemedy],
    policies: &[HealSettings],
    state: Option<&Path>,
) -> Result<Healing, Raised> {
    let mut setup = Setup::default();
    for written in remedies {
        let (id, name, dispatcher) = (written.id.clone(), Arc::from(written.id.as_str()), dispatcher.clone());
        setup = setup.remedy(Arc::new(PythonRemedy { id, name, risk: written.risk, key: written.key, dispatcher }));
    }
    for settings in policies {
        let known = |rung: &&stratheal_core::healing::Rung| !setup.remedies.contains_key(&rung.remedy);
        if let Some(rung) = settings.policy.ladder.iter().find(known) {
            let text =
                format!("`{}` is to be healed by `{}`, and there is no such remedy", settings.check, rung.remedy);
            return Err(Raised::new("ConfigurationError", text));
        }
        setup = setup.policy(settings.check.clone(), settings.policy.clone());
    }
    let folder = state.map(StateFolder::open).transpose().map_err(|error| failed(&error))?;
    let mut builder = HealerBuilder::new(engine, setup);
    if let Some(folder) = &folder {
        builder = builder.store(Store::open(folder.path()).map_err(|error| failed(&error))?);
        let log = AuditLog::open(&folder.path().join("audit"), audit::Options::default(), SystemClock.stamp().wall);
        builder = builder.audit(log.map_err(|error| failed(&error))?);
    }
    let builder = builder.tell(Arc::new(|message| tracing::warn!("{}", message.title)));
    let runtime = process::runtime().map_err(|error| failed(&error))?;
    let _entered = runtime.enter();
    Ok(Healing { healer: builder.start(), _folder: folder })
}

fn failed(error: &(dyn std::error::Error + 'static)) -> Raised {
    Raised::new("StateError", chain(error))
}
