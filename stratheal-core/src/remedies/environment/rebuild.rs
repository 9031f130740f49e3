//! Everything anew, beside what is there.

use super::workshop::{Workshop, not_applicable};
use crate::contract::RemedyError;
use crate::installer::{Environment, InstallError, InstallRequest, PlanOptions};
use crate::model::plan::{Plan, Receipt, Step, Target};

const OPTIONS: PlanOptions = PlanOptions { exact: false, reinstall: false, rebuild: true, closed: false };

async fn request(workshop: &Workshop) -> Result<(Environment, InstallRequest), InstallError> {
    let environment = workshop.installer.environment_to_rebuild(&workshop.environment, None, &workshop.base).await?;
    // Engines find their settings where they always do.
    let variables = std::env::vars_os().collect();
    let mut request = InstallRequest::new(workshop.input.clone(), workshop.folder.clone(), variables);
    request.options = OPTIONS;
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

pub(super) async fn plan(workshop: Workshop) -> Result<(Plan, String), RemedyError> {
    let planned = on_a_thread(move || async move {
        let (environment, request) = request(&workshop).await?;
        workshop.installer.planned(&environment, &request).await
    });
    let planned = planned.await?.map_err(|error: InstallError| not_applicable(&error))?;
    let root = planned.root.display();
    let fetch = match planned.to_fetch {
        0 => "all of it is in the cache".to_owned(),
        some => format!("{some} to fetch"),
    };
    let plan = Plan::new(format!("make {root} anew")).target(Target::new("environment", root.to_string()));
    Ok((plan, format!("build it anew beside what is there, and switch ({fetch})")))
}

pub(super) async fn carry_out(workshop: Workshop, step: &Step) -> Result<Receipt, RemedyError> {
    let outcome = on_a_thread(move || async move {
        let (environment, request) = request(&workshop).await?;
        let planned = workshop.installer.planned_ahead(&environment, &request).await?;
        workshop.installer.carry_out(&environment, planned, OPTIONS).await
    });
    let outcome = outcome.await?.map_err(|error: InstallError| RemedyError::failed(step, error))?;
    Ok(Receipt::new(format!("{} was made anew", outcome.root.display())))
}
