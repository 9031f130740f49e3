//! This program as keeper and as executor.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use super::place::KeeperPlace;
use crate::base::fs::named;
use crate::sys::command::DEFAULT_ENVIRONMENT;

/// What the keeper says about itself is set aside when it is larger than this.
pub(super) const LARGEST_LOG: u64 = 1 << 20;

/// How keeper and executor are started: a program, and arguments before the word that says which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeeperProgram {
    /// The program.
    pub program: PathBuf,
    /// Arguments before the word.
    pub arguments: Vec<OsString>,
}

impl KeeperProgram {
    /// The program that runs now, without further arguments.
    ///
    /// # Errors
    /// What the system says when it does not know its path.
    pub fn current() -> io::Result<Self> {
        Ok(Self { program: std::env::current_exe()?, arguments: Vec::new() })
    }

    /// Starts a keeper that belongs to nobody: no terminal, no notification socket, nothing of this process' environment that it does
    /// not need. What it says goes to `keeper.log` in its folder.
    pub(in crate::service) fn start(&self, place: &KeeperPlace) -> io::Result<tokio::process::Child> {
        let log = open_log(&place.log()).map_or_else(
            |error| {
                // On a full disk it can do without.
                tracing::warn!(%error, "there is no keeper.log");
                Stdio::null()
            },
            Stdio::from,
        );
        let mut command = tokio::process::Command::new(&self.program);
        command
            .args(&self.arguments)
            .args([OsStr::new("keeper"), "--folder".as_ref(), place.folder().as_os_str()])
            .args([OsStr::new("--socket"), place.socket().as_os_str()])
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        let kept = DEFAULT_ENVIRONMENT.iter().chain(&["STRATHEAL_LOG", "RUST_BACKTRACE", "LD_LIBRARY_PATH"]);
        for name in kept {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command.spawn().map_err(|error| named(&self.program, &error))
    }

    /// This program as executor. The keeper's own file, not its path: that may hold another version by now.
    pub(super) fn executor(arguments: &[OsString]) -> io::Result<Command> {
        let program =
            if cfg!(target_os = "linux") { PathBuf::from("/proc/self/exe") } else { std::env::current_exe()? };
        let mut command = Command::new(program);
        command.args(arguments).args(["executor", "--order-on-stdin"]);
        Ok(command)
    }
}

/// What the keeper says about itself; what it said before is set aside when it is large.
fn open_log(path: &Path) -> io::Result<File> {
    if fs::metadata(path).is_ok_and(|found| found.len() > LARGEST_LOG) {
        fs::rename(path, path.with_extension("log.1")).map_err(|error| named(path, &error))?;
    }
    let log = OpenOptions::new().append(true).create(true).mode(0o600).open(path);
    log.map_err(|error| named(path, &error))
}

/// What this process was started as, if not as itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// As keeper.
    Keeper {
        /// Where.
        place: KeeperPlace,
        /// The arguments before the word, which the executor gets as well.
        arguments: Vec<OsString>,
    },
    /// As executor.
    Executor,
}

impl Role {
    /// Reads the arguments of a process, its name included.
    ///
    /// ```
    /// use stratheal_core::service::keeper::Role;
    /// let words = ["app", "executor", "--order-on-stdin"].map(Into::into);
    /// assert_eq!(Role::of(&words), Some(Role::Executor));
    /// assert_eq!(Role::of(&["app", "serve"].map(Into::into)), None);
    /// ```
    #[must_use]
    pub fn of(arguments: &[OsString]) -> Option<Self> {
        let words = arguments.get(1..)?;
        if words.ends_with(&[OsString::from("executor"), OsString::from("--order-on-stdin")]) {
            return Some(Self::Executor);
        }
        let (before, own) = words.split_at(words.len().checked_sub(5)?);
        let [word, first, folder, second, socket] = own else { return None };
        if word != "keeper" || first != "--folder" || second != "--socket" {
            return None;
        }
        let place = KeeperPlace::given(folder.into(), socket.into());
        Some(Self::Keeper { place, arguments: before.to_vec() })
    }

    /// Is what it was started as, until that ends.
    #[must_use]
    pub fn run(self) -> ExitCode {
        match self {
            Self::Executor => crate::service::executor::main(),
            Self::Keeper { place, arguments } => match super::serve::run(&place, arguments) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => {
                    tracing::error!(error = crate::base::class::chain(&error), "the keeper cannot go on");
                    ExitCode::FAILURE
                }
            },
        }
    }
}

/// Is keeper or executor if this process was started as one, and answers then how it ended.
///
/// Call it first thing in `main`, before threads are started.
#[must_use]
pub fn main_if_asked() -> Option<ExitCode> {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    Some(Role::of(&arguments)?.run())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_told_from_arguments() {
        let words = |text: &str| text.split(' ').map(OsString::from).collect::<Vec<_>>();
        let place = KeeperPlace::given("/a".into(), "/b".into());
        let keeper = |arguments: &str| {
            let arguments = arguments.split_whitespace().map(OsString::from).collect();
            Some(Role::Keeper { place: place.clone(), arguments })
        };
        assert_eq!(Role::of(&words("app keeper --folder /a --socket /b")), keeper(""));
        assert_eq!(Role::of(&words("app -x y keeper --folder /a --socket /b")), keeper("-x y"));
        assert_eq!(Role::of(&words("app -x executor --order-on-stdin")), Some(Role::Executor));
        for other in
            ["app", "app keeper", "app executor", "app keeper --folder /a", "app run keeper --folder /a --socket"]
        {
            assert_eq!(Role::of(&words(other)), None, "{other}");
        }
        assert_eq!(Role::of(&[]), None);
    }
}
