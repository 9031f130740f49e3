//! `stratheal heal`.

use std::process::ExitCode;
use std::time::Duration;

use serde_json::json;
use stratheal_core::control::{ControlError, Request, Response};
use stratheal_core::healing::Acts;
use stratheal_core::model::report::printable;
use stratheal_core::model::view::{CheckView, Muted};
use stratheal_core::model::{CheckId, Status};
use stratheal_core::supervision::Scope;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, timeout_at};

use super::follow::{Follow, Outcome};
use super::prospect::{self, Gates};
use crate::args::{Common, HealCommand, HealOptions, Packages, PlainFormat};
use crate::conversation::Conversation;
use crate::failure::{Failure, code};
use crate::{exit, output, place, runtime_with_threads};

pub(crate) fn run(common: &Common, packages: &Packages, options: &HealOptions) -> Result<ExitCode, Failure> {
    to_its_end(command(common, packages, options))
}

/// Waits for work, and ends what is left of it.
pub(super) fn to_its_end(work: impl Future<Output = Result<ExitCode, Failure>>) -> Result<ExitCode, Failure> {
    let runtime = runtime_with_threads()?;
    let code = runtime.block_on(work);
    // Commands of a remedy that was broken off end with it; a look-up that hangs must not keep the program from ending.
    runtime.shutdown_timeout(Duration::from_secs(1));
    code
}

