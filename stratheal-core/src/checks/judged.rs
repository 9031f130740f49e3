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
    ($wrapper:ident) => {
        #[async_trait]
        impl<M: Measure + ?Sized> Measure for $wrapper<M> {
            fn kind(&self) -> CheckKind {
                self.as_ref().kind()
            }

            async fn measure(&self, cx: &CheckContext) -> Result<Measurement, CheckError> {
                self.as_ref().measure(cx).await
            }
        }
    };
}
forward!(Arc);
forward!(Box);

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
    pub fn new(id: CheckId, measure: M, conditions: Conditions) -> Self {
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
