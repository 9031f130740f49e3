//! When what is watched has shown that it works. Pure.

use std::time::Duration;

use jiff::Timestamp;

use super::Status;
use super::view::{CheckView, Snapshot};

impl Snapshot {
    /// Whether it is shown that a change did no harm which was made at `changed`: all checks have been healthy for `lasting`, each by itself and
    /// not because somebody muted it, each has run since, and so long is the change ago. Where nothing is watched nothing is shown.
    ///
    /// ```
    /// use std::time::Duration;
    /// use jiff::Timestamp;
    /// use stratheal_core::model::view::Snapshot;
    /// let now = Timestamp::from_second(1_000).unwrap();
    /// assert!(!Snapshot::new(now, 0, Vec::new()).is_proven(now, Duration::ZERO));
    /// ```
    #[must_use]
    pub fn is_proven(&self, changed: Timestamp, lasting: Duration) -> bool {
        let has_lasted =
            |since: Timestamp| Duration::try_from(self.at.duration_since(since)).is_ok_and(|time| time >= lasting);
        let is_shown = |check: &CheckView| {
            let ran = check.last.as_ref().is_some_and(|last| last.started > changed);
            check.status == Status::Healthy && check.muted.is_none() && !check.stale && ran && has_lasted(check.since)
        };
        !self.checks.is_empty() && has_lasted(changed) && self.checks.iter().all(|check| is_shown(check))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::view::{Execution, Muted, Outcome, Phase};
    use crate::model::{CheckId, CheckSpec, Report};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    type Change = fn(&mut CheckView);

    /// A check that has been healthy since 50, and ran at 980.
    fn check(id: &str) -> CheckView {
        let last = Execution {
            started: at(980),
            duration: Duration::ZERO,
            late_by: Duration::ZERO,
            outcome: Outcome::Done,
            report: Report::healthy("fine"),
        };
        CheckView {
            id: CheckId::new(id).unwrap(),
            status: Status::Healthy,
            hard: Status::Healthy,
            phase: Phase::Hard,
            since: at(50),
            flapping: false,
            stale: false,
            proven: true,
            muted: None,
            spec: Arc::new(CheckSpec::every(Duration::from_secs(10))),
            last: Some(Arc::new(last)),
            runs: 1,
            skipped: 0,
            next: None,
        }
    }

    #[test]
    fn all_have_to_be_healthy_by_themselves_for_long_enough_after_the_change() {
        let healthy = || check("web");
        let seen = |checks: Vec<CheckView>| Snapshot::new(at(1_000), 0, checks.into_iter().map(Arc::new).collect());
        let holds = |checks, changed| seen(checks).is_proven(at(changed), Duration::from_mins(10));
        assert!(holds(vec![healthy()], 300));
        assert!(seen(vec![healthy()]).is_proven(at(300), Duration::ZERO));
        assert!(!holds(vec![healthy()], 500), "it was changed a moment ago");
        assert!(!holds(vec![healthy()], 990), "nobody has looked since");
        assert!(!holds(vec![healthy()], 2_000), "a clock was set back");
        for change in [
            (|one| one.status = Status::Warning) as Change,
            |one| one.since = at(900),
            |one| one.stale = true,
            |one| one.muted = Some(Muted::Maintenance),
            |one| one.last = None,
        ] {
            let mut other = check("other");
            change(&mut other);
            assert!(!holds(vec![healthy(), other.clone()], 300), "{other:?}");
        }
    }
}
