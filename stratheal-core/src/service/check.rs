//! The check `service/NAME`: whether a service is as it shall be.

use async_trait::async_trait;

use super::state::{ServiceState, StoppedBy};
use super::supervisor::{ServiceView, ServicesHandle};
use crate::contract::{CheckContext, CheckError, CheckKind, HealthCheck};
use crate::model::{CheckId, Hint, InvalidId, Metric, RemedyId, Report, ServiceId, Unit};

/// The name of the check of a service, and of what whoever works on it holds: `service/NAME`.
#[must_use]
pub fn name_of(service: &str) -> String {
    format!("service/{service}")
}

/// The check of a service.
///
/// # Errors
/// [`InvalidId`] when the service's name is so long that `service/NAME` is none.
pub fn id_of(service: &ServiceId) -> Result<CheckId, InvalidId> {
    CheckId::new(&name_of(service.as_str()))
}

/// The remedy that may help.
const REMEDY: &str = "restart-service";

/// Whether a service runs. It looks at what the supervisor knows, and so never takes time.
#[derive(Debug)]
pub struct ServiceAlive {
    id: CheckId,
    service: ServiceId,
    services: ServicesHandle,
}

impl ServiceAlive {
    /// The check of a service.
    ///
    /// # Errors
    /// As for [`id_of`].
    pub fn new(service: ServiceId, services: ServicesHandle) -> Result<Self, InvalidId> {
        Ok(Self { id: id_of(&service)?, service, services })
    }
}

#[async_trait]
impl HealthCheck for ServiceAlive {
    fn id(&self) -> &CheckId {
        &self.id
    }

    async fn check(&self, _cx: &CheckContext) -> Result<Report, CheckError> {
        if !self.services.is_running() {
            return Err(CheckError::other("the supervisor of services has stopped"));
        }
        let unsupported = || CheckError::Setup {
            what: format!("the service `{}`", self.service),
            problem: "it is not described".to_owned(),
        };
        let view = self.services.view(self.service.as_str()).ok_or_else(unsupported)?;
        Ok(judge(&view))
    }

    fn kind(&self) -> CheckKind {
        CheckKind::Custom
    }
}

/// Judges a view.
fn judge(view: &ServiceView) -> Report {
    let report = match (&view.doubt, &view.state) {
        (Some(why), _) => Report::unknown(format!("cannot be asked how it is: {why}")).code("not-known"),
        (None, state) => of_state(view, state),
    };
    report
        .metric(Metric::seconds("age", view.age()))
        .metric(Metric::new("restarts", view.restarts as f64, Unit::Counter).min(0.0))
}

fn of_state(view: &ServiceView, state: &ServiceState) -> Report {
    let restart = |report: Report, text: &str| {
        let mut report = report.hint(text.to_owned());
        report.hint = report.hint.map(|hint| {
            let remedy = RemedyId::new(REMEDY).ok();
            Box::new(Hint { remedy, ..*hint })
        });
        report
    };
    match state {
        ServiceState::Ready => Report::healthy(match view.pid {
            Some(pid) => format!("runs as process {pid}"),
            None => "runs".to_owned(),
        }),
        ServiceState::Starting { timed_out: false } => Report::healthy("starting").code("starting"),
        ServiceState::Starting { timed_out: true } => {
            let limit = view.start_timeout.as_secs_f64();
            let report = Report::critical(format!("is not ready after {limit:.0} s")).code("start-timed-out");
            restart(report, "look into its log for what it waits for, or restart it")
        }
        // What it waits for reports for itself, and whoever depends on both should not be told twice.
        ServiceState::Waiting { on } => {
            let names: Vec<&str> = on.iter().map(ServiceId::as_str).collect();
            Report::unknown(format!("waits for {}", names.join(", ")))
                .code("waiting")
                .hint("see how the services are that it waits for")
        }
        ServiceState::Stopping if view.is_stop_overdue() => {
            let limit = view.stop_limit.as_secs_f64();
            Report::critical(format!("is not stopped after {limit:.0} s")).code("stop-timed-out").hint(
                "its keeper, or the service manager, does not answer: look into keeper.log, and for a disk that hangs",
            )
        }
        ServiceState::Stopping => Report::healthy("is being stopped").code("stopping"),
        ServiceState::Stopped { by: Some(StoppedBy::Person) } => Report::healthy("stopped by a person").code("stopped"),
        ServiceState::Stopped { .. } => Report::healthy("not started").code("stopped"),
        ServiceState::Ended { ending } => {
            restart(Report::critical(ending.to_string()).code("ended"), "look into its log, and restart it")
        }
        ServiceState::Failed { why } => {
            restart(Report::critical(why.clone()).code("not-started"), "put right what is missing, and start it again")
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;

    use super::super::ending::{Ending, How};
    use super::*;
    use crate::model::Status;

    #[test]
    fn each_state_has_its_report() {
        let ending = Ending { how: How::Signalled(11), ..Ending::unseen(Timestamp::UNIX_EPOCH) };
        let on = vec![ServiceId::new("db").unwrap()];
        for (state, status, code, summary) in [
            (ServiceState::Ready, Status::Healthy, "ok", "runs as process 7"),
            (ServiceState::Starting { timed_out: false }, Status::Healthy, "starting", "starting"),
            (
                ServiceState::Starting { timed_out: true },
                Status::Critical,
                "start-timed-out",
                "is not ready after 60 s",
            ),
            (ServiceState::Waiting { on }, Status::Unknown, "waiting", "waits for db"),
            (ServiceState::Stopped { by: Some(StoppedBy::Person) }, Status::Healthy, "stopped", "stopped by a person"),
            (ServiceState::Ended { ending }, Status::Critical, "ended", "ended by signal SEGV"),
            (ServiceState::Failed { why: "no program".into() }, Status::Critical, "not-started", "no program"),
        ] {
            let view = ServiceView::example(state);
            let report = judge(&view);
            assert_eq!((report.status, &*report.code, &*report.summary), (status, code, summary));
            assert_eq!(report.value("restarts"), Some(2.0));
            let remedy = report.hint.as_ref().and_then(|hint| hint.remedy.as_ref());
            assert_eq!(remedy.is_some(), status == Status::Critical, "{report:?}");
        }
        let mut overdue = ServiceView::example(ServiceState::Stopping);
        overdue.stop_limit = Duration::ZERO;
        assert_eq!((judge(&overdue).status, &*judge(&overdue).code), (Status::Critical, "stop-timed-out"));
        let mut mute = ServiceView::example(ServiceState::Ready);
        mute.doubt = Some("no bus".to_owned());
        assert_eq!((judge(&mute).status, &*judge(&mute).code), (Status::Unknown, "not-known"));
    }
}
