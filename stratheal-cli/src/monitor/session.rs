//! A monitor for as long as one command takes, where none runs.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::join_all;
use stratheal_core::config::Config;
use stratheal_core::control::{self, Control, ControlError, Request, Response};
use stratheal_core::engine::{Engine, EngineHandle};
use stratheal_core::healing::HealError;
use stratheal_core::model::view::{CheckView, Phase, Snapshot};
use stratheal_core::model::{CheckId, Status};
use stratheal_core::service::check::name_of;
use stratheal_core::service::{ServiceState, Shutdown};
use stratheal_core::supervision::{Additions, Monitor, Scope, Supervision};
use tokio::time::sleep;

use super::means;
use crate::args::{Common, Packages};
use crate::failure::Failure;
use crate::place;
use crate::recording::{self, Recording};

/// How often a check is run until what it says is sure, and the pause in between.
const RUNS: u32 = 20;
const PAUSE: Duration = Duration::from_millis(100);

/// A monitor of this command's own. It owns the state folder meanwhile.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) state: PathBuf,
    control: Control,
    monitor: Monitor,
    supervision: Supervision,
    recording: Recording,
}

impl Session {
    /// Begins one, as the configuration says.
    pub(crate) async fn begin(common: &Common, packages: &Packages, scope: &Scope) -> Result<Self, Failure> {
        let config = place::written_configuration(common)?;
        let state = place::state(common, &config);
        let recording = match scope {
            Scope::Look => Recording::in_memory(),
            _ => alone(&config, &state)?,
        };
        let builder = Engine::builder().limits(place::limits()).history(recording.history.clone());
        let engine = builder.without_self_check().build()?.start()?;
        let means = means(common, packages, &state, engine)?;
        let supervision = Supervision::begin(means, &config, &Additions::default(), scope).await?;
        let monitor = supervision.monitor.clone();
        let Monitor { engine, services, healer, .. } = monitor.clone();
        let (healer, services) = (Some(healer), Some(services));
        let reload = || async { Err("it is not running for long enough".to_owned()) }.boxed();
        let history = Some(recording.history.clone());
        let control = Control { engine, history, reload: Arc::new(reload), healer, services };
        Ok(Self { state, control, monitor, supervision, recording })
    }

    /// Runs checks until what they say is sure, all of them or one and what it depends on, and has the healer see it.
    pub(crate) async fn look(&self, check: Option<&CheckId>) -> Result<(), Failure> {
        let engine = &self.monitor.engine;
        let wanted = with_parents(&engine.fresh_snapshot(), check);
        join_all(wanted.iter().map(|id| run_until_sure(engine, id.as_str()))).await;
        refused(self.monitor.healer.look().await)
    }

    /// Has the healer begin what is to be begun.
    pub(crate) async fn begin_to_heal(&self) -> Result<(), Failure> {
        refused(self.monitor.healer.begin().await)
    }

    /// The services that do not run, and that nobody has stopped: all of them, or that of one check.
    pub(crate) fn not_started(&self, check: Option<&CheckId>) -> Vec<String> {
        let views = self.monitor.services.status();
        let is_not = |state: &ServiceState| matches!(state, ServiceState::Stopped { by: None });
        let own = |service: &str| {
            let name = name_of(service);
            let Some(check) = check else { return true };
            let view = self.monitor.engine.check(check.as_str());
            check.as_str() == name
                || view.is_some_and(|view| view.spec.depends_on.iter().any(|on| on.on.as_str() == name))
        };
        let names = views.iter().filter(|view| is_not(&view.state)).map(|view| view.id.to_string());
        names.filter(|service| own(service)).collect()
    }

    /// The check that a plan is for which waits under this token.
    pub(crate) fn waiting(&self, token: &str) -> Option<CheckId> {
        let view = self.monitor.healer.view();
        view.approvals.into_iter().find(|approval| approval.token == token).map(|approval| approval.check)
    }

    pub(crate) async fn ask(&self, request: &Request) -> Result<Response, Failure> {
        match control::answer(request.clone(), &self.control).await {
            Response::Refused(why) => Err(ControlError::Refused(why).into()),
            response => Ok(response),
        }
    }

    /// Ends. Services go on; what is under way is in the journal.
    pub(crate) async fn end(self) {
        let Self { monitor, supervision, recording, .. } = self;
        supervision.finish(Shutdown::LeaveRunning).await;
        recording.finish(&monitor.engine).await;
    }
}

/// Owns the state folder for as long as a command takes, or says why that must not be.
fn alone(config: &Config, state: &Path) -> Result<Recording, Failure> {
    if place::is_claimed(config) {
        let text =
            "a monitor runs with this configuration and keeps its state elsewhere: name its folder with --state-dir";
        return Err(Failure::Usage(text.to_owned()));
    }
    let (user, owner) = (rustix::process::geteuid().as_raw(), std::fs::metadata(state).map(|found| found.uid()));
    if let Ok(owner) = owner
        && owner != user
    {
        let text = format!(
            "the state folder {} belongs to user {owner}: run this as that user, as with `sudo -u '#{owner}'`",
            state.display()
        );
        return Err(Failure::Usage(text));
    }
    let recording = recording::begin(state, &config.history)?;
    if recording.owns_state() {
        return Ok(recording);
    }
    Err(Failure::Usage(format!(
        "the state folder {} cannot be used, and nothing is healed without a record",
        state.display()
    )))
}

/// The checks to run: all, or one and everything that it depends on.
fn with_parents(snapshot: &Snapshot, check: Option<&CheckId>) -> Vec<CheckId> {
    let Some(check) = check else { return snapshot.checks.iter().map(|view| view.id.clone()).collect() };
    let mut wanted = vec![check.clone()];
    let mut next = 0;
    while let Some(view) = wanted.get(next).map(|id| snapshot.get(id.as_str())) {
        next += 1;
        for dependency in view.iter().flat_map(|view| &view.spec.depends_on) {
            if !wanted.contains(&dependency.on) {
                wanted.push(dependency.on.clone());
            }
        }
    }
    wanted
}

fn refused(done: Result<(), HealError>) -> Result<(), Failure> {
    done.map_err(|error| Failure::Control(ControlError::Refused(error.to_string())))
}

/// One failure is not taken at its word, as little as it is while a monitor runs.
async fn run_until_sure(engine: &EngineHandle, id: &str) {
    for _ in 0..RUNS {
        match engine.run_now(id).await {
            Ok(view) if is_sure(&view) => return,
            Ok(_) => sleep(PAUSE).await,
            Err(error) => return tracing::debug!(%error, check = id, "cannot be run"),
        }
    }
}

/// Whether more runs would tell nothing new. What is to be healed has failed twice, however little its configuration asks for, and no
/// parent may still turn out to be the cause.
fn is_sure(view: &CheckView) -> bool {
    let believed = view.status == Status::Critical || view.muted.is_some();
    view.phase == Phase::Hard && (view.hard != Status::Critical || (view.runs >= 2 && believed))
}
