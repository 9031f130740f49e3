//! Whether a remedy may begin now. Pure: every gate answers, so that `heal why` can say all of what stands in the way at once.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ledger::Ledger;
use super::limits::{BREAKER_RULE, Limit, in_words, wait_for};
use super::policy::{Approval, GlobalLimits, HealPolicy, Rung};
use crate::base::stamp::Stamp;
use crate::model::Status;
use crate::model::attempt::Actor;
use crate::model::plan::{Plan, Risk};
use crate::model::view::{CheckView, Muted};

/// What still acts when nothing can be written down, because it is what ends that.
const WITHOUT_JOURNAL: [&str; 2] = ["restart-service", "free-disk"];
/// How long to wait for something whose end is not known.
const A_MOMENT: Duration = Duration::from_secs(1);
/// The same, for what may end at any time.
const A_LITTLE: Duration = Duration::from_millis(100);

/// What a gate says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "answer")]
pub enum Answer {
    /// Go on.
    Pass,
    /// Not yet.
    Wait {
        /// For so long, as far as is known.
        #[serde(with = "crate::model::seconds")]
        time: Duration,
    },
    /// A person has to say yes to the plan.
    Ask,
    /// Not by this way.
    Refuse,
}

/// One gate and its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gate {
    /// Which.
    pub name: String,
    /// What it says.
    #[serde(flatten)]
    pub answer: Answer,
    /// Why, for people.
    pub why: String,
}

/// Everything that is looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request<'a> {
    /// The state of the check; `None` when there is no such check any more.
    pub view: Option<&'a CheckView>,
    /// Results of it since this program started.
    pub fresh: u64,
    /// How long this program has been running.
    pub running_for: Duration,
    /// Its policy.
    pub policy: &'a HealPolicy,
    /// The rung.
    pub rung: &'a Rung,
    /// How much the remedy may break.
    pub risk: Risk,
    /// The plan and its hash, when there is one.
    pub plan: Option<(&'a Plan, &'a str)>,
    /// What is known.
    pub ledger: &'a Ledger,
    /// What holds for all.
    pub global: &'a GlobalLimits,
    /// Names of what others work on.
    pub busy: &'a [String],
    /// Attempts under way.
    pub under_way: usize,
    /// Why nothing can be written down, if so.
    pub trouble: Option<&'a str>,
    /// Why the check is not to be judged for now, if so.
    pub held: Option<&'a str>,
    /// Who wants it.
    pub by: &'a Actor,
    /// Now.
    pub now: &'a Stamp,
}

/// Asks every gate.
#[must_use]
pub(super) fn gates(request: &Request<'_>) -> Vec<Gate> {
    let mut gates = Vec::new();
    let mut add = |name: &str, (answer, why): (Answer, String)| gates.push(Gate { name: name.to_owned(), answer, why });
    // A person who runs a remedy has looked; what they cannot see is who else works on the same thing.
    if *request.by == Actor::Engine {
        add("failing", failing(request));
        add("held", held(request));
        add("fresh", fresh(request));
        add("pause", pause(request));
        add("window", window(request));
        add("risk", risk(request));
        add("approval", approval(request));
        add("limits", limits(request));
        add(BREAKER_RULE, breaker(request));
        add("all limits", all_limits(request));
    }
    add("journal", journal(request));
    add("resources", resources(request));
    gates
}

/// Takes out the gate of an open breaker, which a ladder with another rung does not wait for.
pub(super) fn take_breaker(gates: &mut Vec<Gate>) -> Option<Gate> {
    let place = gates.iter().position(|gate| gate.name == BREAKER_RULE && gate.answer != Answer::Pass)?;
    Some(gates.remove(place))
}

/// What all gates together say: one that refuses is stronger than one that waits, and nobody is asked about what cannot begin yet.
#[must_use]
pub(super) fn verdict(gates: &[Gate]) -> Answer {
    let mut verdict = Answer::Pass;
    for gate in gates {
        verdict = match (verdict, gate.answer) {
            (Answer::Refuse, _) | (_, Answer::Refuse) => Answer::Refuse,
            (Answer::Wait { time }, Answer::Wait { time: other }) => Answer::Wait { time: time.max(other) },
            (wait @ Answer::Wait { .. }, _) | (_, wait @ Answer::Wait { .. }) => wait,
            (Answer::Ask, _) | (_, Answer::Ask) => Answer::Ask,
            (Answer::Pass, Answer::Pass) => Answer::Pass,
        };
    }
    verdict
}

type Said = (Answer, String);

fn pass(why: impl Into<String>) -> Said {
    (Answer::Pass, why.into())
}

/// Whether something calls for a remedy: a confirmed failure of its own, which nobody has muted.
pub(super) fn calls_for_help(view: &CheckView) -> Result<(), String> {
    match &view.muted {
        Some(Muted::Cause { root }) => Err(format!("it fails because of {root}")),
        Some(Muted::Maintenance) => Err("it is in maintenance".to_owned()),
        Some(Muted::Paused { reason }) => Err(format!("the check is paused: {reason}")),
        None if view.stale => Err("the last result is old".to_owned()),
        // It is being confirmed that it works again; one more failure, and it calls for help.
        None if view.last.as_ref().is_some_and(|last| last.report.status == Status::Healthy) => {
            Err("its newest result is healthy".to_owned())
        }
        // While a parent may still turn out to be the cause, the state is confirmed, and not yet believed.
        None if view.hard == Status::Critical && view.status == Status::Critical => Ok(()),
        None => Err(format!("its state is {}", view.status.as_str())),
    }
}

