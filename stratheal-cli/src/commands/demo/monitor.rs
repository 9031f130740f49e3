//! The `stratheal up` that looks after the demo: another process, as it would be anywhere.

use std::fs::OpenOptions;
use std::io;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use stratheal_core::control::{ControlError, Request, Response};
use stratheal_core::model::view::Snapshot;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::project::Project;
use crate::failure::Failure;
use crate::place;

/// Where it prints, in the folder of the demo.
pub(super) const LOG: &str = "monitor.log";
/// How long it has to end.
const END: Duration = Duration::from_secs(40);

/// A monitor that runs. Killed when dropped; services go on then.
#[derive(Debug)]
pub(super) struct Monitor {
    child: Child,
}

impl Monitor {
    /// Starts one. What it prints is shown, or goes to [`LOG`] in the folder of the demo.
    pub(super) fn start(project: &Project, shown: bool) -> io::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        for (name, _) in std::env::vars_os() {
            // What a person set for their own monitor is not for this one.
            let text = name.to_string_lossy();
            if text.starts_with("STRATHEAL_") || text.ends_with("_DIRECTORY") || text.starts_with("WATCHDOG_") {
                command.env_remove(&name);
            }
        }
        command.env_remove("NOTIFY_SOCKET").arg("--config").args(&project.common.config);
        let packages = &project.packages;
        let options = [("--index", packages.index.as_deref())];
        for (option, value) in options.into_iter().filter_map(|(option, value)| Some((option, value?))) {
            command.args([option, value]);
        }
        for mirror in &packages.mirror {
            command.args(["--mirror", mirror]);
        }
        if packages.offline {
            command.arg("--offline");
        }
        if let Some(cache) = &packages.cache_dir {
            command.arg("--cache-dir").arg(cache);
        }
        command.arg("up").current_dir(&project.folder).stdin(Stdio::null()).kill_on_drop(true);
        // Ctrl-C is for the demo, which then ends it.
        command.process_group(0);
        if !shown {
            let log = OpenOptions::new().create(true).append(true).open(project.folder.join(LOG))?;
            command.stdout(log.try_clone()?).stderr(log);
        }
        Ok(Self { child: command.spawn()? })
    }

    /// Its process, while it runs.
    pub(super) fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// How it ended, if it did.
    pub(super) fn has_ended(&mut self) -> Option<String> {
        self.child.try_wait().ok()?.map(|status| status.to_string())
    }

    /// Waits until it ends by itself.
    pub(super) async fn wait(&mut self) -> io::Result<std::process::ExitStatus> {
        self.child.wait().await
    }

    /// Ends it as Ctrl-C does: it stops its services.
    pub(super) async fn end(mut self) -> Result<(), Failure> {
        self.signal(Signal::INT);
        match timeout(END, self.child.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(Failure::Usage(format!("the monitor of the demo ended with {status}"))),
            Ok(Err(error)) => Err(Failure::io("end the monitor of the demo", error)),
            Err(_) => Err(Failure::Usage(format!("the monitor of the demo did not end within {} s", END.as_secs()))),
        }
    }

    /// Kills it, and nothing else.
    pub(super) async fn kill(mut self) -> io::Result<()> {
        self.child.kill().await
    }

    fn signal(&self, signal: Signal) {
        let pid = self.child.id().and_then(|pid| Pid::from_raw(pid.cast_signed()));
        if let Some(pid) = pid
            && let Err(error) = kill_process(pid, signal)
        {
            tracing::debug!(%error, "the monitor cannot be signalled; it may have ended just now");
        }
    }
}

/// What the monitor says about all checks.
pub(super) async fn checks(project: &Project) -> Result<Snapshot, Failure> {
    match place::ask(&project.common, &Request::Snapshot).await? {
        Response::Snapshot(snapshot) => Ok((*snapshot).clone()),
        _ => Err(ControlError::Protocol.into()),
    }
}

/// What it says about the web server.
pub(super) async fn web(project: &Project) -> Result<Value, Failure> {
    match place::ask(&project.common, &Request::Services).await? {
        Response::Services(views) => Ok(views.into_iter().next().unwrap_or_default()),
        _ => Err(ControlError::Protocol.into()),
    }
}
