//! [`RebuildEnvironment`]: everything anew, beside what is there.

use async_trait::async_trait;

use super::workshop::{OpenWorkshop, Workshop, not_applicable};
use crate::contract::{Remedy, RemedyContext, RemedyError};
use crate::installer::{Environment, InstallRequest, PlanOptions, VerifyOptions};
use crate::model::RemedyId;
use crate::model::plan::{Plan, Receipt, Risk, Step, StepState, Target};

/// Makes an environment anew, in the versions of the requirements, or in those that are installed where there are none. It is built
/// beside what is there and switched in as one step; also where the interpreter is gone. Risk: disruptive; files that no package
/// brought do not come along, and are in the snapshot that is taken before.
#[derive(Debug, Clone)]
pub struct RebuildEnvironment {
    id: RemedyId,
    workshop: OpenWorkshop,
}

impl RebuildEnvironment {
    const STEP: &str = "rebuild";
    const OPTIONS: PlanOptions = PlanOptions { exact: false, reinstall: false, rebuild: true, closed: false };

    /// A remedy of this name.
    #[must_use]
    pub const fn new(id: RemedyId, workshop: OpenWorkshop) -> Self {
        Self { id, workshop }
    }
}

async fn subject(workshop: &Workshop) -> Result<(Environment, InstallRequest), crate::installer::InstallError> {
    let environment = workshop.installer.environment_to_rebuild(&workshop.environment, None, &workshop.base).await?;
    // Engines find their settings where they always do.
    let variables = std::env::vars_os().collect();
    let mut request = InstallRequest::new(workshop.input.clone(), workshop.folder.clone(), variables);
    request.options = RebuildEnvironment::OPTIONS;
    Ok((environment, request))
}

/// Runs this on a thread of its own: resolving and building keep a processor busy, and what they hold need not be sent about.
async fn on_a_thread<T: Send + 'static, F: Future<Output = T>>(
    work: impl FnOnce() -> F + Send + 'static,
) -> Result<T, RemedyError> {
    let runtime = tokio::runtime::Handle::current();
    let done = tokio::task::spawn_blocking(move || runtime.block_on(work())).await;
    done.map_err(|error| RemedyError::NotApplicable { why: format!("the work ended badly: {error}") })
}

#[async_trait]
impl Remedy for RebuildEnvironment {
    fn id(&self) -> &RemedyId {
        &self.id
    }

    fn risk(&self) -> Risk {
        Risk::Disruptive
    }

    async fn plan(&self, _cx: &RemedyContext) -> Result<Plan, RemedyError> {
        let workshop = self.workshop.open().await?;
        let resource = workshop.resource();
        let can_undo = workshop.snapshots.is_some();
        let planned = on_a_thread(move || async move {
            let (environment, request) = subject(&workshop).await?;
            workshop.installer.planned(&environment, &request).await
        });
        let planned = planned.await?.map_err(|error| not_applicable(&error))?;
        let root = planned.root.display();
        let fetch = match planned.to_fetch {
            0 => "all of it is in the cache".to_owned(),
            some => format!("{some} to fetch"),
        };
        let step = Step::new(Self::STEP, format!("build it anew beside what is there, and switch ({fetch})"));
        let step = if can_undo { step.undoable() } else { step };
        Ok(Plan::new(format!("make {root} anew"))
            .target(Target::new("environment", root.to_string()))
            .step(step)
            .resource(resource))
    }

    async fn step(&self, _cx: &RemedyContext, step: &Step) -> Result<Receipt, RemedyError> {
        let failed = |error| RemedyError::failed(step, error);
        let workshop = self.workshop.open().await?;
        let before = match workshop.keep(step).await {
            Ok(before) => before,
            Err(error) => {
                // What is broken so much that it cannot be kept has to be made anew all the same.
                tracing::warn!(error = %crate::base::class::chain(&error), "what is there cannot be kept");
                None
            }
        };
        let outcome = on_a_thread(move || async move {
            let (environment, request) = subject(&workshop).await?;
            let planned = workshop.installer.planned_ahead(&environment, &request).await?;
            workshop.installer.carry_out(&environment, planned, Self::OPTIONS).await
        });
        let outcome = outcome.await?.map_err(failed)?;
        Ok(Workshop::receipt(format!("{} was made anew", outcome.root.display()), before))
    }

    async fn probe(&self, _cx: &RemedyContext, _step: &Step) -> Result<StepState, RemedyError> {
        let workshop = self.workshop.open().await?;
        let subject = workshop.installer.subject(&workshop.environment).await;
        let subject = subject.map_err(|error| not_applicable(&error))?;
        let verified = workshop.installer.verify(&subject, &VerifyOptions::default()).await;
        let verified = verified.map_err(|error| not_applicable(&error))?;
        // It is built and switched as one step: what is whole is new, or was not the trouble.
        Ok(if verified.is_whole() { StepState::Done } else { StepState::NotDone })
    }

    async fn undo(&self, cx: &RemedyContext, step: &Step) -> Result<(), RemedyError> {
        self.workshop.open().await?.take_back(cx, step).await
    }
}