fn failing(request: &Request<'_>) -> Said {
    match request.view.map(calls_for_help) {
        None => (Answer::Refuse, "there is no such check any more".to_owned()),
        Some(Ok(())) => pass("it fails, by itself and for sure"),
        Some(Err(why)) => (Answer::Refuse, why),
    }
}

fn held(request: &Request<'_>) -> Said {
    match request.held {
        None => pass("nothing is being started"),
        Some(why) => (Answer::Wait { time: A_LITTLE }, why.to_owned()),
    }
}

fn fresh(request: &Request<'_>) -> Said {
    if request.policy.immediate {
        return pass("this program saw it happen");
    }
    if request.fresh >= 2 {
        return pass(format!("{} results since the start", request.fresh));
    }
    let left = request.global.settle.saturating_sub(request.running_for);
    if left.is_zero() && request.fresh > 0 {
        return pass("enough time since the start");
    }
    // The next result may come at any moment.
    (Answer::Wait { time: A_MOMENT }, format!("{} of 2 results since the start", request.fresh))
}

fn pause(request: &Request<'_>) -> Said {
    match &request.ledger.pause {
        Some(pause) if !pause.has_expired(request.now) => {
            let time = pause.lasting.saturating_sub(pause.since.age(request.now));
            (Answer::Wait { time }, format!("healing is paused by {}: {}", pause.by, pause.reason))
        }
        _ => pass("healing is not paused"),
    }
}

fn window(request: &Request<'_>) -> Said {
    let windows = &request.policy.windows;
    if windows.is_empty() || windows.iter().any(|window| window.contains(request.now.wall)) {
        return pass(if windows.is_empty() { "at any time" } else { "a window is open" });
    }
    let written: Vec<String> = windows.iter().map(ToString::to_string).collect();
    (Answer::Wait { time: Duration::from_secs(30) }, format!("only {}", written.join(" or ")))
}

fn risk(request: &Request<'_>) -> Said {
    let (risk, ceiling) = (request.risk, request.policy.ceiling);
    if risk <= ceiling {
        return pass(format!("{risk:?} is not more than {ceiling:?}").to_lowercase());
    }
    // A person may allow more than the ceiling, for one plan.
    if is_approved(request) {
        return pass("a person approved this plan");
    }
    (Answer::Refuse, format!("{risk:?} is more than the ceiling, {ceiling:?}").to_lowercase())
}

fn is_approved(request: &Request<'_>) -> bool {
    let Some((_, hash)) = request.plan else { return false };
    request.ledger.approvals.values().any(|approval| {
        approval.plan_hash == hash
            && approval.approved_by.is_some()
            && approval.asked.age(request.now) < request.global.approval_valid
    })
}

fn approval(request: &Request<'_>) -> Said {
    match request.policy.approval_of(request.rung) {
        Approval::Auto => pass("needs nobody"),
        _ if is_approved(request) => pass("a person approved this plan"),
        Approval::Confirm => (Answer::Ask, "a person has to approve the plan".to_owned()),
        Approval::Manual => (Answer::Refuse, "a person has to run it".to_owned()),
    }
}

fn limits(request: &Request<'_>) -> Said {
    let holds = holds(request);
    let others: Vec<&Limit> = holds.iter().filter(|hold| hold.rule != BREAKER_RULE).collect();
    match others.first() {
        None => pass("within its limits"),
        Some(longest) => {
            let why: Vec<String> = others.iter().map(|hold| format!("{}: {}", hold.rule, hold.why)).collect();
            (Answer::Wait { time: longest.wait }, why.join("; "))
        }
    }
}

/// A gate of its own, because a ladder that has another rung goes on with that one instead of waiting.
fn breaker(request: &Request<'_>) -> Said {
    match holds(request).into_iter().find(|hold| hold.rule == BREAKER_RULE) {
        None => pass("has not failed too often"),
        Some(hold) => (Answer::Wait { time: hold.wait }, hold.why),
    }
}

fn holds(request: &Request<'_>) -> Vec<Limit> {
    let known = request.view.and_then(|view| request.ledger.limits.get(view.id.as_str()));
    known.map_or_else(Vec::new, |limits| {
        limits.holds(request.rung.remedy.as_str(), request.policy.intensity, request.now)
    })
}

fn all_limits(request: &Request<'_>) -> Said {
    if request.under_way >= request.global.at_once {
        return (Answer::Wait { time: A_MOMENT }, format!("{} attempts are under way", request.under_way));
    }
    let wait = wait_for(&request.ledger.recent, request.global.intensity, request.now);
    if wait.is_zero() {
        return pass("within the limits for all");
    }
    (Answer::Wait { time: wait }, format!("for all checks together, {}", in_words(request.global.intensity)))
}

fn journal(request: &Request<'_>) -> Said {
    let Some(trouble) = request.trouble else { return pass("can be written") };
    let name = request.rung.remedy.as_str();
    if WITHOUT_JOURNAL
        .iter()
        .any(|allowed| name == *allowed || name.strip_prefix(allowed).is_some_and(|rest| rest.starts_with('/')))
    {
        return pass(format!("cannot be written, and this acts all the same: {trouble}"));
    }
    (Answer::Wait { time: A_MOMENT }, format!("nothing can be written down: {trouble}"))
}

fn resources(request: &Request<'_>) -> Said {
    let own = request.view.map(|view| format!("check/{}", view.id));
    let wanted = request.plan.iter().flat_map(|(plan, _)| &plan.resources).chain(&own);
    match wanted.into_iter().find(|resource| request.busy.contains(resource)) {
        None => pass("nobody else works on it"),
        Some(taken) => (Answer::Wait { time: A_MOMENT }, format!("another remedy works on {taken}")),
    }
}

#[cfg(test)]
#[path = "admission_tests.rs"]
mod tests;
