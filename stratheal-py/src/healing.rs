//! What heals, beside the engine.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use stratheal_core::audit::{self, AuditLog};
use stratheal_core::base::class::chain;
use stratheal_core::base::clock::{Clock, SystemClock};
use stratheal_core::config::Config;
use stratheal_core::contract::Remedy;
use stratheal_core::engine::EngineHandle;
use stratheal_core::healing::{HealerBuilder, HealerHandle, Rung, Setup, Store};
use stratheal_core::model::plan::Risk;
use stratheal_core::model::{CheckId, RemedyId};
use stratheal_core::published::{Published, publish};
use stratheal_core::service::{KeeperProgram, Shutdown};
use stratheal_core::state::{StateError, StateFolder};
use stratheal_core::supervision::{self, Additions, Monitor, Scope, Supervision, opener};
use stratheal_core::workspace::{Choices, Workspace};
use tokio::task::JoinHandle;

use crate::dispatch::Dispatcher;
use crate::errors::Raised;
use crate::listeners;
use crate::process;
use crate::python_remedy::PythonRemedy;
use crate::registered::Turn;

/// How often it is looked whether the process that heals has gone.
const LOOK: Duration = Duration::from_secs(1);

/// The file of the state folder in which the process that heals says what it has found.
const PUBLISHED: &str = "published.json";

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
    acting: Mutex<Acting>,
    turn: Turn,
    /// What tells the others of this host.
    publishing: Mutex<Option<JoinHandle<()>>>,
    /// Held for its lock.
    folder: Mutex<Option<StateFolder>>,
    /// What the process that heals has found, where that is another one.
    published: Option<Published>,
}

/// Who heals.
#[derive(Debug, Default)]
enum Acting {
    /// Another process, or nobody yet.
    #[default]
    Nobody,
    /// A healer of what the application has registered.
    Healer(HealerHandle),
    /// Services, and everything that the configuration says about healing, as well.
    Supervision(Box<Supervision>),
    /// Nobody any more.
    Ended,
}

/// Whether a check is about this process alone, by its name.
pub(crate) type IsOfProcess = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// What a healer is made of.
pub(crate) struct Means {
    pub(crate) engine: EngineHandle,
    /// What the application has registered by now, for the process that heals; nothing once the monitor is gone.
    pub(crate) registered: Box<dyn Fn() -> Option<Additions> + Send + Sync>,
    /// Whether a check is about this process alone.
    pub(crate) is_of_process: IsOfProcess,
    pub(crate) turn: Turn,
    /// Without one, what is done is forgotten at the end.
    pub(crate) state: Option<PathBuf>,
    /// What is supervised beside it.
    pub(crate) supervised: Option<Supervised>,
}

/// A configuration that is put in force as a whole.
#[derive(Debug)]
pub(crate) struct Supervised {
    /// Without checks: those are the application's, which may take some away.
    pub(crate) config: Arc<Config>,
    pub(crate) keeper: KeeperProgram,
}

/// The remedies of Python, for a process.
pub(crate) fn remedies(dispatcher: &Arc<Dispatcher>, written: &[WrittenRemedy]) -> Vec<Arc<dyn Remedy>> {
    let each = written.iter().map(|written| -> Arc<dyn Remedy> {
        let (id, name, dispatcher) = (written.id.clone(), Arc::from(written.id.as_str()), dispatcher.clone());
        Arc::new(PythonRemedy { id, name, risk: written.risk, key: written.key, dispatcher })
    });
    each.collect()
}

