//! What would be done, and what stands in the way.

use std::fmt::Write;

use serde::Serialize;
use stratheal_core::control::{ControlError, Request, Response};
use stratheal_core::healing::{Answer, Prospect};
use stratheal_core::model::CheckId;
use stratheal_core::model::plan::Plan;
use stratheal_core::model::quantity::{show_bytes, show_seconds};
use stratheal_core::supervision::Scope;

use super::follow;
use crate::args::{Common, Packages, PlainFormat};
use crate::conversation::Conversation;
use crate::failure::Failure;
use crate::output;

/// Shows what would be done about a check, or about everything that is broken.
pub(super) async fn show(
    common: &Common,
    packages: &Packages,
    check: Option<CheckId>,
    format: PlainFormat,
    gates: Gates,
) -> Result<(), Failure> {
    let mut conversation = Conversation::begin(common, packages, &Scope::Look).await?;
    let found = found(&mut conversation, check, common.quiet).await;
    conversation.end().await;
    let found = found?;
    output::print(&match (format, found) {
        (PlainFormat::Json, Found::One(prospect)) => json(&prospect)?,
        (PlainFormat::Json, Found::All(prospects)) => json(&prospects)?,
        (PlainFormat::Human, Found::One(prospect)) => human(&prospect, gates),
        (PlainFormat::Human, Found::All(prospects)) if prospects.is_empty() => {
            "nothing is broken: nothing would be done".to_owned()
        }
        (PlainFormat::Human, Found::All(prospects)) => {
            prospects.iter().map(|prospect| human(prospect, gates)).collect::<Vec<_>>().join("\n")
        }
    })
}

enum Found {
    One(Box<Prospect>),
    All(Vec<Prospect>),
}

async fn found(conversation: &mut Conversation, check: Option<CheckId>, quiet: bool) -> Result<Found, Failure> {
    conversation.look(quiet, check.as_ref()).await?;
    if let Some(check) = check {
        return Ok(Found::One(Box::new(asked(conversation, check).await?)));
    }
    let mut prospects = Vec::new();
    for incident in follow::ask(conversation).await?.incidents {
        prospects.push(asked(conversation, incident.check).await?);
    }
    Ok(Found::All(prospects))
}

async fn asked(conversation: &mut Conversation, check: CheckId) -> Result<Prospect, Failure> {
    match conversation.ask(&Request::Prospect { check }).await? {
        Response::Prospect(prospect) => Ok(*prospect),
        _ => Err(ControlError::Protocol.into()),
    }
}

pub(super) fn json<T: Serialize>(value: &T) -> Result<String, Failure> {
    serde_json::to_string_pretty(value).map_err(|error| Failure::io("write the answer", error.into()))
}

fn human(prospect: &Prospect, gates: Gates) -> String {
    let mut text = match &prospect.incident {
        Some(incident) => format!(
            "{}: incident {}, {}: {}",
            prospect.check,
            incident.number,
            incident.state.as_str(),
            incident.summary
        ),
        None => format!("{}: no incident", prospect.check),
    };
    if let Some(attempt) = &prospect.attempt {
        let _ = write!(text, "\nunder way: {}, attempt {}", attempt.plan.summary, attempt.number);
    }
    if prospect.rungs.is_empty() {
        text += "\nnothing is configured to heal it: [heal.CHECK] names a ladder";
    }
    for rung in &prospect.rungs {
        let next = if rung.is_next { " (next)" } else { "" };
        let _ = write!(text, "\n{}{next}, risk {}", rung.remedy, format!("{:?}", rung.risk).to_lowercase());
        match &rung.plan {
            Ok(plan) => {
                let _ = write!(text, ": {}", plan.summary);
                text.extend(planned(plan).lines().flat_map(|line| ["\n", line]));
            }
            Err(why) => {
                let _ = write!(text, ": {why}");
            }
        }
        for gate in &rung.gates {
            let answer = match gate.answer {
                Answer::Pass if gates != Gates::WithReasons => continue,
                Answer::Pass => "pass".to_owned(),
                Answer::Wait { time } => format!("wait {}", show_seconds(time.as_secs_f64())),
                Answer::Ask => "ask".to_owned(),
                Answer::Refuse => "refuse".to_owned(),
            };
            let _ = write!(text, "\n  [{answer}] {}: {}", gate.name, gate.why);
        }
        if gates == Gates::All {
            let passed = rung.gates.iter().filter(|gate| gate.answer == Answer::Pass);
            let passed: Vec<&str> = passed.map(|gate| gate.name.as_str()).collect();
            let _ = write!(text, "\n  [pass] {}", passed.join(", "));
        }
    }
    text
}

/// Which gates are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gates {
    /// Those that stand in the way.
    Closed,
    /// The others as well, by name.
    All,
    /// Each with its reason.
    WithReasons,
}

pub(super) fn planned(plan: &Plan) -> String {
    let mut text = String::new();
    for target in &plan.targets {
        let count = target.count.map_or_else(String::new, |count| format!(" x {count}"));
        let bytes = target.bytes.map_or_else(String::new, |bytes| format!(", {}", show_bytes(bytes as f64)));
        let _ = writeln!(text, "  {} {}{count}{bytes}", target.kind, target.name);
    }
    for step in &plan.steps {
        let undo = if step.undoable { "" } else { " (cannot be undone)" };
        let _ = writeln!(text, "  - {}{undo}", step.summary);
    }
    text
}
