//! Services and healing while an engine runs: begun after it, ended before it.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{Additions, Means, Say, Scope, SupervisionError, evidence, ladders, registrations, telling};
use crate::audit::{self, AuditLog};
use crate::base::class::chain;
use crate::config::Config;
use crate::engine::{self, Engine, EngineHandle};
use crate::evidence::{ChangedEnvironment, FullDisk};
use crate::healing::{HealerBuilder, HealerHandle, Store};
use crate::notify::{DeliveryHandle, InvalidWebhook};
use crate::remedies::environment::OpenWorkshop;
use crate::service::check;
use crate::service::{Applied, ServiceEvent, Services, ServicesHandle, Shutdown, What};

/// How long the last messages may take at the end.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Everything that takes part in watching and healing.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Monitor {
    /// Runs checks.
    pub engine: EngineHandle,
    /// Looks after services.
    pub services: ServicesHandle,
    /// Heals.
    pub healer: HealerHandle,
    open: OpenWorkshop,
}

/// A monitor, and what goes on beside it.
#[derive(Debug)]
pub struct Supervision {
    /// The monitor.
    pub monitor: Monitor,
    delivery: Option<DeliveryHandle>,
    tasks: JoinSet<()>,
}

fn trouble(action: &'static str) -> impl Fn(String) -> SupervisionError {
    move |why| SupervisionError::new(action, why)
}

impl Supervision {
    /// Finds what runs already, starts what shall run, and begins to heal. The checks of the configuration and what is added to them are put
    /// in force in the engine, in the place of what it has.
    ///
    /// # Errors
    /// [`SupervisionError`]. Checks run all the same.
    ///
    /// # Cancellation
    /// Dropping the future leaves services as they are, with their keeper.
    pub async fn begin(
        means: Means,
        config: &Config,
        additions: &Additions,
        scope: &Scope,
    ) -> Result<Self, SupervisionError> {
        let Means { engine, state, apart, keeper, open, say } = means;
        let folder =
            if *scope == Scope::Look && !state.exists() { apart } else { services_folder(config, &state, apart)? };
        let mut services = Services::new(&folder, keeper).probe(Arc::new(engine.clone()));
        if *scope != Scope::Up {
            services = services.only_what_runs();
        }
        let services = services.start().map_err(|error| trouble("look after services")(chain(&error)))?;
        let healing = ladders::of(config, additions, &open, &services).map_err(trouble("prepare healing"))?;
        let mut tasks = JoinSet::new();
        tasks.spawn(follow(engine.clone(), services.clone(), say.clone()));
        // Before anybody heals: a check that is not there yet would be taken for one that is gone.
        let (served, watched) = put_in_force(config, additions, &engine, &services).await;
        watched.map_err(trouble("begin to watch"))?;
        if let Err(error) = served {
            // What cannot be started is still watched, and each service says so itself.
            tracing::error!(%error, "services cannot be started");
        }
        let store = match scope.store(&state) {
            Ok(store) => store,
            // A command would work beside somebody else's record, or without any.
            Err(error) if *scope != Scope::Up => return Err(trouble("read what is being healed")(chain(&error))),
            Err(error) => {
                tracing::error!(error = %chain(&error), "what is being healed is not written down");
                Store::in_memory()
            }
        };
        let webhook = |error: InvalidWebhook| trouble("tell people")(chain(&error));
        let environment = ChangedEnvironment::new(open.clone(), healing.owners.keys().cloned());
        let of_services = evidence::OfServices { services: services.clone(), owners: healing.owners };
        let mut builder = HealerBuilder::new(engine.clone(), healing.setup)
            .store(store)
            .evidence(Arc::new(of_services))
            .evidence(Arc::new(environment))
            .evidence(Arc::new(evidence::OfConfiguration { file: config.file.clone() }))
            .evidence(Arc::new(FullDisk))
            .acts(scope.acts());
        if *scope != Scope::Up {
            builder = builder.waits();
        }
        let mut delivery = None;
        if *scope != Scope::Look {
            let (tell, handle) = telling::begin(config, &state, say).map_err(webhook)?;
            builder = with_record(builder.tell(tell), &state);
            delivery = handle;
        }
        let healer = builder.start();
        if *scope == Scope::Up
            && let Some(watchdog) = telling::watchdog(config, &engine, &healer).map_err(webhook)?
        {
            tasks.spawn(watchdog);
        }
        Ok(Self { monitor: Monitor { engine, services, healer, open }, delivery, tasks })
    }

    /// Ends: services are stopped in their order, or left to the next monitor.
    ///
    /// # Cancellation
    /// Dropping the future leaves services as they are by then.
    pub async fn finish(mut self, how: Shutdown) {
        self.monitor.healer.stop().await;
        for service in self.monitor.services.shutdown(how).await {
            tracing::error!(%service, "could not be stopped, and may still run");
        }
        // A message that was told at the last moment is tried once; what was not taken lies in the state folder.
        if let Some(delivery) = &self.delivery
            && timeout(LAST_WORDS, delivery.settled()).await.is_err()
        {
            tracing::warn!("messages are still on their way; the next monitor goes on with them");
        }
        self.tasks.shutdown().await;
    }
}

