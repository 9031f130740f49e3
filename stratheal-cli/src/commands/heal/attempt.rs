//! What becomes of one attempt, told as it happens.

use std::time::Duration;

use stratheal_core::model::attempt::{Attempt, AttemptState};
use stratheal_core::model::report::printable;
use tokio::time::{Instant, sleep};

use super::follow::ask;
use crate::conversation::Conversation;
use crate::failure::Failure;
use crate::output;

/// How often it is looked.
const LOOK: Duration = Duration::from_millis(100);

/// Waits until it is known what came of an attempt, or for so long. What is wrong, if anything is.
pub(super) async fn until_known(
    conversation: &mut Conversation,
    number: u64,
    limit: Duration,
    quiet: bool,
) -> Result<Result<(), String>, Failure> {
    let deadline = Instant::now() + limit;
    let mut before = None;
    loop {
        let view = ask(conversation).await?;
        if let Some(ended) = view.ended.iter().find(|ended| ended.number == number) {
            let (check, remedy, verdict) = (&ended.check, &ended.remedy, &ended.verdict);
            let whole = printable(&format!("{remedy} {verdict}"));
            return Ok(if verdict.is_healed() {
                say(quiet, &format!("{check} passes, and went on passing"))?;
                Ok(())
            } else {
                Err(whole)
            });
        }
        let Some(attempt) = view.attempts.iter().find(|attempt| attempt.number == number) else {
            return Ok(Err(format!("nothing is known of attempt {number} any more: `stratheal audit`")));
        };
        if before.as_ref() != Some(&attempt.state) {
            before = Some(attempt.state.clone());
            say(quiet, &line(attempt))?;
        }
        if attempt.state == AttemptState::Probation && !conversation.is_own() {
            return Ok(Ok(()));
        }
        if Instant::now() >= deadline {
            return Ok(Err(format!("attempt {number} is still under way, and the time is over")));
        }
        sleep(LOOK).await;
    }
}

fn say(quiet: bool, text: &str) -> Result<(), Failure> {
    if quiet { Ok(()) } else { output::print(text) }
}

/// What it is doing.
fn line(attempt: &Attempt) -> String {
    let (check, steps) = (&attempt.check, &attempt.plan.steps);
    let step = |index: usize| steps.get(index).map_or("", |step| step.summary.as_str());
    let text = match &attempt.state {
        AttemptState::Doing { step: index } => format!("{}: {}", attempt.remedy, step(*index)),
        AttemptState::Verifying => {
            let done: Vec<&str> = attempt.receipts.iter().flatten().map(|receipt| receipt.summary.as_str()).collect();
            format!("{}; does {check} pass now?", done.join("; "))
        }
        AttemptState::Probation => format!("{check} passes; whether that lasts is being watched"),
        AttemptState::Undoing { step: index } => format!("it did not help; taking back: {}", step(*index)),
        AttemptState::Ended { .. } => "ended".to_owned(),
    };
    printable(&text)
}
