//! Something broke: from the moment it was sure until it works again.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{CheckId, RemedyId, Status};

/// Where an incident stands.
///
/// ```text
/// open -> healing -> probation -> resolved
///   ^        |          |            |
///   +--------+----------+------------+     not healed, relapsed, reopened
///   +-> given-up -> healing ...            a person has to look; the ladder is gone through again, slowly
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IncidentState {
    /// It is broken, and nothing is being done at the moment: something is waited for.
    Open,
    /// A remedy is at work.
    Healing,
    /// It works again since a remedy; whether that lasts is being watched.
    Probation,
    /// The ladder has come to its end without success, and a person was told.
    GivenUp,
    /// It works again.
    Resolved,
}

impl IncidentState {
    /// The word for people and programs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Healing => "healing",
            Self::Probation => "probation",
            Self::GivenUp => "given-up",
            Self::Resolved => "resolved",
        }
    }

    /// Whether it is over.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Resolved)
    }

    /// Whether one may come right after the other.
    #[must_use]
    pub const fn may_become(self, next: Self) -> bool {
        use IncidentState::{GivenUp, Healing, Open, Probation, Resolved};
        match (self, next) {
            (Open, Healing | GivenUp | Resolved)
            | (Healing, Open | Probation | GivenUp | Resolved)
            | (Probation, Open | GivenUp | Resolved)
            | (GivenUp, Healing | Open | Resolved)
            | (Resolved, Open) => true,
            (Open | Healing | Probation | GivenUp | Resolved, _) => false,
        }
    }
}

/// Why something works again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "by")]
pub enum Resolution {
    /// A remedy, shown by the check that had failed.
    Remedy {
        /// Which.
        remedy: RemedyId,
    },
    /// Nothing that this program did.
    Itself,
    /// The check is not there any more, or what it watches was stopped by a person.
    Gone {
        /// What happened.
        why: String,
    },
}

/// A line of what happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimelineEntry {
    /// When.
    pub at: Timestamp,
    /// A word for programs, such as `opened`, `attempt`, `healed`, `acknowledged`.
    pub what: String,
    /// One line for people.
    pub text: String,
}

/// Who has taken care of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledgement {
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// What they said.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// What was seen when it broke, for whoever looks later. Redacted where it was taken.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Evidence {
    /// What the check said and measured, as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<serde_json::Value>,
    /// The last lines of a service's log.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<String>,
    /// Other facts, each with a name: the exit status, what changed since the last good state, who fills the disk.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<Fact>,
}

/// A named fact, of one line or several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// What it is.
    pub name: String,
    /// The fact.
    pub text: String,
}

impl Fact {
    /// A fact.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into() }
    }
}

/// Something broke. There is one for each root cause; what fails because of it is listed, not alarmed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// Counts up from 1.
    pub number: u64,
    /// The check that failed.
    pub check: CheckId,
    /// Where it stands.
    pub state: IncidentState,
    /// How bad it is, or was at last.
    pub status: Status,
    /// What the check said when it failed.
    pub summary: String,
    /// When it was sure.
    pub opened: Timestamp,
    /// When it worked again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved: Option<Timestamp>,
    /// Why it works again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolution: Option<Resolution>,
    /// How often it broke again shortly after it had worked.
    pub relapses: u32,
    /// The rung of the ladder that is next, from 0.
    pub rung: usize,
    /// How often that rung was tried.
    pub tries: u32,
    /// Attempts to heal it so far.
    pub attempts: u32,
    /// Checks that fail because of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suppressed: Vec<CheckId>,
    /// Who has taken care of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<Acknowledgement>,
    /// What happened, oldest first.
    pub timeline: Vec<TimelineEntry>,
    /// How many lines of the middle were left out because there were too many.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left_out: u64,
    /// What was seen when it broke. Shared: an incident is looked at far more often than that changes.
    #[serde(default)]
    pub evidence: Arc<Evidence>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// An incident cannot go from one state to the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an incident that is {} cannot become {}", from.as_str(), to.as_str())]
pub struct IllegalChange {
    from: IncidentState,
    to: IncidentState,
}

impl Incident {
    /// The most lines of the timeline that are kept: the first [`Self::KEPT_FIRST`] and the newest.
    pub const MAX_TIMELINE: usize = 100;
    /// How it began is never forgotten.
    pub const KEPT_FIRST: usize = 20;

