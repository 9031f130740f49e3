//! Which rung is next. Pure.

use super::policy::HealPolicy;
use crate::model::incident::{Incident, IncidentState};

/// What to do about an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Try this rung.
    Try(usize),
    /// Nothing is left: say so.
    GiveUp,
    /// Nothing is to be done.
    Nothing,
}

/// What comes next. After giving up, the ladder is gone through again and again, as slowly as the limits say: what could not be healed
/// because of something else, such as an index that could not be reached, should not need a person when that is over.
#[must_use]
pub(super) fn next(incident: &Incident, policy: &HealPolicy) -> Next {
    if policy.ladder.is_empty() {
        return Next::Nothing;
    }
    match incident.state {
        IncidentState::Open if incident.rung < policy.ladder.len() => Next::Try(incident.rung),
        IncidentState::Open => Next::GiveUp,
        IncidentState::GivenUp => Next::Try(current(incident, policy)),
        IncidentState::Healing | IncidentState::Probation | IncidentState::Resolved => Next::Nothing,
    }
}

/// The rung that an incident stands on. The count goes on behind the end of the ladder, which is how it is known that it was reached.
pub(super) fn current(incident: &Incident, policy: &HealPolicy) -> usize {
    incident.rung % policy.ladder.len().max(1)
}

/// Whether the end of the ladder was reached.
pub(super) const fn is_at_end(incident: &Incident, policy: &HealPolicy) -> bool {
    incident.rung >= policy.ladder.len()
}

/// A rung was tried, and did not help.
pub(super) fn failed(incident: &mut Incident, policy: &HealPolicy, rung: usize) {
    // A person may have tried another one: that moves nothing.
    if rung != current(incident, policy) {
        return;
    }
    incident.tries = incident.tries.saturating_add(1);
    if policy.ladder.get(rung).is_none_or(|rung| incident.tries >= rung.tries) {
        skipped(incident, policy, rung);
    }
}

/// A rung does not apply here, or may not be used.
pub(super) fn skipped(incident: &mut Incident, policy: &HealPolicy, rung: usize) {
    if rung == current(incident, policy) {
        incident.rung = incident.rung.saturating_add(1);
        incident.tries = 0;
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::model::{CheckId, RemedyId, Status};

    #[test]
    fn each_rung_is_tried_as_often_as_it_says_and_then_all_of_them_again() {
        let id = |name: &str| RemedyId::new(name).unwrap();
        let policy = HealPolicy::ladder([id("restart-service/web"), id("repair"), id("rollback")]);
        let at = Timestamp::UNIX_EPOCH;
        let mut incident = Incident::open(1, CheckId::new("web").unwrap(), Status::Critical, "down", at);
        let mut tried = Vec::new();
        loop {
            match next(&incident, &policy) {
                Next::Try(rung) => {
                    tried.push(rung);
                    if rung == 1 {
                        skipped(&mut incident, &policy, rung);
                    } else {
                        failed(&mut incident, &policy, rung);
                    }
                }
                Next::GiveUp => break,
                Next::Nothing => unreachable!("it is open"),
            }
        }
        assert_eq!(tried, [0, 0, 0, 1, 2]);
        incident.become_state(IncidentState::GivenUp, at, "nothing left").unwrap();
        for rung in [0, 0, 0, 1, 2, 0, 0, 0, 1] {
            assert_eq!(next(&incident, &policy), Next::Try(rung));
            failed(&mut incident, &policy, rung);
            assert!(is_at_end(&incident, &policy));
        }
        incident.begin_ladder();
        incident.become_state(IncidentState::Open, at, "a person says so").unwrap();
        assert_eq!(next(&incident, &policy), Next::Try(0));
        assert_eq!(next(&incident, &HealPolicy::default()), Next::Nothing);
    }
}
