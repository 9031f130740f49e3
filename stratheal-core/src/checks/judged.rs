//! [`Judged`]: a check made of a measuring and the conditions it is judged by.

use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use serde_json::{Map, Value};

use super::{Active, Conditions, judge};
use crate::contract::{CheckContext, CheckError, CheckKind, HealthCheck};
use crate::model::{CheckId, Report};

/// One measuring, without thresholds. [`Judged`] makes a check of it.
///
/// # Cancellation
/// As for [`HealthCheck`]: the future may be dropped at any `.await` and must leave nothing behind.
#[async_trait]
pub trait Measure: Debug + Send + Sync + 'static {
    /// What it uses, so that the engine can bound how many of a kind run at the same time.
    fn kind(&self) -> CheckKind;

    /// Told once, before the first run, by which conditions it will be judged, so that it need not supply a fact that none of
    /// them names. Without this call it supplies all.
    fn prepare(&mut self, conditions: &Conditions) {
        let _ = conditions;
    }

    /// Measures once.
    ///
    /// # Errors
    /// [`CheckError`] when it could not be measured. A broken target is no error but a Critical report.
    async fn measure(&self, cx: &CheckContext) -> Result<Measurement, CheckError>;
}

/// What one measuring found, before it is judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Measurement {
    /// The measuring's own verdict (Healthy unless something is plainly broken), its metrics and its sentence.
    pub report: Report,
    /// Further things that conditions may name, such as a status or a parsed body. They are not kept.
    pub facts: Map<String, Value>,
}

impl Measurement {
    /// A measurement without facts.
    #[must_use]
    pub fn new(report: Report) -> Self {
        Self { report, facts: Map::new() }
    }

    /// Adds a fact.
    #[must_use]
    pub fn fact(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.facts.insert(name.into(), value.into());
        self
    }
}

impl From<Report> for Measurement {
    fn from(report: Report) -> Self {
        Self::new(report)
    }
}

macro_rules! forward {
    ($wrapper:ident $(, $method:item)?) => {
        #[async_trait]
        impl<M: Measure + ?Sized> Measure for $wrapper<M> {
            fn kind(&self) -> CheckKind {
                self.as_ref().kind()
            }

            $($method)?

            async fn measure(&self, cx: &CheckContext) -> Result<Measurement, CheckError> {
                self.as_ref().measure(cx).await
            }
        }
    };
}
// What is behind an `Arc` may be shared with others, so it cannot be told of these conditions.
forward!(Arc);
forward!(
    Box,
    fn prepare(&mut self, conditions: &Conditions) {
        self.as_mut().prepare(conditions);
    }
);

/// A check: what `M` measures, judged by [`Conditions`].
///
/// Between the runs of a monitor it remembers which conditions with a `clear` hold. A single run has no memory, so there the
/// enter threshold decides.
///
/// ```
/// use async_trait::async_trait;
/// use stratheal_core::checks::{Conditions, Judged, Measure, Measurement};
/// use stratheal_core::contract::{CheckContext, CheckError, CheckKind};
/// use stratheal_core::model::{CheckId, Metric, Report, Unit};
///
/// #[derive(Debug)]
/// struct Queue;
///
/// #[async_trait]
/// impl Measure for Queue {
///     fn kind(&self) -> CheckKind {
///         CheckKind::Custom
///     }
///
///     async fn measure(&self, _cx: &CheckContext) -> Result<Measurement, CheckError> {
///         Ok(Report::healthy("queue moves").metric(Metric::new("depth", 12.0, Unit::Number)).into())
///     }
/// }
///
/// let conditions = Conditions::default().warn("depth > 100 clear 50".parse().unwrap());
/// let check = Judged::new(CheckId::new("queue").unwrap(), Queue, conditions);
/// ```
#[derive(Debug)]
pub struct Judged<M> {
    id: CheckId,
    measure: M,
    conditions: Conditions,
    active: Mutex<Active>,
}

impl<M: Measure> Judged<M> {
    /// A check with this name.
    pub fn new(id: CheckId, mut measure: M, conditions: Conditions) -> Self {
        measure.prepare(&conditions);
        Self { id, measure, conditions, active: Mutex::default() }
    }

    /// What it is judged by.
    #[must_use]
    pub const fn conditions(&self) -> &Conditions {
        &self.conditions
    }
}

#[async_trait]
impl<M: Measure> HealthCheck for Judged<M> {
    fn id(&self) -> &CheckId {
        &self.id
    }

    async fn check(&self, cx: &CheckContext) -> Result<Report, CheckError> {
        let measurement = self.measure.measure(cx).await?;
        if self.conditions.is_empty() {
            return Ok(measurement.report);
        }
        if cx.one_shot {
            return Ok(judge(&self.conditions, &measurement, &Active::default()).0);
        }
        // Judging cannot panic half-way through a change, so a poisoned lock holds nothing broken.
        let mut active = self.active.lock().unwrap_or_else(PoisonError::into_inner);
        let (report, next) = judge(&self.conditions, &measurement, &active);
        *active = next;
        Ok(report)
    }

    fn kind(&self) -> CheckKind {
        self.measure.kind()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use super::*;
    use crate::base::blocking::BlockingPool;
    use crate::model::{Metric, Status, Unit};

    /// Each run measures the next of these values; `None` cannot be measured.
    #[derive(Debug)]
    struct Sequence {
        values: Vec<Option<f64>>,
        next: AtomicU64,
        told: bool,
    }

    #[async_trait]
    impl Measure for Sequence {
        fn kind(&self) -> CheckKind {
            CheckKind::Host
        }

        fn prepare(&mut self, conditions: &Conditions) {
            self.told = conditions.name("used");
        }

        async fn measure(&self, _cx: &CheckContext) -> Result<Measurement, CheckError> {
            assert!(self.told);
            let value = self.values[self.next.fetch_add(1, Ordering::SeqCst) as usize];
            let value = value.ok_or_else(|| CheckError::other("no value"))?;
            Ok(Report::healthy("fine").metric(Metric::new("used", value, Unit::Percent)).into())
        }
    }

    async fn statuses(values: &[Option<f64>], one_shot: bool) -> Vec<Option<Status>> {
        let values = Sequence { values: values.to_vec(), next: AtomicU64::new(0), told: false };
        let conditions = Conditions::default().crit("used > 85% clear 80%".parse().unwrap());
        let runs = values.values.len();
        let check = Judged::new(CheckId::new("disk").unwrap(), Box::new(values), conditions);
        assert_eq!(check.kind(), CheckKind::Host);
        let deadline = tokio::time::Instant::now() + Duration::from_secs(5);
        let cx = CheckContext::new(deadline, None, one_shot, BlockingPool::new(1));
        let mut found = Vec::new();
        for _ in 0..runs {
            found.push(check.check(&cx).await.ok().map(|report| report.status));
        }
        found
    }

    #[tokio::test]
    async fn a_monitor_remembers_and_a_single_run_does_not() {
        const VALUES: [Option<f64>; 5] = [Some(82.0), Some(90.0), None, Some(82.0), Some(80.0)];
        let (critical, healthy) = (Some(Status::Critical), Some(Status::Healthy));
        assert_eq!(statuses(&VALUES, false).await, [healthy, critical, None, critical, healthy]);
        assert_eq!(statuses(&VALUES, true).await, [healthy, critical, None, healthy, healthy]);
    }
}
