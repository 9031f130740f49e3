//! What becomes of incidents, told as it happens.

use std::collections::BTreeMap;
use std::time::Duration;

use stratheal_core::control::{ControlError, Request, Response};
use stratheal_core::healing::{Answer, HealingView, Prospect, files};
use stratheal_core::model::CheckId;
use stratheal_core::model::incident::{Incident, IncidentState};
use stratheal_core::model::report::printable;
use tokio::time::{Instant, sleep};

use crate::conversation::Conversation;
use crate::failure::Failure;
use crate::output;

/// How often it is looked.
const LOOK: Duration = Duration::from_millis(100);
/// How long nothing is done about an incident before it is asked why.
const IDLE: Duration = Duration::from_secs(2);

/// How it ended for an incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The check passes.
    Works,
    /// Nothing more is done about it now, and why.
    Broken(String),
}

/// An incident that is followed.
#[derive(Debug)]
struct Followed {
    incident: Incident,
    /// So many lines of its timeline are known.
    lines: u64,
    /// Since when nothing is under way.
    idle: Option<Instant>,
    outcome: Option<Outcome>,
}

/// Incidents that are followed until nothing more happens.
#[derive(Debug)]
pub(super) struct Follow {
    check: Option<CheckId>,
    quiet: bool,
    followed: BTreeMap<u64, Followed>,
}

impl Follow {
    /// Of one check, or of all that are broken, also those that turn up meanwhile.
    pub(super) async fn begin(
        conversation: &mut Conversation,
        check: Option<CheckId>,
        quiet: bool,
    ) -> Result<Self, Failure> {
        let mut follow = Self { check, quiet, followed: BTreeMap::new() };
        let view = ask(conversation).await?;
        follow.take_in(&view)?;
        Ok(follow)
    }

    /// Whether there is nothing to follow.
    pub(super) fn is_empty(&self) -> bool {
        self.followed.is_empty()
    }

    pub(super) fn incidents(&self) -> Vec<&Incident> {
        self.followed.values().map(|followed| &followed.incident).collect()
    }

    /// What became of each.
    pub(super) fn outcomes(&self) -> impl Iterator<Item = (&Incident, &Outcome)> {
        self.followed.values().filter_map(|followed| Some((&followed.incident, followed.outcome.as_ref()?)))
    }

    /// Waits until each works or nothing more is done about it, or until the deadline.
    pub(super) async fn until_settled(
        &mut self,
        conversation: &mut Conversation,
        deadline: Instant,
    ) -> Result<(), Failure> {
        loop {
            let view = ask(conversation).await?;
            self.take_in(&view)?;
            let numbers: Vec<u64> = self.followed.keys().copied().collect();
            for number in numbers {
                self.step(number, &view, conversation, deadline).await?;
            }
            if self.followed.values().all(|followed| followed.outcome.is_some()) {
                return Ok(());
            }
            sleep(LOOK).await;
        }
    }

    fn take_in(&mut self, view: &HealingView) -> Result<(), Failure> {
        let is_meant = |incident: &&Incident| self.check.as_ref().is_none_or(|check| incident.check == *check);
        let new: Vec<&Incident> = view.incidents.iter().filter(is_meant).collect();
        for incident in new {
            if self.followed.contains_key(&incident.number) {
                continue;
            }
            if !self.quiet {
                let (number, summary) = (incident.number, printable(&incident.summary));
                output::print(&format!("{}: incident {number}: {summary}", incident.check))?;
            }
            let followed = Followed { incident: incident.clone(), lines: lines(incident), idle: None, outcome: None };
            self.followed.insert(incident.number, followed);
        }
        Ok(())
    }

