//! What people are told: what happened, what was done about it, what to type next. Pure.

use std::fmt::Write;
use std::time::Duration;

use super::finish::seconds;
use super::ledger::PendingApproval;
use super::policy::{HealPolicy, Intensity};
use crate::model::attempt::{Attempt, Verdict};
use crate::model::incident::{Incident, Resolution};

/// A title and a text.
pub(super) struct Message {
    pub(super) title: String,
    pub(super) text: String,
}

/// Lines of a log or a timeline that a message shows.
const LINES: usize = 10;

pub(super) fn opened(incident: &Incident, policy: Option<&HealPolicy>) -> Message {
    let again = if incident.relapses > 0 { format!(" again (relapse {})", incident.relapses) } else { String::new() };
    let mut text = format!("{}: {}\n", incident.check, incident.summary);
    match policy.map(|policy| &policy.ladder) {
        Some(ladder) if !ladder.is_empty() => {
            let rungs: Vec<&str> = ladder.iter().map(|rung| rung.remedy.as_str()).collect();
            let _ = writeln!(text, "will be tried: {}", rungs.join(", "));
        }
        _ => text += "nothing is configured to heal this: a person has to look\n",
    }
    if !incident.suppressed.is_empty() {
        let names: Vec<&str> = incident.suppressed.iter().map(AsRef::as_ref).collect();
        let _ = writeln!(text, "fail because of it: {}", names.join(", "));
    }
    text += &look(incident);
    Message { title: format!("{} is down{again}: {}", incident.check, incident.summary), text }
}

pub(super) fn healed(incident: &Incident, attempt: &Attempt, took: Option<Duration>) -> Message {
    let took = took.map_or_else(String::new, |took| format!(" in {}", seconds(took)));
    let title = format!("{} works again: {}{took}", incident.check, attempt.remedy);
    let mut text = format!("{}, attempt {}: {}\n", attempt.remedy, incident.attempts, attempt.plan.summary);
    let _ = writeln!(text, "proven by {}, which failed before and has passed since", attempt.check);
    for receipt in attempt.receipts.iter().flatten() {
        let _ = writeln!(text, "{}", receipt.summary);
    }
    Message { title, text: text + &look(incident) }
}

pub(super) fn resolved(incident: &Incident) -> Message {
    let why = incident.resolution.as_ref().map(resolution).unwrap_or_default();
    Message { title: format!("{} works again: {why}", incident.check), text: look(incident) }
}

pub(super) fn given_up(incident: &Incident, policy: Option<&HealPolicy>) -> Message {
    let title = format!("{} could not be healed: a person has to look", incident.check);
    let mut text = format!("{}: {}\nwhat was tried:\n", incident.check, incident.summary);
    let skip = incident.timeline.len().saturating_sub(LINES);
    for line in incident.timeline.iter().skip(skip) {
        let _ = writeln!(text, "  {:.0} {}: {}", line.at, line.what, line.text);
    }
    for line in incident.evidence.log.iter().rev().take(LINES).rev() {
        let _ = writeln!(text, "  | {line}");
    }
    if policy.is_some_and(|policy| !policy.ladder.is_empty()) {
        text += "the same is tried again from time to time\n";
    }
    let _ = writeln!(text, "when the cause is gone: stratheal heal {}", incident.check);
    Message { title, text: text + &look(incident) }
}

pub(super) fn approval(incident: &Incident, approval: &PendingApproval) -> Message {
    let title = format!("{} waits for approval: {}", incident.check, approval.plan.summary);
    let mut text = String::new();
    for target in &approval.plan.targets {
        let count = target.count.map_or_else(String::new, |count| format!(" x {count}"));
        let _ = writeln!(text, "  {} {}{count}", target.kind, target.name);
    }
    for step in &approval.plan.steps {
        let undo = if step.undoable { "" } else { " (cannot be undone)" };
        let _ = writeln!(text, "  - {}{undo}", step.summary);
    }
    let _ = writeln!(text, "to have exactly this done: stratheal heal approve {}", approval.token);
    Message { title, text: text + &look(incident) }
}

pub(super) fn not_taken_back(incident: &Incident, attempt: &Attempt, verdict: &Verdict) -> Message {
    let title = format!("{}: {} left something half done", incident.check, attempt.remedy);
    Message { title, text: format!("{} {verdict}\n{}", attempt.remedy, look(incident)) }
}

pub(super) fn trouble(trouble: &str) -> Message {
    Message {
        title: "healing cannot write its journal".to_owned(),
        text: format!(
            "{trouble}\nonly restart-service and free-disk still act; make room, or give the state folder back\n"
        ),
    }
}

pub(super) fn exhaustion(intensity: Intensity, wait: Duration, waiting: &[String]) -> Message {
    let (most, per, wait) = (intensity.most, seconds(intensity.per), seconds(wait));
    Message {
        title: format!("healing has begun {most} attempts in {per}, and begins no more for {wait}"),
        text: format!(
            "something breaks again and again. It waits for: {}\nwhen the cause is gone: stratheal heal\n\
             what was tried: stratheal incidents, stratheal audit\n",
            waiting.join(", ")
        ),
    }
}

fn look(incident: &Incident) -> String {
    format!("more: stratheal incidents show {}\n", incident.number)
}

/// Why it works again, in a few words.
pub(super) fn resolution(resolution: &Resolution) -> String {
    match resolution {
        Resolution::Remedy { remedy } => format!("healed by {remedy}"),
        Resolution::Itself => "by itself".to_owned(),
        Resolution::Gone { why } => why.clone(),
    }
}
