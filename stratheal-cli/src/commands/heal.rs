//! `stratheal heal`, `remedy`, `pause` and `resume`.

use std::fmt::Write;
use std::process::ExitCode;

use stratheal_core::control::{ControlError, Request, Response};
use stratheal_core::healing::{Answer, Prospect};
use stratheal_core::model::plan::Plan;
use stratheal_core::model::quantity::{show_bytes, show_seconds};
use stratheal_core::model::{CheckId, RemedyId};

use crate::args::{Common, HealCommand, HealOptions, PauseOptions, PlainFormat, RemedyCommand};
use crate::failure::Failure;
use crate::{output, place, runtime};

pub(crate) fn run(common: &Common, options: &HealOptions) -> Result<ExitCode, Failure> {
    match &options.command {
        Some(HealCommand::Approve { token }) => {
            let request = Request::Approve { token: token.clone(), by: place::user() };
            let Response::Approved(plan) = ask(common, &request)? else { return Err(ControlError::Protocol.into()) };
            let text = format!("approved for {}: {}\n{}", plan.check, plan.plan.summary, planned(&plan.plan));
            output::print(text.trim_end())?;
        }
        Some(HealCommand::Why { check, format }) => {
            let gates = if common.verbose > 0 { Gates::WithReasons } else { Gates::All };
            prospect(common, check, *format, gates)?;
        }
        None if options.plan => match &options.check {
            Some(check) => prospect(common, check, options.format, Gates::Closed)?,
            None => plans(common, options.format)?,
        },
        None => {
            let check = options.check.as_deref().map(check_id).transpose()?;
            done(common, &Request::Heal { check, by: place::user() })?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn run_remedy(common: &Common, command: &RemedyCommand) -> Result<ExitCode, Failure> {
    match command {
        RemedyCommand::List { format } => {
            let Response::Remedies(remedies) = ask(common, &Request::Remedies)? else {
                return Err(ControlError::Protocol.into());
            };
            let line = |remedy: &stratheal_core::healing::RemedyView| {
                let used: Vec<&str> = remedy.used_by.iter().map(AsRef::as_ref).collect();
                let used = if used.is_empty() { String::new() } else { format!("  for {}", used.join(", ")) };
                format!("{:<32} {}{used}", remedy.id, format!("{:?}", remedy.risk).to_lowercase())
            };
            output::print(&match format {
                PlainFormat::Json => json(&remedies)?,
                PlainFormat::Human => remedies.iter().map(line).collect::<Vec<_>>().join("\n"),
            })?;
        }
        RemedyCommand::Run { remedy, check } => {
            let remedy = RemedyId::new(remedy).map_err(|error| Failure::Usage(error.to_string()))?;
            done(common, &Request::RunRemedy { remedy, check: check_id(check)?, by: place::user() })?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn run_pause(common: &Common, options: &PauseOptions) -> Result<ExitCode, Failure> {
    let (reason, lasting) = (options.reason.clone(), options.lasting);
    done(common, &Request::PauseHealing { by: place::user(), reason, lasting })
}

pub(crate) fn run_resume(common: &Common) -> Result<ExitCode, Failure> {
    done(common, &Request::ResumeHealing { by: place::user() })
}

fn ask(common: &Common, request: &Request) -> Result<Response, Failure> {
    runtime()?.block_on(place::ask(common, request))
}

fn done(common: &Common, request: &Request) -> Result<ExitCode, Failure> {
    let Response::Done(text) = ask(common, request)? else { return Err(ControlError::Protocol.into()) };
    output::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn check_id(text: &str) -> Result<CheckId, Failure> {
    CheckId::new(text).map_err(|error| Failure::Usage(error.to_string()))
}

fn json<T: serde::Serialize>(value: &T) -> Result<String, Failure> {
    serde_json::to_string_pretty(value).map_err(|error| Failure::io("write the answer", error.into()))
}

/// The plans for everything that is broken.
fn plans(common: &Common, format: PlainFormat) -> Result<(), Failure> {
    let Response::Healing(view) = ask(common, &Request::Healing)? else { return Err(ControlError::Protocol.into()) };
    let checks = view.incidents.iter().map(|incident| incident.check.clone());
    let found = checks.map(|check| asked(common, check)).collect::<Result<Vec<_>, _>>()?;
    let texts = || found.iter().map(|prospect| human(prospect, Gates::Closed)).collect::<Vec<_>>().join("\n");
    output::print(&match format {
        PlainFormat::Json => json(&found)?,
        PlainFormat::Human if found.is_empty() => "nothing is broken: nothing would be done".to_owned(),
        PlainFormat::Human => texts(),
    })
}

fn asked(common: &Common, check: CheckId) -> Result<Prospect, Failure> {
    match ask(common, &Request::Prospect { check })? {
        Response::Prospect(prospect) => Ok(*prospect),
        _ => Err(ControlError::Protocol.into()),
    }
}

fn prospect(common: &Common, check: &str, format: PlainFormat, gates: Gates) -> Result<(), Failure> {
    let prospect = asked(common, check_id(check)?)?;
    output::print(&match format {
        PlainFormat::Json => json(&prospect)?,
        PlainFormat::Human => human(&prospect, gates),
    })
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
                let _ = write!(text, ": {}\n{}", plan.summary, planned(plan).trim_end());
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
enum Gates {
    /// Those that stand in the way.
    Closed,
    /// The others as well, by name.
    All,
    /// Each with its reason.
    WithReasons,
}

fn planned(plan: &Plan) -> String {
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