    async fn step(
        &mut self,
        number: u64,
        view: &HealingView,
        conversation: &mut Conversation,
        deadline: Instant,
    ) -> Result<(), Failure> {
        let quiet = self.quiet;
        let Some(followed) = self.followed.get_mut(&number).filter(|followed| followed.outcome.is_none()) else {
            return Ok(());
        };
        match view.incidents.iter().find(|incident| incident.number == number) {
            Some(incident) => followed.incident = incident.clone(),
            // It is over; how it ended is on record.
            None => match files::read(conversation.state(), number) {
                Ok(Some(incident)) => followed.incident = incident,
                Ok(None) | Err(_) => followed.incident.state = IncidentState::Resolved,
            },
        }
        if !quiet {
            followed.tell()?;
        }
        let is_idle = followed.is_idle();
        followed.outcome = match followed.incident.state {
            IncidentState::Resolved => Some(Outcome::Works),
            // A monitor that goes on looks at it.
            IncidentState::Probation if !conversation.is_own() => Some(Outcome::Works),
            IncidentState::GivenUp => Some(Outcome::Broken("everything was tried".to_owned())),
            IncidentState::Open if is_idle => {
                let check = followed.incident.check.clone();
                match conversation.ask(&Request::Prospect { check }).await? {
                    Response::Prospect(prospect) => stands_in_the_way(&prospect, view, deadline).map(Outcome::Broken),
                    _ => return Err(ControlError::Protocol.into()),
                }
            }
            _ => None,
        };
        if followed.outcome.is_none() && Instant::now() >= deadline {
            followed.outcome = Some(Outcome::Broken(match followed.incident.state {
                IncidentState::Probation => "it passes, and the time was over before that had lasted".to_owned(),
                state => format!("it is {}, and the time is over", state.as_str()),
            }));
        }
        Ok(())
    }
}

impl Followed {
    /// Says what is new.
    fn tell(&mut self) -> Result<(), Failure> {
        let timeline = &self.incident.timeline;
        let now = lines(&self.incident);
        let new = usize::try_from(now.saturating_sub(self.lines)).unwrap_or(usize::MAX).min(timeline.len());
        self.lines = now;
        for entry in &timeline[timeline.len() - new..] {
            output::print(&format!("{}: {:<9} {}", self.incident.check, entry.what, printable(&entry.text)))?;
        }
        Ok(())
    }

    /// Whether nothing has been done about it for a while, once for each such while.
    fn is_idle(&mut self) -> bool {
        let now = Instant::now();
        let since = self.idle.filter(|_| self.incident.state == IncidentState::Open);
        let is_idle = since.is_some_and(|since| now.saturating_duration_since(since) >= IDLE);
        self.idle = since.filter(|_| !is_idle).or(Some(now));
        is_idle
    }
}

/// How many lines its timeline has ever had.
fn lines(incident: &Incident) -> u64 {
    incident.left_out + incident.timeline.len() as u64
}

pub(super) async fn ask(conversation: &mut Conversation) -> Result<HealingView, Failure> {
    match conversation.ask(&Request::Healing).await? {
        Response::Healing(view) => Ok(*view),
        _ => Err(ControlError::Protocol.into()),
    }
}

/// Why nothing will be done about it before the deadline, if so.
fn stands_in_the_way(prospect: &Prospect, view: &HealingView, deadline: Instant) -> Option<String> {
    let left = deadline.saturating_duration_since(Instant::now());
    if prospect.rungs.is_empty() {
        return Some(format!("nothing is configured to heal it: [heal.{}] names a ladder", prospect.check));
    }
    let next = prospect.rungs.iter().find(|rung| rung.is_next)?;
    let approval = view.approvals.iter().find(|waits| waits.check == prospect.check && waits.remedy == next.remedy);
    let closed = next.gates.iter().find(|gate| match gate.answer {
        // Nobody waits for a window, or for the end of a pause.
        Answer::Wait { time } => time > left || matches!(gate.name.as_str(), "window" | "pause"),
        // Until the plan is there, nobody can be asked.
        Answer::Ask => approval.is_some(),
        // A rung that is refused is left out, and the next one is tried; but what does not fail by itself is not healed.
        Answer::Refuse => gate.name == "failing",
        Answer::Pass => false,
    })?;
    let how = approval.filter(|_| closed.answer == Answer::Ask).map_or_else(
        || format!("`stratheal heal why {}` says all that stands in the way", prospect.check),
        |waits| format!("`stratheal heal --plan` shows the plan, `stratheal heal approve {}` approves it", waits.token),
    );
    Some(format!("{}: {}; {how}", next.remedy, closed.why))
}
