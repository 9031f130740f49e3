//! [`RestartService`]: stopped for certain, and started.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;
use tokio::time::Instant;

use crate::contract::{Remedy, RemedyContext, RemedyError};
use crate::model::plan::{Plan, Receipt, Risk, Step, StepState, Target};
use crate::model::{CheckId, RemedyId, ServiceId};
use crate::service::check::name_of;
use crate::service::{ServiceError, ServiceState, ServiceView, ServicesHandle, StoppedBy};

/// How often it is looked whether a service is ready.
const LOOK: Duration = Duration::from_millis(10);

/// Restarts the service that a check belongs to: its stop is confirmed before it is started, and the step ends when it is ready. Risk:
/// disruptive, and nothing to take back. A service that a person has stopped stays stopped.
#[derive(Debug)]
pub struct RestartService {
    id: RemedyId,
    services: ServicesHandle,
    /// Which service belongs to which check.
    of: BTreeMap<CheckId, ServiceId>,
    /// The one that is meant whatever the check is.
    always: Option<ServiceId>,
}

impl RestartService {
    const STEP: &str = "restart";

    /// For checks that belong to services.
    #[must_use]
    pub const fn of_checks(id: RemedyId, services: ServicesHandle, of: BTreeMap<CheckId, ServiceId>) -> Self {
        Self { id, services, of, always: None }
    }

    /// For one service, whatever the check is.
    #[must_use]
    pub const fn always(id: RemedyId, services: ServicesHandle, service: ServiceId) -> Self {
        Self { id, services, of: BTreeMap::new(), always: Some(service) }
    }

    fn service(&self, check: &CheckId) -> Result<&ServiceId, RemedyError> {
        let none = || RemedyError::NotApplicable { why: format!("no service belongs to {check}") };
        self.always.as_ref().or_else(|| self.of.get(check)).ok_or_else(none)
    }

    /// Waits until it is ready, or until it is clear that it will not be.
    async fn ready(
        &self,
        service: &ServiceId,
        cx: &RemedyContext,
        step: &Step,
    ) -> Result<std::sync::Arc<ServiceView>, RemedyError> {
        loop {
            let view = self.view(service)?;
            let why = match &view.state {
                ServiceState::Ready => return Ok(view),
                ServiceState::Ended { ending } => ending.to_string(),
                ServiceState::Failed { why } => why.clone(),
                ServiceState::Starting { timed_out: true } => "is not ready in its time".to_owned(),
                ServiceState::Stopped { .. } => "was stopped meanwhile".to_owned(),
                _ if Instant::now() >= cx.deadline => "is not ready in the time of this remedy".to_owned(),
                _ => {
                    tokio::time::sleep(LOOK).await;
                    continue;
                }
            };
            return Err(RemedyError::failed(step, format!("{service}: {why}")));
        }
    }

    fn view(&self, service: &ServiceId) -> Result<std::sync::Arc<ServiceView>, RemedyError> {
        let gone = || RemedyError::NotApplicable { why: format!("there is no service {service} any more") };
        self.services.view(service.as_str()).ok_or_else(gone)
    }
}

/// What tells one run of a service from the next, also for a monitor that was started in between and has counted nothing.
fn run(view: &ServiceView) -> String {
    view.pid.map_or_else(|| "none".to_owned(), |pid| format!("process {pid}"))
}

#[async_trait]
impl Remedy for RestartService {
    fn id(&self) -> &RemedyId {
        &self.id
    }

    fn risk(&self) -> Risk {
        Risk::Disruptive
    }

    async fn plan(&self, cx: &RemedyContext) -> Result<Plan, RemedyError> {
        let service = self.service(&cx.check)?;
        let view = self.view(service)?;
        match &view.state {
            ServiceState::Stopped { by: Some(StoppedBy::Person) } => {
                return Err(RemedyError::NotApplicable { why: format!("a person stopped {service}") });
            }
            ServiceState::Stopped { by: None } => {
                return Err(RemedyError::NotApplicable { why: format!("{service} was not started: `stratheal up`") });
            }
            ServiceState::Waiting { on } => {
                let names: Vec<&str> = on.iter().map(ServiceId::as_str).collect();
                return Err(RemedyError::NotApplicable { why: format!("{service} waits for {}", names.join(", ")) });
            }
            _ => {}
        }
        Ok(Plan::new(format!("restart {service}"))
            .target(Target::new("service", service.as_str()))
            .target(Target::new("run", run(&view)))
            .step(Step::new(
                Self::STEP,
                format!("stop {service}, confirm that it is gone, start it, wait until it is ready"),
            ))
            .resource(name_of(service.as_str())))
    }

    async fn step(&self, cx: &RemedyContext, step: &Step) -> Result<Receipt, RemedyError> {
        let service = self.service(&cx.check)?;
        self.services.restart_unless_stopped(service.as_str()).await.map_err(|error| match error {
            ServiceError::StoppedByPerson { .. } => RemedyError::NotApplicable { why: error.to_string() },
            error => RemedyError::failed(step, error),
        })?;
        let view = self.ready(service, cx, step).await?;
        let text = format!("{service} was restarted: {}", run(&view));
        Ok(Receipt::new(text).data(json!({ "pid": view.pid })))
    }

    async fn probe(&self, cx: &RemedyContext, _step: &Step) -> Result<StepState, RemedyError> {
        let service = self.service(&cx.check)?;
        let view = self.view(service)?;
        let planned = cx.plan.targets.iter().find(|target| target.kind == "run").map(|target| target.name.as_str());
        let runs = matches!(view.state, ServiceState::Ready | ServiceState::Starting { .. });
        Ok(match planned {
            // Another one runs than the one that was to be restarted.
            Some(planned) if runs && planned != run(&view) => StepState::Done,
            Some(_) => StepState::NotDone,
            None => StepState::Unknown,
        })
    }

    async fn undo(&self, _cx: &RemedyContext, step: &Step) -> Result<(), RemedyError> {
        Err(RemedyError::CannotUndo { step: step.name.clone() })
    }
}
