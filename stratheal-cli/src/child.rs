//! A command that has the terminal for itself, and gets the signals that we get.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::process::Stdio;

use tokio::process::Command;

use crate::exit::Ended;

/// Variables to set, or to remove where there is no value.
pub(crate) type Variables = BTreeMap<String, Option<OsString>>;

/// Runs a command to its end. It inherits the terminal, the folder and the environment, with some variables changed.
///
/// # Errors
/// When it cannot be started or waited for.
#[cfg(unix)]
pub(crate) async fn run(command: &[OsString], variables: &Variables) -> io::Result<Ended> {
    use tokio::signal::unix::{SignalKind, signal};
    // Before it starts: a signal that comes right after must reach it, and not end this program alone.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut quit = signal(SignalKind::quit())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let mut user_one = signal(SignalKind::user_defined1())?;
    let mut user_two = signal(SignalKind::user_defined2())?;
    let mut child = spawn(command, variables)?;
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
    loop {
        use rustix::process::Signal;
        let (received, from_keyboard) = tokio::select! {
            ended = child.wait() => return Ok(ended?.into()),
            _ = interrupt.recv() => (Signal::INT, true),
            _ = quit.recv() => (Signal::QUIT, true),
            _ = terminate.recv() => (Signal::TERM, false),
            _ = hang_up.recv() => (Signal::HUP, false),
            _ = user_one.recv() => (Signal::USR1, false),
            _ = user_two.recv() => (Signal::USR2, false),
        };
        // Ctrl-C reaches everybody in the foreground; twice means "give up at once" to many programs.
        if from_keyboard && in_foreground() {
            continue;
        }
        if let Some(pid) = pid
            && let Err(error) = rustix::process::kill_process(pid, received)
        {
            tracing::debug!(%error, "the command cannot be signalled; it may have ended just now");
        }
    }
}

/// Runs a command to its end.
#[cfg(not(unix))]
pub(crate) async fn run(command: &[OsString], variables: &Variables) -> io::Result<Ended> {
    Ok(spawn(command, variables)?.wait().await?.into())
}

fn spawn(command: &[OsString], variables: &Variables) -> io::Result<tokio::process::Child> {
    let [program, arguments @ ..] = command else {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    };
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::inherit()).stdout(Stdio::inherit()).stderr(Stdio::inherit());
    for (name, value) in variables {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.spawn()
}

/// Whether the terminal sends its signals to this program's process group.
#[cfg(unix)]
fn in_foreground() -> bool {
    let own = rustix::process::getpgrp();
    let is_own = |group: rustix::io::Result<rustix::process::Pid>| group.is_ok_and(|group| group == own);
    is_own(rustix::termios::tcgetpgrp(io::stdin()))
        || is_own(rustix::termios::tcgetpgrp(io::stdout()))
        || is_own(rustix::termios::tcgetpgrp(io::stderr()))
}
