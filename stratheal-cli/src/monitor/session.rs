//! A monitor for as long as one command takes, where none runs.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::join_all;
use stratheal_core::control::{self, Control, ControlError, Request, Response};
use stratheal_core::engine::{Engine, EngineHandle};
use stratheal_core::model::view::{CheckView, Phase};
use stratheal_core::model::{CheckId, Status};
use stratheal_core::service::{ServiceState, Shutdown};
use tokio::time::sleep;

use super::{Monitor, Scope, Supervision};
use crate::args::{Common, Packages};
use crate::failure::Failure;
use crate::place;
use crate::recording::{self, Recording};

/// How often a check is run until what it says is sure, and the pause in between.
const RUNS: u32 = 20;
const PAUSE: Duration = Duration::from_millis(100);
/// How long running checks have to end.
const GRACE: Duration = Duration::from_secs(3);
/// How long the history has to be written at the end.
const FLUSH: Duration = Duration::from_secs(2);

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
        let recording = recording::begin(&state, &config.history)?;
        let builder = Engine::builder().limits(place::limits()).history(recording.history.clone());
        let engine = builder.without_self_check().build()?.start()?;
        let supervision = Supervision::begin(common, packages, &config, &state, engine, scope).await?;
        let monitor = supervision.monitor.clone();
        let Monitor { engine, services, healer } = monitor.clone();
        let (healer, services) = (Some(healer), Some(services));
        let reload = || async { Err("it is not running for long enough".to_owned()) }.boxed();
        let history = Some(recording.history.clone());
        let control = Control { engine, history, reload: Arc::new(reload), healer, services };
        Ok(Self { state, control, monitor, supervision, recording })
    }

    /// Runs all checks until what they say is sure, and has the healer see it.
    pub(crate) async fn look(&self) -> Result<(), Failure> {
        let engine = &self.monitor.engine;
        let views = engine.snapshot();
        join_all(views.checks.iter().map(|view| run_until_sure(engine, view.id.as_str()))).await;
        let seen = self.monitor.healer.look().await;
        seen.map_err(|error| Failure::Control(ControlError::Refused(error.to_string())))
    }

    /// The services that do not run, and that nobody has stopped.
    pub(crate) fn not_started(&self) -> Vec<String> {
        let views = self.monitor.services.status();
        let is_not = |state: &ServiceState| matches!(state, ServiceState::Stopped { by: None });
        views.iter().filter(|view| is_not(&view.state)).map(|view| view.id.to_string()).collect()
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
        for id in &monitor.engine.shutdown(GRACE).await.left_behind {
            tracing::warn!(check = %id, "could not be stopped; it ends with this program");
        }
        if let Err(error) = recording.history.flush(FLUSH).await {
            tracing::error!(%error, "the end of the history is not recorded");
        }
    }
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

/// Whether more runs would tell nothing new. What is to be healed has failed twice, however little its configuration asks for.
fn is_sure(view: &CheckView) -> bool {
    view.phase == Phase::Hard && (view.hard != Status::Critical || view.runs >= 2)
}
