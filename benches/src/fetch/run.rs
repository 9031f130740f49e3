//! One program, run to its end or to its time limit.

use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::time::Instant;

use crate::failure::Failure;

/// What became of a program.
#[derive(Debug, Clone)]
pub struct Run {
    /// Whether it ended well, and in time.
    pub success: bool,
    /// How long it ran.
    pub took: Duration,
    /// The last lines of what it said.
    pub said: String,
}

/// Kills a process and its children when it goes away.
struct Group(Pid);

impl Drop for Group {
    fn drop(&mut self) {
        // An empty group is what we want.
        let _ = kill_process_group(self.0, Signal::KILL);
    }
}

/// Runs a program; what it says goes to a file. It is killed with its children when the time is over.
///
/// # Errors
/// When it cannot be started.
pub async fn run(mut command: Command, limit: Duration, log: &Path) -> Result<Run, Failure> {
    let name = command.get_program().to_string_lossy().into_owned();
    let cannot = |error: std::io::Error| Failure::io(format!("cannot run {name}"), &error);
    let file = File::create(log).map_err(cannot)?;
    command.stdin(Stdio::null()).stdout(file.try_clone().map_err(cannot)?).stderr(file).process_group(0);
    let began = Instant::now();
    let mut child = tokio::process::Command::from(command).spawn().map_err(cannot)?;
    let group = child.id().and_then(|id| Pid::from_raw(id.cast_signed())).map(Group);
    let status = tokio::time::timeout(limit, child.wait()).await;
    let took = began.elapsed();
    drop(group);
    let said = fs::read_to_string(log).unwrap_or_default();
    let last: Vec<_> = said.lines().rev().take(30).collect();
    let said = last.into_iter().rev().collect::<Vec<_>>().join("\n");
    if let Ok(status) = status {
        return Ok(Run { success: status.map_err(cannot)?.success(), took, said });
    }
    child.wait().await.map_err(cannot)?;
    Ok(Run { success: false, took, said: format!("{said}\nstill running after {} s", limit.as_secs()) })
}