/// What may be done, by remedies of Python alone.
///
/// # Errors
/// When a ladder names a remedy that there is not.
pub(crate) fn setup(additions: &Additions) -> Result<Setup, Raised> {
    let mut setup = Setup::default();
    for remedy in &additions.remedies {
        setup = setup.remedy(remedy.clone());
    }
    for settings in &additions.heal {
        let missing = |rung: &&Rung| !setup.remedies.contains_key(&rung.remedy);
        if let Some(rung) = settings.policy.ladder.iter().find(missing) {
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

/// What the process that has this state folder publishes.
pub(crate) fn published(state: &Path) -> Published {
    Published::new(state.join(PUBLISHED))
}

impl Healing {
    /// Begins to heal, or, where another process has the state folder, waits until it has gone.
    ///
    /// # Errors
    /// When what was written down cannot be read, a ladder cannot be, or the system gives no thread.
    pub(crate) fn begin(means: Means, folder: Option<StateFolder>) -> Result<Arc<Self>, Raised> {
        let stands_by = means.state.is_some() && folder.is_none();
        let published = means.state.as_deref().filter(|_| stands_by).map(published);
        let (turn, publishing) = (means.turn.clone(), Mutex::default());
        let healing =
            Arc::new(Self { acting: Mutex::default(), turn, publishing, folder: Mutex::default(), published });
        let runtime = process::runtime().map_err(|error| failed(&error))?;
        if stands_by {
            tracing::info!("another process heals; this one takes over when that ends");
            runtime.spawn(stand_by(Arc::downgrade(&healing), means));
        } else {
            runtime.block_on(healing.act(&means, folder))?;
        }
        listeners::add(&healing);
        Ok(healing)
    }

    async fn act(&self, means: &Means, folder: Option<StateFolder>) -> Result<(), Raised> {
        let _turn = self.turn.lock().await;
        let Some(additions) = (means.registered)().filter(|_| !self.has_ended()) else { return Ok(()) };
        let acting = match (&means.supervised, &folder) {
            (Some(supervised), Some(folder)) => supervise(means, &additions, supervised, folder.path()).await?,
            _ => Acting::Healer(heal(means, &additions, folder.as_ref())?),
        };
        if self.published.is_some() && means.supervised.is_none() {
            // What was repeated is measured here from now on.
            means.engine.apply(additions.checks).await?;
        }
        if let Some(folder) = &folder {
            let (is_of_process, file) = (means.is_of_process.clone(), folder.path().join(PUBLISHED));
            let is_shared = move |id: &CheckId| !is_of_process(id.as_str());
            let publishing = publish(means.engine.clone(), is_shared, file, SystemClock);
            *lock(&self.publishing) = Some(tokio::spawn(publishing));
        }
        *lock(&self.folder) = folder;
        *lock(&self.acting) = acting;
        Ok(())
    }

    fn has_ended(&self) -> bool {
        matches!(&*lock(&self.acting), Acting::Ended)
    }

    /// The healer; `None` while another process heals.
    pub(crate) fn healer(&self) -> Option<HealerHandle> {
        match &*lock(&self.acting) {
            Acting::Healer(healer) => Some(healer.clone()),
            Acting::Supervision(supervision) => Some(supervision.monitor.healer.clone()),
            Acting::Nobody | Acting::Ended => None,
        }
    }

    /// Where it stands what the process that heals has found; `None` where it is this one.
    pub(crate) fn elsewhere(&self) -> Option<Published> {
        self.published.clone().filter(|_| matches!(&*lock(&self.acting), Acting::Nobody))
    }

    /// What is supervised; `None` where nothing is, or while another process does.
    pub(crate) fn monitor(&self) -> Option<Monitor> {
        match &*lock(&self.acting) {
            Acting::Supervision(supervision) => Some(supervision.monitor.clone()),
            _ => None,
        }
    }

    /// Ends: services are stopped, in their order.
    pub(crate) async fn stop(&self) {
        // Whoever is just taking over comes to the end of that first.
        let _turn = self.turn.lock().await;
        let acting = std::mem::replace(&mut *lock(&self.acting), Acting::Ended);
        let publishing = lock(&self.publishing).take();
        if let Some(publishing) = publishing {
            publishing.abort();
            // It was cancelled, and that is no news.
            let _ = publishing.await;
        }
        match acting {
            Acting::Healer(healer) => healer.stop().await,
            Acting::Supervision(supervision) => supervision.finish(Shutdown::StopServices).await,
            Acting::Nobody | Acting::Ended => {}
        }
        drop(lock(&self.folder).take());
    }
}

/// Heals what the application has registered.
fn heal(means: &Means, additions: &Additions, folder: Option<&StateFolder>) -> Result<HealerHandle, Raised> {
    let mut builder = HealerBuilder::new(means.engine.clone(), setup(additions)?);
    if let Some(folder) = folder {
        builder = builder.store(Store::open(folder.path()).map_err(|error| failed(&error))?);
        let log = AuditLog::open(&folder.path().join("audit"), audit::Options::default(), SystemClock.stamp().wall);
        builder = builder.audit(log.map_err(|error| failed(&error))?);
    }
    Ok(builder.tell(Arc::new(|message| tracing::warn!("{}", message.title))).start())
}

/// Supervises as the configuration says, with what the application has registered.
async fn supervise(
    means: &Means,
    additions: &Additions,
    supervised: &Supervised,
    state: &Path,
) -> Result<Acting, Raised> {
    let (config, folder) = (supervised.config.clone(), state.to_owned());
    let open = opener(move || {
        Workspace::new(Some(Config::clone(&config)), Choices { state: Some(folder.clone()), ..Choices::default() })
            .map_err(|error| chain(&error))
    });
    let supervision = supervision::Means {
        engine: means.engine.clone(),
        state: state.to_owned(),
        apart: state.join("services"),
        keeper: supervised.keeper.clone(),
        open,
        // What somebody should know begins with a star; the rest is what services do all day.
        say: Arc::new(|line| {
            if let Some(title) = line.strip_prefix("* ") {
                tracing::warn!("{title}");
            } else {
                tracing::info!("{line}");
            }
        }),
    };
    let begun = Supervision::begin(supervision, &supervised.config, additions, &Scope::Up).await;
    Ok(Acting::Supervision(Box::new(begun.map_err(|error| Raised::of_chain("ConfigurationError", &error))?)))
}

/// Waits until the process that heals has gone. It keeps nothing alive: a monitor that nobody holds ends.
async fn stand_by(healing: Weak<Healing>, means: Means) {
    let Some(state) = means.state.clone() else { return };
    let mut told = String::new();
    loop {
        tokio::time::sleep(LOOK).await;
        let state = state.clone();
        let taken = tokio::task::spawn_blocking(move || take(&state)).await;
        let taken = taken.unwrap_or_else(|error| Err(Raised::new("StateError", error.to_string())));
        let Some(healing) = healing.upgrade().filter(|_| means.engine.is_running()) else { return };
        let acted = match taken {
            Ok(Some(folder)) => healing.act(&means, Some(folder)).await.map(Some),
            other => other.map(|_| None),
        };
        match acted {
            Ok(None) => {}
            Ok(Some(())) => return tracing::info!("the other process has gone: this one heals now"),
            // What that one's children have inherited may be open for a moment longer.
            Err(raised) => {
                let why = format!("{raised:?}");
                if why != told {
                    tracing::error!(why, "cannot take over yet");
                }
                told = why;
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn failed(error: &(dyn std::error::Error + 'static)) -> Raised {
    Raised::new("StateError", chain(error))
}
