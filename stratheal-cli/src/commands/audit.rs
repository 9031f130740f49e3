//! `stratheal audit`: reads only, also while a monitor writes.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use stratheal_core::audit::{self, AuditError, Entry, Filter, Head};
use stratheal_core::model::Status;
use stratheal_core::model::report::printable;

use crate::args::{AuditCommand, Common, PlainFormat};
use crate::failure::{Failure, code};
use crate::{output, place};

pub(crate) fn run(common: &Common, command: &AuditCommand) -> Result<ExitCode, Failure> {
    let folder = folder(common)?;
    match command {
        AuditCommand::Show { most, format } => {
            let entries = audit::last(&folder, &Filter::default(), *most).map_err(of)?;
            let mut lines = Vec::new();
            for entry in &entries {
                lines.push(match format {
                    PlainFormat::Json => {
                        serde_json::to_string(entry).map_err(|error| Failure::io("write a record", error.into()))?
                    }
                    PlainFormat::Human => line(entry),
                });
            }
            output::print(&lines.join("\n"))?;
        }
        AuditCommand::Verify { head } => {
            let anchor: Option<Head> = match head {
                Some(text) => Some(text.parse().map_err(|error| Failure::Usage(format!("{error}")))?),
                None => None,
            };
            let verified = audit::verify(&folder, anchor.as_ref()).map_err(of)?;
            for problem in &verified.problems {
                output::complain(&problem.to_string());
            }
            let sound = verified.is_sound();
            let verdict = if sound { "the chain is sound" } else { "the log was CHANGED" };
            output::print(&format!("{} records in {} segments: {verdict}", verified.records, verified.segments))?;
            return Ok(if sound { ExitCode::SUCCESS } else { code(Status::Critical) });
        }
        AuditCommand::Head => {
            let verified = audit::verify(&folder, None).map_err(of)?;
            output::print(&verified.head.to_string())?;
        }
        AuditCommand::Export => {
            audit::export(&folder, &mut io::stdout().lock()).map_err(of)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn line(entry: &Entry) -> String {
    let outcome = entry.outcome.as_ref().map_or_else(String::new, |outcome| format!(" -> {outcome}"));
    let why = if entry.why.is_empty() { String::new() } else { format!(": {}", entry.why) };
    let text = format!("{} {} {}{why}{outcome}", entry.actor.name, entry.action, entry.subject);
    format!("{:>6}  {:.0}  {}", entry.seq, entry.at, printable(&text))
}

fn folder(common: &Common) -> Result<PathBuf, Failure> {
    Ok(place::state(common, &place::configuration(common)?).join("audit"))
}

fn of(error: AuditError) -> Failure {
    Failure::io("read the audit log", io::Error::other(error))
}
