//! How long the event loop of the application lets others wait.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use stratheal_core::checks::{Judged, Measure, Measurement};
use stratheal_core::config::check_settings;
use stratheal_core::contract::{CheckContext, CheckError, CheckKind};
use stratheal_core::engine::Registration;
use stratheal_core::model::{Metric, Report};

use crate::dispatch::Dispatcher;

/// The name of the check.
pub(crate) const NAME: &str = "event-loop";

/// Asks the loop to answer, and measures how long that takes.
#[derive(Debug)]
struct LoopLag(Arc<Dispatcher>);

#[async_trait]
impl Measure for LoopLag {
    fn kind(&self) -> CheckKind {
        CheckKind::Load
    }

    async fn measure(&self, cx: &CheckContext) -> Result<Measurement, CheckError> {
        let deadline = cx.deadline - (cx.remaining() / 20).min(Duration::from_millis(100));
        let Some(lag) = self.0.lag(deadline).await? else {
            let report = Report::warning(format!("has not answered for {:.1} s", cx.timeout.as_secs_f64()));
            let hint = "something in the application blocks its event loop: a debugger, or `loop.slow_callback_duration` in \
                        asyncio's debug mode, names it";
            return Ok(report.code("blocked").hint(hint).metric(Metric::seconds("lag", cx.timeout)).into());
        };
        let text = format!("answers after {:.1} ms", lag.as_secs_f64() * 1e3);
        Ok(Report::healthy(text).metric(Metric::seconds("lag", lag)).into())
    }
}

/// The check of the loop that a dispatcher is bound to: a Warning above a tenth of a second.
pub(crate) fn registration(dispatcher: Arc<Dispatcher>) -> Option<Registration> {
    let options = serde_json::json!({ "interval": "5s", "timeout": "2s", "warn_if": "lag > 100ms", "required": false });
    let settings = check_settings(NAME, options.as_object()?).ok()?;
    let judged = Judged::new(settings.id, LoopLag(dispatcher), settings.conditions);
    Some(Registration::new(judged, settings.spec).on_scheduler())
}
