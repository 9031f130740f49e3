//! [`RunCommand`]: a program that the configuration names.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;
use tokio::time::Instant;

use crate::base::class::chain;
use crate::base::redact::safe_text;
use crate::contract::{Remedy, RemedyContext, RemedyError};
use crate::model::RemedyId;
use crate::model::plan::{Plan, Receipt, Risk, Step, StepState, Target};
use crate::model::report::{cut, printable};
use crate::sys::command::{Command, Ending, Finished, end_labelled};

pub use crate::sys::command::RunAs;

/// The most lines, and bytes, of what a command printed that are told.
const MAX_LINES: usize = 10;
const MAX_TOLD: usize = 1024;
/// How long before the deadline a command is killed, so that the answer is in time.
const MARGIN: Duration = Duration::from_secs(3);

/// What to run, and how. Nothing of it comes from a check or from another program.
#[derive(Debug, Clone)]
pub struct CommandToRun {
    /// What the remedy does: the program. It must be so made that running it twice does no harm: after a crash it may be.
    pub run: Vec<OsString>,
    /// What tells whether it was done: exit code 0 is yes, 1 is no, everything else is unknown. Without it nothing is known.
    pub probe: Option<Vec<OsString>>,
    /// What takes it back. Without it, it cannot be.
    pub undo: Option<Vec<OsString>>,
    /// The folder they start in; that of this process when unset.
    pub folder: Option<PathBuf>,
    /// Variables they get besides those that every command gets.
    pub variables: BTreeMap<String, OsString>,
    /// The user they run as; that of this process when unset. Only root may choose.
    pub run_as: Option<RunAs>,
    /// How long each may take; then it is killed with everything it started.
    pub timeout: Duration,
    /// How many bytes of its output are read.
    pub output_limit: usize,
    /// How much it may break.
    pub risk: Risk,
}

impl CommandToRun {
    /// The longest time.
    pub const LONGEST: Duration = Duration::from_hours(1);

    /// A program with arguments, which may take a minute, and the risk of which nobody told: it counts as the highest.
    pub fn new<A: Into<OsString>>(run: impl IntoIterator<Item = A>) -> Self {
        Self {
            run: run.into_iter().map(Into::into).collect(),
            probe: None,
            undo: None,
            folder: None,
            variables: BTreeMap::new(),
            run_as: None,
            timeout: Duration::from_mins(1),
            output_limit: Command::OUTPUT_LIMIT,
            risk: Risk::Destructive,
        }
    }
}

/// Runs a program. That it exits with 0 means that it was run, not that it helped.
///
/// # Cancellation
/// As for every remedy. Dropping `probe` kills what it started.
///
/// # Example
/// ```
/// use stratheal_core::contract::Remedy;
/// use stratheal_core::model::RemedyId;
/// use stratheal_core::model::plan::Risk;
/// use stratheal_core::remedies::{CommandToRun, RunCommand};
/// let mut command = CommandToRun::new(["/usr/local/bin/rotate-logs", "--now"]);
/// command.risk = Risk::Local;
/// let remedy = RunCommand::new(RemedyId::new("rotate-logs").unwrap(), command).unwrap();
/// assert_eq!(remedy.risk(), Risk::Local);
/// ```
#[derive(Debug)]
pub struct RunCommand {
    id: RemedyId,
    command: CommandToRun,
}

impl RunCommand {
    const STEP: &str = "run";

    /// A remedy that runs this.
    ///
    /// # Errors
    /// [`RemedyError::NotApplicable`] when there is no program in one of the lists, or the time is zero or too long.
    pub fn new(id: RemedyId, command: CommandToRun) -> Result<Self, RemedyError> {
        let wrong = |why: &str| Err(RemedyError::NotApplicable { why: why.to_owned() });
        let lists = [Some(&command.run), command.probe.as_ref(), command.undo.as_ref()];
        if lists.into_iter().flatten().any(|list| list.first().is_none_or(|program| program.is_empty())) {
            return wrong("a command must name a program");
        }
        if command.timeout.is_zero() || command.timeout > CommandToRun::LONGEST {
            return wrong("the time of a command must be more than nothing, and at most an hour");
        }
        Ok(Self { id, command })
    }

    fn known(step: &Step) -> Result<(), RemedyError> {
        if step.name == Self::STEP {
            return Ok(());
        }
        Err(RemedyError::Outdated { why: format!("there is no step `{}`", step.name) })
    }

    async fn run(&self, list: &[OsString], cx: &RemedyContext) -> Result<Finished, String> {
        let Some((program, arguments)) = list.split_first() else { return Err("no program is named".to_owned()) };
        let mut command = Command::new(program, arguments);
        command.environment.clone_from(&self.command.variables);
        command.folder.clone_from(&self.command.folder);
        command.run_as = self.command.run_as;
        command.output_limit = self.command.output_limit;
        command.label.clone_from(&cx.attempt);
        let deadline =
            cx.deadline.checked_sub(MARGIN).unwrap_or(cx.deadline).min(Instant::now() + self.command.timeout);
        // Looking a program up and starting it can hang on a dead mount.
        let started = tokio::time::timeout_at(deadline, tokio::task::spawn_blocking(move || command.spawn())).await;
        let running = match started {
            Ok(Ok(Ok(running))) => running,
            Ok(Ok(Err(error))) => return Err(chain(&error)),
            Ok(Err(error)) => return Err(error.to_string()),
            Err(_) => return Err("could not be started in time".to_owned()),
        };
        running.finish(deadline).await.map_err(|error| chain(&error))
    }
}

