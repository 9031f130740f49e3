//! `stratheal heal`.

use std::process::ExitCode;

use stratheal_core::control::{ControlError, Request, Response};
use stratheal_core::healing::Acts;
use stratheal_core::model::{CheckId, Status};

use super::follow::{Follow, Outcome};
use super::prospect::{self, Gates};
use crate::args::{Common, HealCommand, HealOptions, Packages, PlainFormat};
use crate::conversation::Conversation;
use crate::failure::{Failure, code};
use crate::monitor::Scope;
use crate::{exit, output, place, runtime_with_threads};

pub(crate) fn run(common: &Common, packages: &Packages, options: &HealOptions) -> Result<ExitCode, Failure> {
    let runtime = runtime_with_threads()?;
    let code = runtime.block_on(command(common, packages, options));
    // A look-up that hangs must not keep the program from ending.
    runtime.shutdown_background();
    code
}

async fn command(common: &Common, packages: &Packages, options: &HealOptions) -> Result<ExitCode, Failure> {
    match &options.command {
        Some(HealCommand::Approve { token }) => return approve(common, packages, token).await,
        Some(HealCommand::Why { check, format }) => {
            let gates = if common.verbose > 0 { Gates::WithReasons } else { Gates::All };
            prospect::show(common, packages, Some(check_id(check)?), *format, gates).await?;
        }
        None if options.plan => {
            let check = options.check.as_deref().map(check_id).transpose()?;
            prospect::show(common, packages, check, options.format, Gates::Closed).await?;
        }
        None => return heal(common, packages, options).await,
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn check_id(text: &str) -> Result<CheckId, Failure> {
    CheckId::new(text).map_err(|error| Failure::Usage(error.to_string()))
}

async fn heal(common: &Common, packages: &Packages, options: &HealOptions) -> Result<ExitCode, Failure> {
    let check = options.check.as_deref().map(check_id).transpose()?;
    let request = Request::Heal { check: check.clone(), by: place::user() };
    if options.no_wait {
        let Response::Done(text) = place::ask(common, &request).await? else {
            return Err(ControlError::Protocol.into());
        };
        output::print(&text)?;
        return Ok(ExitCode::SUCCESS);
    }
    let acts = check.clone().map_or(Acts::Always, Acts::For);
    let conversation = Conversation::begin(common, packages, &Scope::Once(acts)).await?;
    let quiet = common.quiet || options.format == PlainFormat::Json;
    interruptible(conversation, async |conversation| {
        conversation.look(common.quiet).await?;
        let mut follow = Follow::begin(conversation, check.clone(), quiet).await?;
        if !follow.is_empty() {
            conversation.ask(&request).await?;
        } else if let Some(check) = &check {
            // That a check is well is an answer; that there is none is a mistake.
            conversation.ask(&Request::Explain { id: check.to_string() }).await?;
        }
        follow.until_settled(conversation, options.timeout).await?;
        told(conversation, &follow, options.format)
    })
    .await
}

/// What is left to say, and the exit code.
fn told(conversation: &Conversation, follow: &Follow, format: PlainFormat) -> Result<ExitCode, Failure> {
    let not_started = conversation.not_started();
    match format {
        PlainFormat::Json => output::print(&prospect::json(&follow.incidents())?)?,
        PlainFormat::Human if follow.is_empty() && not_started.is_empty() => {
            output::print("nothing is broken: nothing was done")?;
        }
        PlainFormat::Human => {
            for (incident, outcome) in follow.outcomes() {
                if let Outcome::Broken(why) = outcome {
                    output::print(&format!("{} is still broken: {why}", incident.check))?;
                }
            }
            for service in &not_started {
                output::print(&format!("{service} was not started: `stratheal up` starts it, and looks after it"))?;
            }
        }
    }
    let is_broken = !not_started.is_empty() || follow.outcomes().any(|(_, outcome)| *outcome != Outcome::Works);
    Ok(if is_broken { code(Status::Critical) } else { ExitCode::SUCCESS })
}

async fn approve(common: &Common, packages: &Packages, token: &str) -> Result<ExitCode, Failure> {
    let request = Request::Approve { token: token.to_owned(), by: place::user() };
    let mut conversation = Conversation::begin(common, packages, &Scope::Look).await?;
    let check = match &conversation {
        Conversation::Running { .. } => {
            let answer = conversation.ask(&request).await?;
            approved(answer)?;
            return Ok(ExitCode::SUCCESS);
        }
        // What is approved is done by this command, and nothing else.
        Conversation::Own(session) => session.waiting(token),
    };
    conversation.end().await;
    let acts = check.map_or(Acts::WhenAsked, Acts::For);
    let conversation = Conversation::begin(common, packages, &Scope::Once(acts.clone())).await?;
    interruptible(conversation, async |conversation| {
        conversation.look(common.quiet).await?;
        let check = approved(conversation.ask(&request).await?)?;
        let mut follow = Follow::begin(conversation, Some(check), common.quiet).await?;
        follow.until_settled(conversation, HealOptions::TIMEOUT).await?;
        told(conversation, &follow, PlainFormat::Human)
    })
    .await
}

/// Says what was approved.
fn approved(answer: Response) -> Result<CheckId, Failure> {
    let Response::Approved(approval) = answer else { return Err(ControlError::Protocol.into()) };
    let text =
        format!("approved for {}: {}\n{}", approval.check, approval.plan.summary, prospect::planned(&approval.plan));
    output::print(text.trim_end())?;
    Ok(approval.check)
}

/// Ends the conversation at the end of the work, and also when somebody presses Ctrl-C.
pub(super) async fn interruptible(
    mut conversation: Conversation,
    work: impl AsyncFnOnce(&mut Conversation) -> Result<ExitCode, Failure>,
) -> Result<ExitCode, Failure> {
    let done = tokio::select! {
        done = work(&mut conversation) => done,
        _ = tokio::signal::ctrl_c() => {
            output::complain("stopped: what was begun is on record, and the next monitor goes on with it");
            Ok(ExitCode::from(exit::INTERRUPTED))
        }
    };
    conversation.end().await;
    done
}
