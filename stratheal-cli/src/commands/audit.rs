//! `stratheal audit`: reads only, also while a monitor writes.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use stratheal_core::audit::{self, Anchored, AuditError, Entry, Filter, Head, Verification};
use stratheal_core::model::Status;
use stratheal_core::model::report::printable;

use crate::args::{AuditCommand, Common, PlainFormat};
use crate::count::show_count;
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
            let status = told(&verified);
            output::print(&format!(
                "{} in {}: {}",
                show_count(verified.records, "record"),
                show_count(verified.segments, "segment"),
                match status {
                    Status::Healthy if anchor.is_some() => "the chain is sound, and has the record of that head",
                    Status::Healthy => "the chain is sound",
                    Status::Unknown =>
                        "the chain is sound, but it begins behind that head: whether all of it was rewritten cannot be told",
                    _ => "the log was CHANGED",
                }
            ))?;
            return Ok(code(status));
        }
        AuditCommand::Head => {
            let verified = audit::verify(&folder, None).map_err(of)?;
            if told(&verified) != Status::Healthy {
                return Err(Failure::Usage("the log was changed: its head is worth nothing".to_owned()));
            }
            output::print(&verified.head.to_string())?;
        }
        AuditCommand::Export => {
            audit::export(&folder, &mut io::stdout().lock()).map_err(of)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Says what is wrong or noteworthy, and how that is.
fn told(verified: &Verification) -> Status {
    for problem in &verified.problems {
        output::complain(&problem.to_string());
    }
    if verified.more_problems > 0 {
        output::complain(&format!("and {} more problems", verified.more_problems));
    }
    if verified.notes > 0 {
        let text = "records say that a line was not whole, or that there was damage, when a monitor was started";
        output::complain(&format!("{} {text}: `audit show` has them", verified.notes));
    }
    if verified.unfinished > 0 {
        output::complain(&format!("{} bytes at the end are no whole line", verified.unfinished));
    }
    match verified.anchored {
        _ if !verified.is_sound() => Status::Critical,
        Anchored::Pruned => Status::Unknown,
        _ => Status::Healthy,
    }
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