/// A list of words as a person would write it, without what may be a secret.
fn shown(list: &[OsString]) -> String {
    let words: Vec<_> = list.iter().map(|word| word.to_string_lossy()).collect();
    cut(&printable(&safe_text(&words.join(" "))), MAX_TOLD)
}

/// How it ended, for people.
fn ending(finished: &Finished) -> String {
    let seconds = finished.duration.as_secs_f64();
    match &finished.ending {
        Ending::Exited(code) => format!("exited with {code} after {seconds:.1} s"),
        Ending::Signalled(signal) => format!("was ended by signal {signal} after {seconds:.1} s"),
        Ending::TimedOut { survivors } if survivors.is_empty() => format!("was killed after {seconds:.1} s"),
        Ending::TimedOut { survivors } => {
            format!("had to be killed after {seconds:.1} s, and {} of its processes remain", survivors.len())
        }
    }
}

/// The last lines of what it complained about, or else of what it printed.
fn last_lines(finished: &Finished) -> String {
    let of = |text: String| {
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        lines[lines.len().saturating_sub(MAX_LINES)..].join("\n")
    };
    let complaints = of(finished.stderr.end());
    let text = if complaints.is_empty() { of(finished.stdout.end()) } else { complaints };
    let text = safe_text(&text);
    let lines: Vec<_> = text.lines().map(printable).collect();
    let text = lines.join("\n");
    // The end says more than the beginning.
    text[text.ceil_char_boundary(text.len().saturating_sub(MAX_TOLD))..].to_owned()
}

fn complaint(finished: &Finished) -> String {
    let lines = last_lines(finished);
    if lines.is_empty() { ending(finished) } else { format!("{}: {lines}", ending(finished)) }
}

#[async_trait]
impl Remedy for RunCommand {
    fn id(&self) -> &RemedyId {
        &self.id
    }

    fn risk(&self) -> Risk {
        self.command.risk
    }

    async fn plan(&self, _cx: &RemedyContext) -> Result<Plan, RemedyError> {
        let shown = shown(&self.command.run);
        let step = Step::new(Self::STEP, format!("run {shown}"));
        let step = if self.command.undo.is_some() { step.undoable() } else { step };
        let program = self.command.run.first().map(|program| program.to_string_lossy().into_owned());
        let target = Target::new("command", program.unwrap_or_default());
        Ok(Plan::new(format!("run {shown}")).target(target).step(step).resource(format!("command/{}", self.id)))
    }

    async fn step(&self, cx: &RemedyContext, step: &Step) -> Result<Receipt, RemedyError> {
        Self::known(step)?;
        let finished = self.run(&self.command.run, cx).await.map_err(|error| RemedyError::failed(step, error))?;
        if finished.ending != Ending::Exited(0) {
            return Err(RemedyError::failed(step, complaint(&finished)));
        }
        Ok(Receipt::new(ending(&finished)).data(json!({ "exit_code": 0, "output": last_lines(&finished) })))
    }

    async fn probe(&self, cx: &RemedyContext, step: &Step) -> Result<StepState, RemedyError> {
        Self::known(step)?;
        let Some(probe) = &self.command.probe else { return Ok(StepState::Unknown) };
        let finished = self.run(probe, cx).await.map_err(|error| RemedyError::failed(step, error))?;
        Ok(match finished.ending {
            Ending::Exited(0) => StepState::Done,
            Ending::Exited(1) => StepState::NotDone,
            _ => StepState::Unknown,
        })
    }

    async fn undo(&self, cx: &RemedyContext, step: &Step) -> Result<(), RemedyError> {
        Self::known(step)?;
        let Some(undo) = &self.command.undo else {
            return Err(RemedyError::CannotUndo { step: step.name.clone() });
        };
        let finished = self.run(undo, cx).await.map_err(|error| RemedyError::failed(step, error))?;
        if finished.ending == Ending::Exited(0) {
            return Ok(());
        }
        Err(RemedyError::failed(step, format!("undoing it {}", complaint(&finished))))
    }

    async fn settle(&self, cx: &RemedyContext, step: &Step) -> Result<(), RemedyError> {
        let Some(attempt) = &cx.attempt else { return Ok(()) };
        let deadline = cx.deadline.checked_sub(MARGIN).unwrap_or(cx.deadline);
        let left = end_labelled(attempt, deadline).await.map_err(|error| RemedyError::failed(step, error))?;
        if left.is_empty() {
            return Ok(());
        }
        Err(RemedyError::failed(step, format!("what it started before cannot be killed: processes {left:?}")))
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;
