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

/// What comes next. After giving up, the first rung is tried again and again, as slowly as the limits say: a service that could not start
/// because of something else should not need a person when that is over.
#[must_use]
pub(super) fn next(incident: &Incident, policy: &HealPolicy) -> Next {
    if policy.ladder.is_empty() {
        return Next::Nothing;
    }
    match incident.state {
        IncidentState::Open if incident.rung < policy.ladder.len() => Next::Try(incident.rung),
        IncidentState::Open => Next::GiveUp,
        IncidentState::GivenUp => Next::Try(0),
        IncidentState::Healing | IncidentState::Probation | IncidentState::Resolved => Next::Nothing,
    }
}

/// A rung was tried, and did not help.
pub(super) fn failed(incident: &mut Incident, policy: &HealPolicy, rung: usize) {
    // Another rung than the next one is tried after giving up, or by a person: that moves nothing.
    if rung != incident.rung {
        return;
    }
    incident.tries += 1;
    if policy.ladder.get(rung).is_none_or(|rung| incident.tries >= rung.tries) {
        skipped(incident, rung);
    }
}

/// A rung does not apply here, or may not be used.
pub(super) const fn skipped(incident: &mut Incident, rung: usize) {
    if rung == incident.rung {
        incident.rung += 1;
        incident.tries = 0;
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::model::{CheckId, RemedyId, Status};

    #[test]
    fn each_rung_is_tried_as_often_as_it_says_and_then_the_first_one_again() {
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
                        skipped(&mut incident, rung);
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
        for _ in 0..5 {
            assert_eq!(next(&incident, &policy), Next::Try(0));
            failed(&mut incident, &policy, 0);
        }
        incident.begin_ladder();
        incident.become_state(IncidentState::Open, at, "a person says so").unwrap();
        assert_eq!(next(&incident, &policy), Next::Try(0));
        assert_eq!(next(&incident, &HealPolicy::default()), Next::Nothing);
    }
}
