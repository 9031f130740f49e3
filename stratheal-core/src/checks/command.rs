//! Runs a command and believes its exit code, as Nagios does: 0 healthy, 1 warning, 2 critical, 3 unknown.
//!
//! Its first line of output is the summary, performance data become metrics, further lines are kept in `data`. The metric `duration` is
//! added. Facts: `exit_code`, `output`. A command that exceeds its time is killed with everything it started, and what it printed until
//! then is reported. Other exit codes and signals are Unknown: then the plugin is broken, not what it looks at.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use tokio::time::Instant;

use super::plugin;
use super::{Measure, Measurement};
use crate::base::class::chain;
use crate::contract::{CheckContext, CheckError, CheckKind};
use crate::model::quantity::show_seconds;
use crate::model::report::cut;
use crate::model::{Metric, Report, Status};
use crate::sys::command::{Captured, Command as Program, CommandError, Ending, Finished};

/// What makes a Warning unless told otherwise: nothing, the command decides.
pub const DEFAULT_WARN: &[&str] = &[];
/// What makes a Critical unless told otherwise: nothing, the command decides.
pub const DEFAULT_CRIT: &[&str] = &[];

/// The most bytes of long output and of complaints that go into a report each.
const MAX_DATA: usize = 4096;

/// What to run, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandOptions {
    /// The program: a path, or a name that is looked up in `PATH`. Never a shell line.
    pub program: OsString,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Variables it gets from this process besides those every command gets.
    pub inherit: Vec<String>,
    /// Variables it gets with these values.
    pub environment: BTreeMap<String, OsString>,
    /// The folder it starts in; that of this process when unset.
    pub folder: Option<PathBuf>,
    /// How much of its output is read, in bytes.
    pub output_limit: usize,
    /// How long it may take; until shortly before the end of the run when unset, or when that comes first.
    pub timeout: Option<Duration>,
    /// How long it may clean up after SIGTERM when its time is over; zero kills it at once.
    pub grace: Duration,
}

impl CommandOptions {
    /// Runs a program with arguments, with the defaults for everything else.
    pub fn new<A: Into<OsString>>(program: impl Into<OsString>, arguments: impl IntoIterator<Item = A>) -> Self {
        Self {
            program: program.into(),
            arguments: arguments.into_iter().map(Into::into).collect(),
            inherit: Vec::new(),
            environment: BTreeMap::new(),
            folder: None,
            output_limit: Program::OUTPUT_LIMIT,
            timeout: None,
            grace: Duration::ZERO,
        }
    }
}

/// Runs a command.
///
/// # Cancellation
/// Kills the command and everything it started.
#[derive(Debug)]
pub struct Command {
    program: Program,
    timeout: Option<Duration>,
    /// What this check's blocking start is called, apart from others that run the same program.
    key: String,
}

impl Command {
    /// A check that runs a command.
    #[must_use]
    pub fn new(options: CommandOptions) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let key = format!("start of {} (command {number})", options.program.display());
        let mut program = Program::new(options.program, options.arguments);
        program.inherit.extend(options.inherit);
        program.environment = options.environment;
        program.folder = options.folder;
        program.output_limit = options.output_limit;
        program.grace = options.grace;
        Self { program, timeout: options.timeout, key }
    }

    /// When the command has to end: early enough that killing it and reporting still fit into the run.
    fn deadline(&self, cx: &CheckContext) -> Instant {
        let left = cx.remaining();
        let margin = (left / 5).min(Duration::from_millis(500)) + self.program.grace.min(left / 2);
        let last = cx.deadline - margin.min(left);
        self.timeout.map_or(last, |timeout| last.min(Instant::now() + timeout))
    }
}

#[async_trait]
impl Measure for Command {
    fn kind(&self) -> CheckKind {
        CheckKind::Command
    }

    async fn measure(&self, cx: &CheckContext) -> Result<Measurement, CheckError> {
        let deadline = self.deadline(cx);
        let program = self.program.clone();
        // Looking a program up and starting it can hang on a dead mount.
        let started = cx.blocking(&self.key, move || program.spawn()).await?;
        let finished = match started {
            Ok(running) => running.finish(deadline).await,
            Err(error) => Err(error),
        };
        match finished {
            Ok(finished) => {
                Ok(measurement(&finished, self.timeout.map_or(cx.timeout, |own| own.min(cx.timeout)), cx.on_timeout))
            }
            Err(error) => Ok(not_started(&error).into()),
        }
    }
}

