//! A command that runs, and waiting for it.

use std::process::{Child, ExitStatus};
use std::time::Duration;

use tokio::process::{ChildStderr, ChildStdin, ChildStdout};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout, timeout_at};

use super::capture::{Capture, Captured};
use super::feed::Feed;
use super::reaper::{self, Swept};
use super::spec::{Command, CommandError};
use super::tree::Tree;

/// How long an exited command's output is still read: something it started may hold the pipe for ever.
const PIPE_GRACE: Duration = Duration::from_millis(200);
/// How long to wait for the news that a killed tree is gone.
const SWEEP_TIME: Duration = Duration::from_secs(2);

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// It exited by itself with this code.
    Exited(i32),
    /// A signal ended it.
    Signalled(i32),
    /// Its time was over, and it was killed with everything it had started.
    TimedOut {
        /// The processes that could not be killed.
        survivors: Vec<u32>,
    },
}

/// A command that came to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// How it ended.
    pub ending: Ending,
    /// What it printed.
    pub stdout: Captured,
    /// What it complained about.
    pub stderr: Captured,
    /// How long it ran.
    pub duration: Duration,
    /// How many processes besides itself had to be killed, as far as they were seen.
    pub others_killed: usize,
}

/// A command that runs.
///
/// # Cancellation
/// Dropping it, also by dropping the future of [`finish`](Self::finish), kills the whole process tree at once; a thread of its own
/// makes sure that nothing escapes and no zombie is left.
#[derive(Debug)]
pub struct Running {
    /// Taken when somebody else takes care of it.
    alive: Option<(Child, Tree)>,
    input: Vec<u8>,
    output_limit: usize,
    grace: Duration,
    kill_leftovers: bool,
    started: Instant,
}

impl Running {
    pub(super) fn new(child: Child, mark: String, command: &Command) -> Self {
        let tree = Tree::new(child.id(), mark);
        Self {
            alive: Some((child, tree)),
            input: command.input.clone(),
            output_limit: command.output_limit,
            grace: command.grace,
            kill_leftovers: command.kill_leftovers,
            started: Instant::now(),
        }
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.alive.as_ref().map(|(child, _)| child.id())
    }

    /// Waits until it ends or `deadline` passes; then it is killed with everything it started.
    ///
    /// When it exits by itself, what is left in its process group is killed too unless it was told otherwise. Something it started that
    /// holds its output open is not waited for.
    ///
    /// # Cancellation
    /// Kills the process tree.
    ///
    /// # Errors
    /// [`CommandError::Wait`] when its output or its end cannot be watched.
    pub async fn finish(mut self, deadline: Instant) -> Result<Finished, CommandError> {
        let wait = |source| CommandError::Wait { source };
        let Some((child, _)) = &mut self.alive else {
            return Err(already());
        };
        let stdin = child.stdin.take().map(ChildStdin::from_std).transpose().map_err(wait)?;
        let stdout = child.stdout.take().map(ChildStdout::from_std).transpose().map_err(wait)?;
        let stderr = child.stderr.take().map(ChildStderr::from_std).transpose().map_err(wait)?;
        let mut output = Output {
            stdin: Feed::new(stdin, std::mem::take(&mut self.input)),
            stdout: Capture::new(stdout, self.output_limit),
            stderr: Capture::new(stderr, self.output_limit),
        };
        let exited = match output.drain_while(timeout_at(deadline, exit_of(child))).await {
            Ok(exited) => {
                exited.map_err(wait)?;
                true
            }
            Err(_) => false,
        };
        if exited { self.reap(output).await } else { self.kill(output).await }
    }

    /// Takes the exit status of a command that has exited.
    async fn reap(mut self, mut output: Output) -> Result<Finished, CommandError> {
        let duration = self.started.elapsed();
        output.stdin.close();
        let closed = timeout(PIPE_GRACE, output.drain()).await.is_ok();
        let Some((mut child, mut tree)) = self.alive.take() else { return Err(already()) };
        let mut others_killed = 0;
        if self.kill_leftovers {
            // It still counts as a member of its group until it is reaped, so the number cannot mean another group.
            tree.kill_group();
        }
        let status = child.wait().map_err(|source| CommandError::Wait { source })?;
        tree.leader_is_gone();
        if self.kill_leftovers && !closed {
            // Somebody outside the group holds the pipe.
            others_killed = sweep(child, tree).await.others;
        }
        let (stdout, stderr) = output.into_kept();
        Ok(Finished { ending: ending_of(status), stdout, stderr, duration, others_killed })
    }

