//! `stratheal remedy`.

use std::process::ExitCode;

use stratheal_core::control::{ControlError, Request, Response};
use stratheal_core::healing::{Acts, RemedyView};
use stratheal_core::model::{RemedyId, Status};
use stratheal_core::supervision::Scope;

use super::attempt::until_known;
use super::prospect::json;
use super::run::{check_id, interruptible, to_its_end};
use crate::args::{Common, Packages, PlainFormat, RemedyCommand};
use crate::conversation::Conversation;
use crate::failure::{Failure, code};
use crate::{output, place};

pub(crate) fn run(common: &Common, packages: &Packages, command: &RemedyCommand) -> Result<ExitCode, Failure> {
    to_its_end(carry_out(common, packages, command))
}

async fn carry_out(common: &Common, packages: &Packages, command: &RemedyCommand) -> Result<ExitCode, Failure> {
    match command {
        RemedyCommand::List { format } => {
            let conversation = Conversation::begin(common, packages, &Scope::Look).await?;
            interruptible(conversation, async |conversation| list(conversation, *format).await).await
        }
        RemedyCommand::Run { remedy, check, no_wait, timeout } => {
            let remedy = RemedyId::new(remedy).map_err(|error| Failure::Usage(error.to_string()))?;
            let check = check_id(check)?;
            let request = Request::RunRemedy { remedy, check: check.clone(), by: place::user() };
            if *no_wait {
                let number = begun(&place::ask(common, &request).await?)?;
                output::print(&format!("attempt {number} has begun"))?;
                return Ok(ExitCode::SUCCESS);
            }
            let conversation = Conversation::begin(common, packages, &Scope::Once(Acts::WhenAsked)).await?;
            interruptible(conversation, async |conversation| {
                conversation.look(common.quiet, Some(&check)).await?;
                conversation.begin_to_heal().await?;
                let number = begun(&conversation.ask(&request).await?)?;
                match until_known(conversation, number, *timeout, common.quiet).await? {
                    Ok(()) => Ok(ExitCode::SUCCESS),
                    Err(why) => {
                        output::print(&why)?;
                        Ok(code(Status::Critical))
                    }
                }
            })
            .await
        }
    }
}

fn begun(answer: &Response) -> Result<u64, Failure> {
    match answer {
        Response::Begun(number) => Ok(*number),
        _ => Err(ControlError::Protocol.into()),
    }
}

async fn list(conversation: &mut Conversation, format: PlainFormat) -> Result<ExitCode, Failure> {
    let Response::Remedies(remedies) = conversation.ask(&Request::Remedies).await? else {
        return Err(ControlError::Protocol.into());
    };
    let line = |remedy: &RemedyView| {
        let used: Vec<&str> = remedy.used_by.iter().map(AsRef::as_ref).collect();
        let used = if used.is_empty() { String::new() } else { format!("  for {}", used.join(", ")) };
        format!("{:<32} {}{used}", remedy.id, format!("{:?}", remedy.risk).to_lowercase())
    };
    output::print(&match format {
        PlainFormat::Json => json(&remedies)?,
        PlainFormat::Human => remedies.iter().map(line).collect::<Vec<_>>().join("\n"),
    })?;
    Ok(ExitCode::SUCCESS)
}
