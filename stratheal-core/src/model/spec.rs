//! When and how a check runs and what its results mean: everything but the check itself.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::window::Window;
use super::{CheckId, Hint, Status};

/// Which Kubernetes-style probe a check takes part in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Probe {
    /// Has it come up? Until every startup check passed once, the other probes answer accordingly.
    Startup,
    /// Must it be restarted?
    Liveness,
    /// Can it take work?
    Readiness,
}

/// Another check that must work for this one to make sense.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dependency {
    /// The parent.
    pub on: CheckId,
    /// Parents of one group stand in for each other: the dependency fails only when all of the group fail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
}

/// How raw results become a state: debouncing in both directions, and flap detection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GatePolicy {
    /// So many results in a row must be bad before the state turns bad. From 1 to [`GatePolicy::MOST`].
    pub fail_after: u32,
    /// So many results in a row must be better before the state turns better. From 1 to [`GatePolicy::MOST`].
    pub recover_after: u32,
    /// Instead of a row of `fail_after`: `.0` bad results among the last `.1` (at most 64) turn the state bad.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<(u8, u8)>,
    /// Flapping begins at `high` percent of state changes and ends at `low`; `None` switches detection off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flap: Option<FlapPolicy>,
}

impl GatePolicy {
    /// The most results that are remembered, and so the most that can be asked for in a row.
    pub const MOST: u32 = 64;
}

/// When a check counts as flapping. Source: Icinga 2, "Check Flapping" (20 results, thresholds 25 and 30 percent).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FlapPolicy {
    /// Flapping ends below this, in percent of weighted changes.
    pub low: f64,
    /// Flapping begins above this.
    pub high: f64,
}

impl Default for FlapPolicy {
    fn default() -> Self {
        Self { low: 25.0, high: 30.0 }
    }
}

impl Default for GatePolicy {
    fn default() -> Self {
        Self { fail_after: 2, recover_after: 2, window: None, flap: Some(FlapPolicy::default()) }
    }
}

/// When a check runs and what its results mean. Share one `Arc<CheckSpec>` among many checks alike.
///
/// ```
/// use std::time::Duration;
/// use stratheal_core::model::CheckSpec;
/// let spec = CheckSpec::every(Duration::from_secs(10));
/// assert_eq!(spec.timeout, Duration::from_secs(5));
/// assert!(spec.validate().is_ok());
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckSpec {
    /// From start to start.
    #[serde(with = "crate::model::seconds")]
    pub interval: Duration,
    /// What one run may take.
    #[serde(with = "crate::model::seconds")]
    pub timeout: Duration,
    /// The interval while a change is being confirmed.
    #[serde(with = "crate::model::seconds")]
    pub retry_interval: Duration,
    /// How long after its registration the first run waits.
    #[serde(with = "crate::model::seconds")]
    pub initial_delay: Duration,
    /// A result older than this says nothing any more: the state becomes Unknown.
    #[serde(with = "crate::model::seconds")]
    pub stale_after: Duration,
    /// Debouncing.
    pub gate: GatePolicy,
    /// What a run that took too long means.
    pub on_timeout: Status,
    /// What a run that could not measure means.
    pub on_error: Status,
    /// Whether its Critical makes an aggregate Critical; otherwise it counts as a Warning there.
    pub required: bool,
    /// Words to select checks by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// The probes it takes part in.
    pub probes: Vec<Probe>,
    /// What it depends on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<Dependency>,
    /// When it may fail without anybody being told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub maintenance: Vec<Window>,
    /// What a person can do when it fails, unless the report says something better.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<Hint>,
}

/// A specification that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} {problem}")]
pub struct InvalidSpec {
    /// Which field.
    pub field: &'static str,
    /// What is wrong with it.
    pub problem: String,
}

impl CheckSpec {
    /// The shortest interval: below it a check mostly measures itself.
    pub const MIN_INTERVAL: Duration = Duration::from_millis(100);