fn not_started(error: &CommandError) -> Report {
    let report = Report::unknown(chain(error));
    match error {
        CommandError::NotFound { .. } => report.code("not-found").hint("install it, or correct its name or path"),
        CommandError::NotExecutable { .. } => report
            .code("not-executable")
            .hint("make it executable for this user; a script also needs a first line such as `#!/bin/sh`"),
        CommandError::Folder { .. } => report.code("not-found").hint("correct the folder it should start in"),
        _ => report.code("not-started"),
    }
}

fn measurement(finished: &Finished, given: Duration, on_timeout: Status) -> Measurement {
    let plugin = plugin::parse(&finished.stdout.text());
    let complaint = finished.stderr.text();
    let said = [plugin.summary.as_str(), complaint.lines().next().unwrap_or_default()];
    let said = said.into_iter().map(str::trim).find(|text| !text.is_empty()).map(str::to_owned);
    let colon = said.as_ref().map(|text| format!(": {text}")).unwrap_or_default();
    let report = match &finished.ending {
        Ending::Exited(code @ 0..=3) => {
            let text = said.unwrap_or_else(|| format!("exit code {code}, without a word"));
            Report::new(Status::from_exit_code(*code), text)
        }
        Ending::Exited(code) => {
            let report = Report::unknown(format!("exit code {code} is none of 0 to 3{colon}")).code("exit-code");
            match code {
                126 => report.hint("a program it starts is not executable"),
                127 => report.hint("a program it starts is not there"),
                _ => report.hint("run it by hand; a plugin answers 0, 1, 2 or 3"),
            }
        }
        Ending::Signalled(signal) => {
            Report::unknown(format!("ended by {}{colon}", signal_name(*signal))).code("signal")
        }
        Ending::TimedOut { survivors } => timed_out(finished, survivors, given, on_timeout, said.as_deref()),
    };
    let mut report = with_output(report, finished, &plugin.long, &complaint);
    report.metrics = plugin.metrics;
    report.metrics.push(Metric::seconds("duration", finished.duration));
    if !plugin.malformed.is_empty() {
        report = report.datum("malformed_performance_data", cut(&plugin.malformed.join(" "), MAX_DATA));
    }
    let exit_code = match finished.ending {
        Ending::Exited(code) => Value::from(code),
        _ => Value::Null,
    };
    Measurement::new(report).fact("exit_code", exit_code).fact("output", finished.stdout.text())
}

fn timed_out(
    finished: &Finished,
    survivors: &[u32],
    given: Duration,
    on_timeout: Status,
    said: Option<&str>,
) -> Report {
    let time = show_seconds(given.as_secs_f64());
    let others = match finished.others_killed {
        0 => String::new(),
        1 => " with another process".to_owned(),
        more => format!(" with {more} other processes"),
    };
    let killed = if survivors.is_empty() {
        format!("was killed{others}")
    } else {
        format!("cannot be killed, processes {survivors:?} are left")
    };
    let said = said.map(|text| format!("; it had printed: {text}")).unwrap_or_default();
    Report::new(on_timeout, format!("did not end within {time} and {killed}{said}"))
        .code("timed-out")
        .hint("give it more time, or look what it waits for")
}

fn with_output(mut report: Report, finished: &Finished, long: &str, complaint: &str) -> Report {
    if !long.is_empty() {
        report = report.datum("output", cut(long, MAX_DATA));
    }
    if !complaint.trim().is_empty() {
        report = report.datum("stderr", cut(complaint.trim_end(), MAX_DATA));
    }
    let note = |captured: &Captured| captured.is_cut().then_some(captured.total());
    if let Some(total) = note(&finished.stdout) {
        report = report.datum("output_bytes", total);
    }
    if let Some(total) = note(&finished.stderr) {
        report = report.datum("stderr_bytes", total);
    }
    report
}

/// The usual signals by name; their numbers are the same on all systems this runs on.
fn signal_name(signal: i32) -> String {
    let name = match signal {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        6 => "SIGABRT",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        13 => "SIGPIPE",
        14 => "SIGALRM",
        15 => "SIGTERM",
        _ => return format!("signal {signal}"),
    };
    format!("signal {signal} ({name})")
}
