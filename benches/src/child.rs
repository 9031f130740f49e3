//! Processes that end with the benchmark, whatever happens.

use std::ffi::OsStr;
use std::fs::File;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncReadExt;
use tokio::process::{ChildStdin, ChildStdout, Command};

use crate::failure::Failure;
use crate::launcher;

/// How long a process may take to end once it was asked to.
const GRACE: Duration = Duration::from_secs(15);

/// A process in a group of its own, which is killed as a whole when this is dropped.
#[derive(Debug)]
pub struct Child {
    name: String,
    process: tokio::process::Child,
    group: Pid,
}

impl Child {
    /// Starts a program. What it has to say about itself goes to `log`; its input and output are pipes when `piped`, else its
    /// output goes to the log as well.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start<S: AsRef<OsStr>>(
        name: &str,
        processor: Option<usize>,
        program: impl AsRef<OsStr>,
        arguments: impl IntoIterator<Item = S>,
        log: &Path,
        piped: bool,
    ) -> Result<Self, Failure> {
        let cannot = |error: std::io::Error| Failure::io(format!("cannot start {name}"), &error);
        let log = File::create(log).map_err(cannot)?;
        let mut command = Command::new(std::env::current_exe().map_err(cannot)?);
        command.arg(launcher::ARGUMENT).arg(processor.map_or_else(|| "-".to_owned(), |number| number.to_string()));
        command.arg(program).args(arguments).process_group(0).kill_on_drop(true);
        if piped {
            command.stdin(Stdio::piped()).stdout(Stdio::piped());
        } else {
            command.stdin(Stdio::null()).stdout(log.try_clone().map_err(cannot)?);
        }
        let process = command.stderr(log).spawn().map_err(cannot)?;
        let group = process.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        let group = group.ok_or_else(|| Failure::new(format!("{name} has no process id")))?;
        Ok(Self { name: name.to_owned(), process, group })
    }

    /// Starts this very program in one of its hidden roles, with pipes.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start_role(role: &str, processor: Option<usize>, arguments: &[String], log: &Path) -> Result<Self, Failure> {
        let program = std::env::current_exe()?;
        let arguments = std::iter::once(role.to_owned()).chain(arguments.iter().cloned());
        Self::start(role.trim_start_matches('_'), processor, program, arguments, log, true)
    }

    /// The process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.group.as_raw_nonzero().get().cast_unsigned()
    }

    /// Its input and output, once.
    pub fn pipes(&mut self) -> Option<(ChildStdin, ChildStdout)> {
        self.process.stdin.take().zip(self.process.stdout.take())
    }

    /// Complains when it has ended already.
    ///
    /// # Errors
    /// When it has.
    pub fn still_runs(&mut self) -> Result<(), Failure> {
        match self.process.try_wait()? {
            None => Ok(()),
            Some(status) => Err(Failure::new(format!("{} ended by itself: {status}", self.name))),
        }
    }

    /// Asks it to end, waits, and kills what is left of its group. Everything it still had to say is returned.
    ///
    /// # Errors
    /// When it does not end.
    pub async fn stop(mut self, output: Option<ChildStdout>) -> Result<String, Failure> {
        // It may have ended in this very moment.
        let _ = kill_process_group(self.group, Signal::TERM);
        let mut text = String::new();
        let end = async {
            if let Some(mut output) = output {
                output.read_to_string(&mut text).await?;
            }
            self.process.wait().await
        };
        match tokio::time::timeout(GRACE, end).await {
            Ok(Ok(_)) => Ok(text),
            Ok(Err(error)) => Err(Failure::io(format!("lost {}", self.name), &error)),
            Err(_) => Err(Failure::new(format!("{} did not end within {} s", self.name, GRACE.as_secs()))),
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // Nothing may be left; an empty group is what we want.
        let _ = kill_process_group(self.group, Signal::KILL);
    }
}