async fn command(common: &Common, packages: &Packages, options: &HealOptions) -> Result<ExitCode, Failure> {
    match &options.command {
        Some(HealCommand::Approve { token }) => return approve(common, packages, token, options.timeout).await,
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
    let deadline = Instant::now() + options.timeout;
    interruptible(conversation, async |conversation| {
        let looked = timeout_at(deadline, conversation.look(common.quiet, check.as_ref())).await;
        looked
            .unwrap_or_else(|_| Err(Failure::Usage("the checks did not answer in this time: --timeout".to_owned())))?;
        if let Some(check) = &check {
            // That a check is well is an answer; that there is none is a mistake.
            conversation.ask(&Request::Explain { id: check.to_string() }).await?;
        }
        let mut follow = Follow::begin(conversation, check.clone(), quiet).await?;
        if !follow.is_empty() {
            match conversation.ask(&request).await {
                // It has been resolved meanwhile.
                Ok(_) | Err(Failure::Control(ControlError::Refused(_))) => {}
                Err(failure) => return Err(failure),
            }
        }
        conversation.begin_to_heal().await?;
        follow.until_settled(conversation, deadline).await?;
        told(conversation, &follow, check.as_ref(), options.format).await
    })
    .await
}

/// What is left to say, and the exit code.
async fn told(
    conversation: &mut Conversation,
    follow: &Follow,
    check: Option<&CheckId>,
    format: PlainFormat,
) -> Result<ExitCode, Failure> {
    if !follow.is_empty() {
        // What was healed may have been the cause of other things.
        conversation.look(true, check).await?;
    }
    let not_started = conversation.not_started(check);
    let broken: Vec<(String, String, Status)> = follow
        .outcomes()
        .filter_map(|(incident, outcome)| match outcome {
            Outcome::Works => None,
            Outcome::Broken(why) => Some((incident.check.to_string(), why.clone(), Status::Critical)),
        })
        .collect();
    let Response::Snapshot(snapshot) = conversation.ask(&Request::Snapshot).await? else {
        return Err(ControlError::Protocol.into());
    };
    let others = snapshot.checks.iter().filter(|view| check.is_none_or(|check| view.id == *check));
    let others = others.filter(|view| broken.iter().all(|(known, ..)| *known != view.id.as_str()));
    let others: Vec<(String, String, Status)> = others.filter_map(|view| unwell(view)).collect();
    let all: Vec<&(String, String, Status)> = broken.iter().chain(&others).collect();
    match format {
        PlainFormat::Json => output::print(&prospect::json(&json!({
            "incidents": follow.incidents(),
            "unwell": all.iter().map(|(check, why, _)| json!({ "check": check, "why": why })).collect::<Vec<_>>(),
            "not_started": not_started,
        }))?)?,
        PlainFormat::Human if follow.is_empty() && not_started.is_empty() && all.is_empty() => {
            output::print("nothing is broken: nothing was done")?;
        }
        PlainFormat::Human => {
            for (check, why, _) in &all {
                output::print(&format!("{check} is still broken: {why}"))?;
            }
            for service in &not_started {
                output::print(&format!("{service} was not started: `stratheal up` starts it, and looks after it"))?;
            }
        }
    }
    let is_critical = !not_started.is_empty() || all.iter().any(|(.., status)| *status == Status::Critical);
    Ok(match (is_critical, all.is_empty()) {
        (true, _) => code(Status::Critical),
        (false, true) => ExitCode::SUCCESS,
        (false, false) => code(Status::Unknown),
    })
}

/// What is wrong with a check that nothing was done about, as far as that is not on purpose. Which services do not run is said elsewhere.
fn unwell(view: &CheckView) -> Option<(String, String, Status)> {
    let is_stopped = view.last.as_ref().is_some_and(|last| last.report.code == "stopped");
    let status = view.impact();
    if is_stopped || !matches!(status, Status::Critical | Status::Unknown) {
        return None;
    }
    let why = match &view.muted {
        Some(Muted::Maintenance | Muted::Paused { .. }) => return None,
        Some(Muted::Cause { root }) => format!("it fails because of {root}"),
        None => format!("{}: {}", status.as_str(), view.summary()),
    };
    Some((view.id.to_string(), printable(&why), status))
}

async fn approve(common: &Common, packages: &Packages, token: &str, timeout: Duration) -> Result<ExitCode, Failure> {
    let request = Request::Approve { token: token.to_owned(), by: place::user() };
    let mut conversation = Conversation::begin(common, packages, &Scope::Look).await?;
    let check = match &conversation {
        Conversation::Running { .. } => {
            let answer = conversation.ask(&request).await?;
            approved(&answer)?;
            return Ok(ExitCode::SUCCESS);
        }
        // What is approved is done by this command, and nothing else.
        Conversation::Own(session) => session.waiting(token),
    };
    conversation.end().await;
    let Some(check) = check else {
        return Err(Failure::Usage(format!("there is no plan that waits under `{token}`: `stratheal heal --plan`")));
    };
    let conversation = Conversation::begin(common, packages, &Scope::Once(Acts::For(check.clone()))).await?;
    interruptible(conversation, async |conversation| {
        conversation.look(common.quiet, Some(&check)).await?;
        approved(&conversation.ask(&request).await?)?;
        let mut follow = Follow::begin(conversation, Some(check.clone()), common.quiet).await?;
        conversation.begin_to_heal().await?;
        follow.until_settled(conversation, Instant::now() + timeout).await?;
        told(conversation, &follow, Some(&check), PlainFormat::Human).await
    })
    .await
}

/// Says what was approved.
fn approved(answer: &Response) -> Result<(), Failure> {
    let Response::Approved(approval) = answer else { return Err(ControlError::Protocol.into()) };
    let text =
        format!("approved for {}: {}\n{}", approval.check, approval.plan.summary, prospect::planned(&approval.plan));
    output::print(text.trim_end())
}

/// Ends the conversation at the end of the work, and also when somebody presses Ctrl-C.
pub(super) async fn interruptible(
    mut conversation: Conversation,
    work: impl AsyncFnOnce(&mut Conversation) -> Result<ExitCode, Failure>,
) -> Result<ExitCode, Failure> {
    let conversation_is_own = conversation.is_own();
    let interrupted = || {
        output::complain(if conversation_is_own {
            "stopped: what was begun is on record, and the next monitor goes on with it"
        } else {
            "stopped: the running monitor goes on"
        });
    };
    let listen = |kind| signal(kind).map_err(|error| Failure::io("listen for signals", error));
    let (mut ctrl_c, mut terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    let done = tokio::select! {
        done = work(&mut conversation) => done,
        _ = ctrl_c.recv() => {
            interrupted();
            Ok(ExitCode::from(exit::INTERRUPTED))
        }
        _ = terminate.recv() => {
            interrupted();
            Ok(ExitCode::from(exit::TERMINATED))
        }
    };
    conversation.end().await;
    done
}
