//! `stratheal incidents`: also when no monitor runs.

use std::fmt::Write;
use std::process::ExitCode;

use stratheal_core::control::{ControlError, Request, Response};
use stratheal_core::healing::files;
use stratheal_core::model::incident::Incident;
use stratheal_core::model::report::printable;

use crate::args::{Common, IncidentsCommand, PlainFormat};
use crate::count::show_count;
use crate::failure::Failure;
use crate::{output, place, runtime};

pub(crate) fn run(common: &Common, command: &IncidentsCommand) -> Result<ExitCode, Failure> {
    match command {
        IncidentsCommand::List { most, format } => {
            let incidents = listed(common, *most)?;
            output::print(&match format {
                PlainFormat::Json => json(&incidents)?,
                PlainFormat::Human if incidents.is_empty() => "no incidents are on record".to_owned(),
                PlainFormat::Human => incidents.iter().map(line).collect::<Vec<_>>().join("\n"),
            })?;
        }
        IncidentsCommand::Show { number, format } => {
            let state = place::state(common, &place::configuration(common)?);
            let read = |error| Failure::io("read the incident", error);
            let incident = match number {
                Some(number) => files::read(&state, *number).map_err(read)?,
                None => files::list(&state, 1).map_err(read)?.pop(),
            };
            let none = || Failure::Usage("there is no such incident: `stratheal incidents list`".to_owned());
            let incident = incident.ok_or_else(none)?;
            output::print(&match format {
                PlainFormat::Json => json(&incident)?,
                PlainFormat::Human => whole(&incident),
            })?;
        }
        IncidentsCommand::Ack { number, note } => {
            let request = Request::Acknowledge { incident: *number, by: place::user(), note: note.clone() };
            let Response::Incident(incident) = runtime()?.block_on(place::ask(common, &request))? else {
                return Err(ControlError::Protocol.into());
            };
            output::print(&line(&incident))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn listed(common: &Common, most: usize) -> Result<Vec<Incident>, Failure> {
    let state = place::state(common, &place::configuration(common)?);
    files::list(&state, most).map_err(|error| Failure::io("read the incidents", error))
}

fn json<T: serde::Serialize>(value: &T) -> Result<String, Failure> {
    serde_json::to_string_pretty(value).map_err(|error| Failure::io("write the incidents", error.into()))
}

fn line(incident: &Incident) -> String {
    let seen = incident.acknowledged.as_ref().map_or_else(String::new, |ack| format!(", {} takes care of it", ack.by));
    let relapses = match incident.relapses {
        0 => String::new(),
        some => format!(", {}", show_count(some, "relapse")),
    };
    format!(
        "{:>4}  {:.0}  {:<9}  {}: {}{relapses}{seen}",
        incident.number,
        incident.opened,
        incident.state.as_str(),
        incident.check,
        printable(&incident.summary)
    )
}

fn whole(incident: &Incident) -> String {
    let mut text = line(incident);
    if !incident.suppressed.is_empty() {
        let names: Vec<&str> = incident.suppressed.iter().map(AsRef::as_ref).collect();
        let _ = write!(text, "\nfail because of it: {}", names.join(", "));
    }
    text += "\ntimeline:";
    for entry in &incident.timeline {
        let _ = write!(text, "\n  {:.0}  {:<12} {}", entry.at, entry.what, printable(&entry.text));
    }
    for fact in &incident.evidence.facts {
        let lines: Vec<String> = fact.text.lines().map(printable).collect();
        // More than one line stands below its name.
        let lead = if lines.len() > 1 { "\n  " } else { " " };
        let _ = write!(text, "\n{}:{lead}{}", fact.name, lines.join("\n  "));
    }
    if !incident.evidence.log.is_empty() {
        text += "\nthe end of its log:";
        for line in &incident.evidence.log {
            let _ = write!(text, "\n  {}", printable(line));
        }
    }
    text
}
