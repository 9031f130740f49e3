//! What heals, beside the engine.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use stratheal_core::audit::{self, AuditLog};
use stratheal_core::base::class::chain;
use stratheal_core::base::clock::{Clock, SystemClock};
use stratheal_core::config::HealSettings;
use stratheal_core::engine::EngineHandle;
use stratheal_core::healing::{HealerBuilder, HealerHandle, Rung, Setup, Store};
use stratheal_core::model::RemedyId;
use stratheal_core::model::plan::Risk;
use stratheal_core::state::{StateError, StateFolder};

use crate::dispatch::Dispatcher;
use crate::errors::Raised;
use crate::process;
use crate::python_remedy::PythonRemedy;

/// How often it is looked whether the process that heals has gone.
const LOOK: Duration = Duration::from_secs(1);

/// A remedy of Python before it belongs to a process.
#[derive(Debug, Clone)]
pub(crate) struct WrittenRemedy {
    pub(crate) id: RemedyId,
    pub(crate) risk: Risk,
    pub(crate) key: u64,
}

/// What heals, once this process has the state folder, and what it does until then.
#[derive(Debug)]
pub(crate) struct Healing {
    healer: Mutex<Option<HealerHandle>>,
    /// Held for its lock.
    folder: Mutex<Option<StateFolder>>,
}

/// What a healer is made of.
#[derive(Debug)]
pub(crate) struct Means {
    pub(crate) engine: EngineHandle,
    pub(crate) setup: Setup,
    /// Without one, what is done is forgotten at the end.
    pub(crate) state: Option<PathBuf>,
}

/// What may be done, by remedies of Python.
///
/// # Errors
/// When a ladder names a remedy that there is not.
pub(crate) fn setup(
    dispatcher: &Arc<Dispatcher>,
    remedies: &[WrittenRemedy],
    policies: &[HealSettings],
) -> Result<Setup, Raised> {
    let mut setup = Setup::default();
    for written in remedies {
        let (id, name, dispatcher) = (written.id.clone(), Arc::from(written.id.as_str()), dispatcher.clone());
        setup = setup.remedy(Arc::new(PythonRemedy { id, name, risk: written.risk, key: written.key, dispatcher }));
    }
    for settings in policies {
        let known = |rung: &&Rung| !setup.remedies.contains_key(&rung.remedy);
        if let Some(rung) = settings.policy.ladder.iter().find(known) {
            let text =
                format!("`{}` is to be healed by `{}`, and there is no such remedy", settings.check, rung.remedy);
            return Err(Raised::new("ConfigurationError", text));
        }
        setup = setup.policy(settings.check.clone(), settings.policy.clone());
    }
    Ok(setup)
}

/// Takes the state folder; `None` when another process has it.
///
/// # Errors
/// When it cannot be used.
pub(crate) fn take(state: &Path) -> Result<Option<StateFolder>, Raised> {
    match StateFolder::open(state) {
        Ok(folder) => Ok(Some(folder)),
        Err(StateError::InUse { .. }) => Ok(None),
        Err(error) => Err(failed(&error)),
    }
}

impl Healing {
    /// Begins to heal, or, where another process has the state folder, waits until it has gone.
    ///
    /// # Errors
    /// When what was written down cannot be read, or the system gives no thread.
    pub(crate) fn begin(means: Means, folder: Option<StateFolder>) -> Result<Arc<Self>, Raised> {
        let stands_by = means.state.is_some() && folder.is_none();
        let healing = Arc::new(Self { healer: Mutex::default(), folder: Mutex::default() });
        let runtime = process::runtime().map_err(|error| failed(&error))?;
        let _entered = runtime.enter();
        if stands_by {
            tracing::info!("another process heals; this one takes over when that ends");
            tokio::spawn(stand_by(Arc::downgrade(&healing), means));
        } else {
            healing.heal(&means, folder)?;
        }
        Ok(healing)
    }

    fn heal(&self, means: &Means, folder: Option<StateFolder>) -> Result<(), Raised> {
        let mut builder = HealerBuilder::new(means.engine.clone(), means.setup.clone());
        if let Some(folder) = &folder {
            builder = builder.store(Store::open(folder.path()).map_err(|error| failed(&error))?);
            let log = AuditLog::open(&folder.path().join("audit"), audit::Options::default(), SystemClock.stamp().wall);
            builder = builder.audit(log.map_err(|error| failed(&error))?);
        }
        let builder = builder.tell(Arc::new(|message| tracing::warn!("{}", message.title)));
        *lock(&self.folder) = folder;
        *lock(&self.healer) = Some(builder.start());
        Ok(())
    }

    /// The healer; `None` while another process heals.
    pub(crate) fn healer(&self) -> Option<HealerHandle> {
        lock(&self.healer).clone()
    }
}

/// Waits until the process that heals has gone. It keeps nothing alive: a monitor that nobody holds ends.
async fn stand_by(healing: Weak<Healing>, means: Means) {
    let Some(state) = means.state.clone() else { return };
    loop {
        tokio::time::sleep(LOOK).await;
        let Some(healing) = healing.upgrade().filter(|_| means.engine.is_running()) else { return };
        let taken = take(&state).and_then(|folder| folder.map(|folder| healing.heal(&means, Some(folder))).transpose());
        match taken {
            Ok(None) => {}
            Ok(Some(())) => return tracing::info!("the other process has gone: this one heals now"),
            // What that one's children have inherited may be open for a moment longer.
            Err(raised) => tracing::error!(?raised, "cannot take over yet"),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn failed(error: &(dyn std::error::Error + 'static)) -> Raised {
    Raised::new("StateError", chain(error))
}