impl Monitor {
    /// Whether checks of a configuration and what is added to them can be in force together, beside the services.
    ///
    /// # Errors
    /// Why not, for people.
    pub fn fits(&self, config: &Config, additions: &Additions) -> Result<(), String> {
        let checks = config.checks.iter().chain(&additions.checks).cloned().collect();
        let checks = registrations::with_services(checks, &config.services, &self.services);
        let checks = checks.map_err(|error| error.to_string())?;
        Engine::builder().register_all(checks).build().map(drop).map_err(|error| chain(&error))
    }

    /// Puts a configuration in force that was read again, with what is added to it; a sentence about what changed.
    ///
    /// # Errors
    /// What cannot be, for people. Checks that can be are in force all the same.
    pub async fn replace(&self, config: &Config, additions: &Additions) -> Result<String, String> {
        let healing = ladders::of(config, additions, &self.open, &self.services)?;
        let (services, applied) = put_in_force(config, additions, &self.engine, &self.services).await;
        let (services, applied) = (services?, applied?);
        self.healer.replace(healing.setup).await.map_err(|error| error.to_string())?;
        let mut text = format!(
            "{} added, {} changed, {} removed, {} unchanged",
            applied.added, applied.changed, applied.removed, applied.unchanged
        );
        if services.changed > 0 {
            let _ = write!(text, "; {} services run as they were until they are restarted", services.changed);
        }
        Ok(text)
    }
}

/// Whatever is done is on record, where that can be written.
fn with_record(builder: HealerBuilder, state: &Path) -> HealerBuilder {
    match AuditLog::open(&state.join("audit"), audit::Options::default(), Timestamp::now()) {
        Ok(log) => builder.audit(log),
        Err(error) => {
            tracing::error!(error = %chain(&error), "no audit log is kept");
            builder
        }
    }
}

/// Puts services and checks of a configuration in force. Checks run also where services cannot.
async fn put_in_force(
    config: &Config,
    additions: &Additions,
    engine: &EngineHandle,
    services: &ServicesHandle,
) -> (Result<Applied, String>, Result<engine::Applied, String>) {
    let specs = config.services.iter().map(|service| service.spec.clone()).collect();
    let served = services.apply(specs).await.map_err(|error| chain(&error));
    let checks = config.checks.iter().chain(&additions.checks).cloned().collect();
    let watched = match registrations::with_services(checks, &config.services, services) {
        Ok(checks) => engine.apply(checks).await.map_err(|error| chain(&error)),
        Err(error) => Err(error.to_string()),
    };
    (served, watched)
}

/// Where services are kept: in the state folder. Without services, a folder that cannot be written must not keep checks from running; with
/// services, another folder would have another keeper, which would start everything a second time.
fn services_folder(config: &Config, state: &Path, apart: PathBuf) -> Result<PathBuf, SupervisionError> {
    let folder = state.join("services");
    match std::fs::create_dir_all(&folder) {
        Err(error) if config.services.is_empty() => {
            tracing::debug!(%error, "there is no folder for services, and there are none");
            Ok(apart)
        }
        Err(error) => Err(SupervisionError::new("make the folder of services", error)),
        Ok(()) => Ok(folder),
    }
}

/// Has the check of a service look at once when something happens to it, and shows that.
async fn follow(engine: EngineHandle, services: ServicesHandle, say: Say) {
    let mut events = services.subscribe();
    loop {
        match events.recv().await {
            Ok(event) => {
                if let Some(line) = line(&event) {
                    say(line);
                }
                if matters(&event.what) {
                    let engine = engine.clone();
                    tokio::spawn(async move {
                        let id = check::name_of(event.service.as_str());
                        if let Err(error) = engine.run_now(&id).await {
                            tracing::debug!(%error, "a service is not checked yet");
                        }
                    });
                }
            }
            Err(RecvError::Lagged(missed)) => tracing::warn!(missed, "events of services were not seen"),
            Err(RecvError::Closed) => return,
        }
    }
}

const fn matters(what: &What) -> bool {
    matches!(
        what,
        What::Started { .. }
            | What::Found { .. }
            | What::Ready
            | What::StartTimedOut
            | What::PortTaken { .. }
            | What::NotStarted { .. }
            | What::Ended { .. }
            | What::Stopped { .. }
    )
}

/// A line for people about what happened to a service.
fn line(event: &ServiceEvent) -> Option<String> {
    let process = |pid: &Option<u32>| pid.map_or_else(String::new, |pid| format!(" as process {pid}"));
    let what = match &event.what {
        What::Started { pid } => format!("started{}", process(pid)),
        What::Found { pid } => format!("runs already{}", process(pid)),
        What::Ready => "is ready".to_owned(),
        What::StartTimedOut => "is not ready in its time".to_owned(),
        What::PortTaken { port, holder } => format!("was not started: port {port} is held by {holder}"),
        What::NotStarted { why } => format!("was not started: {why}"),
        What::NotStopped { why } => format!("was not stopped: {why}"),
        What::Ended { ending, expected: false } => ending.to_string(),
        What::Stopped { .. } => "stopped".to_owned(),
        What::Stuck { pids } => format!("left processes that cannot be stopped: {pids:?}"),
        _ => return None,
    };
    Some(format!("service {}: {what}", event.service))
}
