//! [`WhileRunning`]: a check that says nothing about a service that is not meant to work at the moment.

use std::sync::Arc;

use async_trait::async_trait;

use super::state::{ServiceState, StoppedBy};
use super::supervisor::{ServiceView, ServicesHandle};
use crate::contract::{CheckContext, CheckError, CheckKind, HealthCheck};
use crate::model::{CheckId, Report, ServiceId, Status};

/// Another check, whose bad result counts only while its service is meant to work: one that is just being started or stopped, or that a
/// person stopped, fails for that reason, and is Unknown. A good result counts in any case; readiness is told by it.
#[derive(Debug)]
pub struct WhileRunning {
    inner: Arc<dyn HealthCheck>,
    service: ServiceId,
    services: ServicesHandle,
}

impl WhileRunning {
    /// The check of what a service does.
    #[must_use]
    pub const fn new(inner: Arc<dyn HealthCheck>, service: ServiceId, services: ServicesHandle) -> Self {
        Self { inner, service, services }
    }
}

/// Why a service is not meant to work, if so, in words and as a code.
fn reason(view: &ServiceView) -> Option<(&'static str, &'static str)> {
    match &view.state {
        ServiceState::Starting { timed_out: false } => Some(("is being started", "starting")),
        ServiceState::Stopping if !view.is_stop_overdue() => Some(("is being stopped", "stopping")),
        ServiceState::Stopped { by: Some(StoppedBy::Person) } => Some(("was stopped by a person", "stopped")),
        ServiceState::Stopped { by: None } => Some(("was not started", "stopped")),
        ServiceState::Waiting { .. } => Some(("waits for others", "waiting")),
        _ => None,
    }
}

#[async_trait]
impl HealthCheck for WhileRunning {
    fn id(&self) -> &CheckId {
        self.inner.id()
    }

    async fn check(&self, cx: &CheckContext) -> Result<Report, CheckError> {
        let report = self.inner.check(cx).await?;
        let why = self.services.view(self.service.as_str()).and_then(|view| reason(&view));
        Ok(match why {
            Some((why, code)) if report.status == Status::Critical => {
                let summary = format!("{} {why}: {}", self.service, report.summary);
                Report { status: Status::Unknown, summary: summary.into(), code: code.into(), ..report }
            }
            _ => report,
        })
    }

    fn kind(&self) -> CheckKind {
        self.inner.kind()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn only_what_is_meant_to_work_is_judged() {
        for state in [
            ServiceState::Starting { timed_out: false },
            ServiceState::Stopping,
            ServiceState::Stopped { by: Some(StoppedBy::Person) },
            ServiceState::Stopped { by: None },
        ] {
            assert!(reason(&ServiceView::example(state.clone())).is_some(), "{state:?}");
        }
        for state in [ServiceState::Ready, ServiceState::Starting { timed_out: true }] {
            assert_eq!(reason(&ServiceView::example(state.clone())), None, "{state:?}");
        }
        let mut overdue = ServiceView::example(ServiceState::Stopping);
        overdue.stop_limit = Duration::ZERO;
        assert_eq!(reason(&overdue), None, "it would never be told");
    }
}