    /// The defaults for an interval: time-out is half of it and at most 10 s, retries come three times as often (but
    /// not below a second), and a result is stale after two intervals and a time-out.
    #[must_use]
    pub fn every(interval: Duration) -> Self {
        let timeout = (interval / 2).min(Duration::from_secs(10));
        Self {
            interval,
            timeout,
            retry_interval: default_retry_interval(interval),
            initial_delay: Duration::ZERO,
            stale_after: default_stale_after(interval, timeout),
            gate: GatePolicy::default(),
            on_timeout: Status::Critical,
            on_error: Status::Unknown,
            required: true,
            tags: Vec::new(),
            probes: vec![Probe::Readiness],
            depends_on: Vec::new(),
            maintenance: Vec::new(),
            hint: None,
        }
    }

    /// Sets the time-out, and with it when a result is stale.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self.stale_after = default_stale_after(self.interval, timeout);
        self
    }

    /// Sets how many results in a row turn the state bad, and good again.
    #[must_use]
    pub fn confirm(mut self, fail_after: u32, recover_after: u32) -> Self {
        self.gate.fail_after = fail_after;
        self.gate.recover_after = recover_after;
        self
    }

    /// Adds a parent that must work.
    #[must_use]
    pub fn depends_on(mut self, parent: CheckId) -> Self {
        self.depends_on.push(Dependency { on: parent, group: None });
        self
    }

    /// Adds a tag.
    #[must_use]
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tags.push(tag.into());
        self
    }

    /// Makes the check optional: in an aggregate its Critical counts as a Warning.
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.required = false;
        self
    }

    /// Refuses what cannot work.
    ///
    /// # Errors
    /// [`InvalidSpec`] with the field and what is wrong.
    pub fn validate(&self) -> Result<(), InvalidSpec> {
        let invalid = |field, problem: &str| Err(InvalidSpec { field, problem: problem.to_owned() });
        if self.interval < Self::MIN_INTERVAL {
            return invalid("interval", "is below 100 ms");
        }
        if self.timeout.is_zero() {
            return invalid("timeout", "is zero");
        }
        if self.retry_interval < Self::MIN_INTERVAL || self.retry_interval > self.interval {
            return invalid("retry_interval", "is not between 100 ms and the interval");
        }
        if self.stale_after < self.interval {
            return invalid("stale_after", "is shorter than the interval");
        }
        let row = 1..=GatePolicy::MOST;
        if !row.contains(&self.gate.fail_after) {
            return invalid("fail_after", "is not between 1 and 64");
        }
        if !row.contains(&self.gate.recover_after) {
            return invalid("recover_after", "is not between 1 and 64");
        }
        if let Some((bad, of)) = self.gate.window
            && !(1..=64).contains(&of) | !(1..=of).contains(&bad)
        {
            return invalid("window", "is not X of Y with 1 <= X <= Y <= 64");
        }
        if let Some(flap) = self.gate.flap
            && !(0.0 < flap.low && flap.low <= flap.high && flap.high <= 100.0)
        {
            return invalid("flap", "is not 0 < low <= high <= 100");
        }
        Ok(())
    }
}

/// A third of the interval, at least a second, never more than the interval.
#[must_use]
pub fn default_retry_interval(interval: Duration) -> Duration {
    (interval / 3).max(Duration::from_secs(1)).min(interval)
}

/// Two intervals and a time-out.
#[must_use]
pub fn default_stale_after(interval: Duration, timeout: Duration) -> Duration {
    interval * 2 + timeout
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_is_remembered_cannot_be_asked_for() {
        let spec = |fail, recover| CheckSpec::every(Duration::from_secs(30)).confirm(fail, recover).validate();
        assert!(spec(64, 64).is_ok());
        for (fail, recover, field) in [(65, 2, "fail_after"), (2, 65, "recover_after"), (0, 2, "fail_after")] {
            assert_eq!(spec(fail, recover).map_err(|error| error.field), Err(field));
        }
    }
}