    /// Something broke.
    #[must_use]
    pub fn open(number: u64, check: CheckId, status: Status, summary: &str, at: Timestamp) -> Self {
        let mut incident = Self {
            number,
            check,
            state: IncidentState::Open,
            status,
            summary: summary.to_owned(),
            opened: at,
            resolved: None,
            resolution: None,
            relapses: 0,
            rung: 0,
            tries: 0,
            attempts: 0,
            suppressed: Vec::new(),
            acknowledged: None,
            timeline: Vec::new(),
            left_out: 0,
            evidence: Arc::default(),
        };
        incident.note(at, "opened", summary);
        incident
    }

    /// Goes to another state. The same state again is no change.
    ///
    /// # Errors
    /// [`IllegalChange`] when that makes no sense; nothing is changed then.
    pub fn become_state(&mut self, next: IncidentState, at: Timestamp, text: &str) -> Result<(), IllegalChange> {
        if self.state == next {
            return Ok(());
        }
        if !self.state.may_become(next) {
            return Err(IllegalChange { from: self.state, to: next });
        }
        if self.state.is_over() {
            self.relapses += 1;
            self.resolved = None;
            self.resolution = None;
            // Somebody has to look again.
            self.acknowledged = None;
        }
        self.state = next;
        if next.is_over() {
            self.resolved = Some(at);
            self.status = Status::Healthy;
        }
        self.note(at, next.as_str(), text);
        Ok(())
    }

    /// Adds a line to the timeline.
    pub fn note(&mut self, at: Timestamp, what: &str, text: impl Into<String>) {
        self.timeline.push(TimelineEntry { at, what: what.to_owned(), text: super::report::cut(&text.into(), 512) });
        if self.timeline.len() > Self::MAX_TIMELINE {
            self.timeline.remove(Self::KEPT_FIRST);
            self.left_out += 1;
        }
    }

    /// Forgets what was tried: the ladder begins anew.
    pub const fn begin_ladder(&mut self) {
        self.rung = 0;
        self.tries = 0;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn incident() -> Incident {
        Incident::open(1, CheckId::new("web").unwrap(), Status::Critical, "refused", at(0))
    }

    const ALL: [IncidentState; 5] = [
        IncidentState::Open,
        IncidentState::Healing,
        IncidentState::Probation,
        IncidentState::GivenUp,
        IncidentState::Resolved,
    ];

    #[test]
    fn a_relapse_after_it_was_resolved_is_the_same_incident_and_nobody_has_seen_it() {
        let mut incident = incident();
        incident.become_state(IncidentState::Healing, at(1), "restart").unwrap();
        incident.become_state(IncidentState::Probation, at(2), "works").unwrap();
        incident.acknowledged = Some(Acknowledgement { by: "me".into(), at: at(2), note: String::new() });
        incident.become_state(IncidentState::Resolved, at(3), "healed").unwrap();
        assert_eq!((incident.resolved, incident.status), (Some(at(3)), Status::Healthy));
        incident.become_state(IncidentState::Open, at(4), "again").unwrap();
        assert_eq!((incident.relapses, incident.resolved), (1, None));
        assert!(incident.acknowledged.is_none());
        assert!(incident.become_state(IncidentState::Probation, at(5), "").is_err(), "nothing was done");
    }

    proptest! {
        #[test]
        fn states_follow_the_picture_and_the_timeline_is_bounded(steps in prop::collection::vec(0_usize..5, 0..300)) {
            let mut incident = incident();
            for (second, step) in (1..).zip(steps) {
                let before = incident.clone();
                let allowed = before.state == ALL[step] || before.state.may_become(ALL[step]);
                prop_assert_eq!(incident.become_state(ALL[step], at(second), "text").is_ok(), allowed);
                if !allowed {
                    prop_assert_eq!(&incident, &before);
                }
                prop_assert_eq!(incident.state.is_over(), incident.resolved.is_some());
            }
            prop_assert!(incident.timeline.len() <= Incident::MAX_TIMELINE);
            prop_assert_eq!(&incident.timeline[0].what, "opened");
            let text = serde_json::to_string(&incident).unwrap();
            prop_assert_eq!(serde_json::from_str::<Incident>(&text).unwrap(), incident);
        }
    }
}
