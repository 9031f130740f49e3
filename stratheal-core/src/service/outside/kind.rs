//! What all of them can do: be started, be stopped, and tell how they are.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, sleep};

use super::{commands, unit};
use crate::base::class::chain;
use crate::base::clock::{Clock, SystemClock};
use crate::base::redact::safe_text;
use crate::service::ending::{Ending, How as EndedHow};
use crate::service::spec::{Commands, How, ServiceSpec, UnitManager};
use crate::sys::command::{Command, Ending as CommandEnding, Finished};

/// How often while something is about to change.
const LOOK_CLOSELY: Duration = Duration::from_millis(100);
/// How long it may take to tell how it is.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// How long a service manager has to stop something, at least.
pub(in crate::service) const MANAGER: Duration = Duration::from_mins(2);

/// How a service is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::service) struct Seen {
    /// Whether it runs, or is about to.
    pub(in crate::service) alive: bool,
    /// Whether that is about to change.
    pub(in crate::service) changing: bool,
    /// Its first process.
    pub(in crate::service) pid: Option<u32>,
    /// How it ended, as far as that is known.
    pub(in crate::service) ending: Option<EndedHow>,
    /// Whether it ended for lack of memory.
    pub(in crate::service) out_of_memory: bool,
}

impl Seen {
    /// How it ended, when it does not run any more.
    pub(in crate::service) fn ended(&self, at: Timestamp) -> Ending {
        let how = self.ending.unwrap_or(EndedHow::Unseen);
        Ending { how, out_of_memory: self.out_of_memory, ..Ending::unseen(at) }
    }
}

/// A service that is no child.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::service) enum Outside {
    Unit { name: String, manager: UnitManager },
    Commands { commands: Commands, spec: Box<ServiceSpec> },
}

impl Outside {
    /// What a description says. A child has commands that do nothing.
    pub(in crate::service) fn of(spec: &ServiceSpec) -> Self {
        match &spec.how {
            How::Unit { name, manager } => Self::Unit { name: name.clone(), manager: *manager },
            How::Commands(commands) => Self::Commands { commands: commands.clone(), spec: Box::new(spec.clone()) },
            How::Child => {
                let nothing = Commands { start: Vec::new(), stop: Vec::new(), status: Vec::new() };
                Self::Commands { commands: nothing, spec: Box::new(spec.clone()) }
            }
        }
    }

    /// Starts it, and waits until it runs. Answers how it is then.
    pub(in crate::service) async fn start(&self, limit: Duration) -> Result<Seen, String> {
        let deadline = Instant::now() + limit;
        match self {
            Self::Unit { name, manager } => unit::change(*manager, "start", name, deadline).await?,
            Self::Commands { commands, spec } => commands::change(&commands.start, spec, deadline).await?,
        }
        self.until(|seen| seen.alive && !seen.changing, deadline, "it does not run after it was started").await
    }

    /// Stops it, and waits until it does not run any more. That is what counts, whatever the stop itself says.
    pub(in crate::service) async fn stop(&self, limit: Duration) -> Result<(), String> {
        let asked = match self {
            Self::Unit { name, manager } => {
                // A service manager has a limit of its own, which is longer as a rule.
                unit::change(*manager, "stop", name, Instant::now() + limit.max(MANAGER)).await
            }
            Self::Commands { commands, spec } => commands::change(&commands.stop, spec, Instant::now() + limit).await,
        };
        let limit = if asked.is_ok() { limit } else { Duration::ZERO };
        let gone = self.until(|seen| !seen.alive, Instant::now() + limit, "it still runs after it was stopped").await;
        gone.map(drop).map_err(|why| asked.err().unwrap_or(why))
    }

    /// How it is.
    pub(in crate::service) async fn status(&self) -> Result<Seen, String> {
        let deadline = Instant::now() + PATIENCE;
        match self {
            Self::Unit { name, manager } => unit::show(*manager, name, deadline).await,
            Self::Commands { commands, spec } => commands::status(&commands.status, spec, deadline).await,
        }
    }

    async fn until(&self, wanted: impl Fn(&Seen) -> bool, deadline: Instant, why_not: &str) -> Result<Seen, String> {
        loop {
            let seen = self.status().await?;
            if wanted(&seen) {
                return Ok(seen);
            }
            if Instant::now() >= deadline || (seen.ending.is_some() && !seen.changing && !seen.alive) {
                let ending = seen.ending.map(|_| seen.ended(SystemClock.now()).to_string());
                return Err(ending.map_or_else(|| why_not.to_owned(), |ending| format!("{why_not}: {ending}")));
            }
            sleep(LOOK_CLOSELY).await;
        }
    }
}

/// Runs a command to its end, or says what is wrong.
pub(super) async fn run(command: Command, deadline: Instant) -> Result<Finished, String> {
    // Looking a program up may block.
    let spawned = tokio::task::spawn_blocking(move || command.spawn()).await;
    let running = spawned.map_err(|error| error.to_string())?.map_err(|error| chain(&error))?;
    let finished = running.finish(deadline).await.map_err(|error| chain(&error))?;
    match finished.ending {
        CommandEnding::TimedOut { .. } => Err("it took too long and was killed".to_owned()),
        _ => Ok(finished),
    }
}

/// What a command that failed said about it, in one line without secrets.
pub(super) fn complaint(finished: &Finished, mask: impl Fn(&str) -> String) -> String {
    let text = if finished.stderr.bytes().is_empty() { finished.stdout.text() } else { finished.stderr.text() };
    let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or("it says nothing");
    // Before it is cut: half a secret is not found any more.
    let line = safe_text(&mask(line));
    let ending = match finished.ending {
        CommandEnding::Exited(code) => format!("exit code {code}"),
        CommandEnding::Signalled(signal) => format!("signal {}", crate::service::signal::name(signal)),
        CommandEnding::TimedOut { .. } => "too slow".to_owned(),
    };
    format!("{} ({ending})", crate::model::report::printable(&crate::model::report::cut(line.trim(), 300)))
}
