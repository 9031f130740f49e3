//! The first process of a container.
//!
//! It has duties that no other has: signals it does not handle are not delivered to it, and it has to reap whatever lost its parent. So
//! the program is run once more as its child; signals are passed on, strangers are reaped, and it ends as the child does. Source:
//! `pid_namespaces(7)`, and what `tini` does.

use std::ffi::OsString;
use std::io;
use std::process::{Command, ExitCode};

use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, kill_process, waitpid};
use tokio::signal::unix::{SignalKind, signal};

use super::tree::pid_of;

/// Said to the child, so that it does not do the same once more.
const CHILD: &str = "STRATHEAL_INIT_CHILD";

/// How a signal is listened to.
type Listen = fn() -> SignalKind;

/// Signals that are passed on.
const PASSED_ON: &[(Listen, Signal)] = &[
    (SignalKind::terminate, Signal::TERM),
    (SignalKind::interrupt, Signal::INT),
    (SignalKind::hangup, Signal::HUP),
    (SignalKind::user_defined1, Signal::USR1),
    (SignalKind::user_defined2, Signal::USR2),
];

/// If this is the first process of a machine or container: runs this program again with the same arguments, and answers how it ended.
/// Otherwise `None`, at once.
///
/// Call it first thing in `main`, before threads are started.
#[must_use]
pub fn run_as_child_if_first() -> Option<ExitCode> {
    if std::process::id() != 1 || std::env::var_os(CHILD).is_some() {
        return None;
    }
    let again = std::env::current_exe().map(|program| (program, std::env::args_os().skip(1).collect::<Vec<_>>()));
    match again.and_then(|(program, arguments)| run(program.into(), &arguments)) {
        Ok(code) => Some(code),
        Err(error) => {
            // It can do without: only orphans are not reaped then.
            tracing::error!(%error, "cannot run as a child of the first process");
            None
        }
    }
}

/// Runs a program as the only child, passes signals on to it, reaps whatever lost its parent, and answers how the program ended: with
/// its exit code, or with 128 and the number of the signal that ended it.
///
/// This process should be the first of its kind, or the sub-reaper of what it starts; it should have one thread.
///
/// # Errors
/// When the program cannot be started or waited for.
pub fn run(program: OsString, arguments: &[OsString]) -> io::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut child_signal = signal(SignalKind::child())?;
        let (sender, mut signals) = tokio::sync::mpsc::channel(16);
        for (kind, number) in PASSED_ON {
            let mut heard = signal(kind())?;
            let sender = sender.clone();
            tokio::spawn(async move { while heard.recv().await.is_some() && sender.send(*number).await.is_ok() {} });
        }
        let child = Command::new(program).args(arguments).env(CHILD, "1").spawn()?;
        let pid = pid_of(child.id()).ok_or_else(|| io::Error::other("the child has no number"))?;
        loop {
            tokio::select! {
                _ = child_signal.recv() => {}
                Some(number) = signals.recv() => pass_on(pid, number),
            }
            if let Some(status) = reap(pid)? {
                return Ok(code_of(status));
            }
        }
    })
}

fn pass_on(child: Pid, number: Signal) {
    if let Err(error) = kill_process(child, number) {
        tracing::debug!(%error, "cannot pass a signal on");
    }
}

/// Reaps everything that has ended; answers how the child did if it is among that.
fn reap(child: Pid) -> io::Result<Option<WaitStatus>> {
    loop {
        match waitpid(None, WaitOptions::NOHANG) {
            Ok(Some((pid, status))) if pid == child => return Ok(Some(status)),
            Ok(Some(_)) => {}
            Ok(None) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
    }
}

fn code_of(status: WaitStatus) -> ExitCode {
    let code = status.exit_status().or_else(|| status.terminating_signal().map(|signal| 128 + signal));
    ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX))
}