    /// Kills a command whose time is over.
    async fn kill(mut self, mut output: Output) -> Result<Finished, CommandError> {
        if !self.grace.is_zero()
            && let Some((child, tree)) = &mut self.alive
        {
            output.stdin.close();
            tree.terminate();
            if let Ok(Err(error)) = output.drain_while(timeout(self.grace, exit_of(child))).await {
                tracing::debug!(%error, "cannot wait for a command that was asked to end");
            }
        }
        let duration = self.started.elapsed();
        let Some((child, tree)) = self.alive.take() else { return Err(already()) };
        let swept = output.drain_while(sweep(child, tree)).await;
        // What is in the pipes was printed in time.
        drop(timeout(PIPE_GRACE, output.drain()).await);
        let (stdout, stderr) = output.into_kept();
        let ending = Ending::TimedOut { survivors: swept.survivors };
        Ok(Finished { ending, stdout, stderr, duration, others_killed: swept.others })
    }
}

fn already() -> CommandError {
    CommandError::Wait { source: std::io::Error::other("it was waited for already") }
}

async fn sweep(child: Child, tree: Tree) -> Swept {
    let (sender, receiver) = oneshot::channel();
    let id = child.id();
    reaper::hand_over(child, tree, Some(sender));
    match timeout(SWEEP_TIME, receiver).await {
        Ok(Ok(swept)) => swept,
        Ok(Err(_)) | Err(_) => Swept { others: 0, survivors: vec![id] },
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some((mut child, mut tree)) = self.alive.take() {
            // At once and not by the reaper's thread: the whole program may be about to exit.
            reaper::kill_now(&mut child, &mut tree);
            reaper::hand_over(child, tree, None);
        }
    }
}

/// The two outputs and the input, read and written at the same time.
struct Output {
    stdin: Feed<ChildStdin>,
    stdout: Capture<ChildStdout>,
    stderr: Capture<ChildStderr>,
}

impl Output {
    /// Reads both to their end, and writes what is left.
    async fn drain(&mut self) {
        tokio::join!(self.stdout.drain(), self.stderr.drain(), self.stdin.write());
    }

    /// Reads both while something else goes on.
    async fn drain_while<F: Future>(&mut self, other: F) -> F::Output {
        let mut other = std::pin::pin!(other);
        if self.stdout.is_done() && self.stderr.is_done() && self.stdin.is_done() {
            return other.await;
        }
        tokio::select! {
            biased;
            answer = &mut other => return answer,
            () = self.drain() => {}
        }
        other.await
    }

    fn into_kept(self) -> (Captured, Captured) {
        (self.stdout.into_kept(), self.stderr.into_kept())
    }
}

fn ending_of(status: ExitStatus) -> Ending {
    #[cfg(unix)]
    {
        use std::os::unix::process::ExitStatusExt;
        if let Some(signal) = status.signal() {
            return Ending::Signalled(signal);
        }
    }
    Ending::Exited(status.code().unwrap_or(-1))
}

/// Waits until a child has exited, without taking its exit status: until that is taken, its number cannot be used again.
#[cfg(unix)]
async fn exit_of(child: &mut Child) -> std::io::Result<()> {
    use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
    let pid = Pid::from_child(child);
    #[cfg(target_os = "linux")]
    if let Ok(handle) = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()) {
        // tokio watches any file descriptor safely only as a pipe; of this one it is asked nothing but whether it is ready.
        let handle = tokio::net::unix::pipe::Receiver::from_owned_fd_unchecked(handle)?;
        handle.readable().await?;
        return Ok(());
    }
    let mut pause = Duration::from_millis(2);
    loop {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        if waitid(WaitId::Pid(pid), options)?.is_some() {
            return Ok(());
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

#[cfg(not(unix))]
async fn exit_of(child: &mut Child) -> std::io::Result<()> {
    while child.try_wait()?.is_none() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}
