//! What the program exits with.
//!
//! Statuses are 0 to 3, as in the Nagios plugin protocol. Commands about packages say why something could not be had by the numbers of
//! sysexits(3), so that a script can try again after 75 and must not after 65.

use std::process::{ExitCode, ExitStatus};

use stratheal_core::fetch::Cause;

/// What help says about exit codes.
pub(crate) const HELP: &str = "\
Exit codes:
  0 healthy or done, 1 warning, 2 critical, 3 unknown, wrong usage, or not done
  65 wrong hash, or a file that changed under the same name
  66 no such project, version or file; offline: not in the cache
  74 the disk is full, or the cache cannot be used
  75 the network: try again later
  77 credentials refused
  126, 127 `run`: the command cannot be executed, is not there; 128+N: signal N ended it
Begin with:  stratheal check   |   stratheal init   |   stratheal up   |   stratheal run -- pip install ...";

/// An environment is damaged, or its parts do not fit each other.
pub(crate) const DAMAGED: u8 = 1;

/// The command is there and cannot be executed, as shells say it.
pub(crate) const NOT_EXECUTABLE: u8 = 126;
/// The command is not there, as shells say it.
pub(crate) const NO_COMMAND: u8 = 127;

/// Somebody pressed Ctrl-C, as shells say it.
pub(crate) const INTERRUPTED: u8 = 130;

/// The exit code of a cause.
pub(crate) const fn of_cause(cause: Cause) -> u8 {
    match cause {
        Cause::Content => 65,
        Cause::NotFound | Cause::Offline => 66,
        Cause::Disk => 74,
        Cause::Denied => 77,
        // Network, and what a later version adds: trying again is the one thing that cannot hurt.
        _ => 75,
    }
}

/// Somebody asked for the end, as shells say it.
pub(crate) const TERMINATED: u8 = 143;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// By itself.
    Exited(u8),
    /// By a signal.
    Killed(i32),
}

impl From<ExitStatus> for Ended {
    fn from(status: ExitStatus) -> Self {
        #[cfg(unix)]
        if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
            return Self::Killed(signal);
        }
        // Other systems have larger codes; one that is not zero must not become zero.
        Self::Exited(status.code().map_or(1, |code| u8::try_from(code).unwrap_or(1)))
    }
}

/// What to exit with after a command. A cause explains a failure only: whoever succeeded or was told to end needs no explanation.
pub(crate) fn after(ended: Ended, cause: Option<Cause>, keep: bool) -> ExitCode {
    ExitCode::from(code_after(ended, cause, keep))
}

fn code_after(ended: Ended, cause: Option<Cause>, keep: bool) -> u8 {
    match (ended, cause) {
        (Ended::Killed(signal), _) => u8::try_from(128 + (signal & 127)).unwrap_or(u8::MAX),
        (Ended::Exited(code), Some(cause)) if code != 0 && !keep => of_cause(cause),
        (Ended::Exited(code), _) => code,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_explains_failures_only() {
        let network = Some(Cause::Network);
        for (ended, cause, keep, code) in [
            (Ended::Exited(0), network, false, 0),
            (Ended::Exited(1), None, false, 1),
            (Ended::Exited(1), network, false, 75),
            (Ended::Exited(1), network, true, 1),
            (Ended::Exited(2), Some(Cause::Content), false, 65),
            (Ended::Exited(2), Some(Cause::Disk), false, 74),
            (Ended::Exited(2), Some(Cause::Denied), false, 77),
            (Ended::Exited(2), Some(Cause::Offline), false, 66),
            (Ended::Killed(15), network, false, 143),
            (Ended::Killed(9), None, true, 137),
        ] {
            assert_eq!(code_after(ended, cause, keep), code, "{ended:?} {cause:?} {keep}");
        }
    }
}
