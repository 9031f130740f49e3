//! What to run, and starting it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use super::mark;
use super::running::Running;
use crate::base::class::{self, ErrorClass};

/// The variables a command gets from this process unless told otherwise: what programs need to find themselves, and nothing that
/// may be a secret.
pub const DEFAULT_ENVIRONMENT: &[&str] =
    &["PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "SYSTEMROOT", "TEMP", "TMP"];

/// A program with arguments, and how to run it.
///
/// ```
/// use std::time::Duration;
/// use stratheal_core::sys::command::{Command, Ending};
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), stratheal_core::sys::command::CommandError> {
/// # if cfg!(not(unix)) { return Ok(()); }
/// let command = Command::new("echo", ["hello"]);
/// let deadline = tokio::time::Instant::now() + Duration::from_secs(5);
/// let finished = command.spawn()?.finish(deadline).await?;
/// assert_eq!((finished.ending, finished.stdout.text().as_str()), (Ending::Exited(0), "hello\n"));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The program: a path, or a name that is looked up in `PATH`.
    pub program: OsString,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// The variables it gets from this process. Everything else is kept from it.
    pub inherit: Vec<String>,
    /// The variables it gets besides, by name.
    pub environment: BTreeMap<String, OsString>,
    /// The folder it starts in; that of this process when unset.
    pub folder: Option<PathBuf>,
    /// What it reads on its standard input, which then ends.
    pub input: Vec<u8>,
    /// The user it runs as; that of this process when unset. Only root may choose.
    pub run_as: Option<RunAs>,
    /// How many bytes of each of its two outputs are kept.
    pub output_limit: usize,
    /// How long it may clean up after SIGTERM when its time is over; zero kills it at once.
    pub grace: Duration,
    /// Whether what is left of its process group is killed when it has exited by itself.
    pub kill_leftovers: bool,
    /// A word in the environment of everything it starts, by which [`end_labelled`](super::end_labelled) finds it when this process is
    /// gone. Letters, digits and hyphens.
    pub label: Option<String>,
}

/// A user and a group. Supplementary groups of this process are dropped; `HOME` and `USER` are not changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunAs {
    /// The number of the user.
    pub user: u32,
    /// The number of the group.
    pub group: u32,
}

/// Why a command could not be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// There is no such program.
    #[error("there is no program `{}`{}", program.display(), if *searched { " in PATH" } else { "" })]
    NotFound {
        /// The program.
        program: PathBuf,
        /// Whether it was looked up in `PATH`.
        searched: bool,
    },
    /// It is there, but it is no program, or not for this user.
    #[error("`{}` cannot be executed", program.display())]
    NotExecutable {
        /// The file.
        program: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The folder to start in cannot be used.
    #[error("the folder `{}` cannot be used", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The system would not start it.
    #[error("`{}` cannot be started", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It was started, but how it ended cannot be told.
    #[error("cannot wait for a command")]
    Wait {
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl CommandError {
    /// What kind of trouble it is.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::NotFound { .. } => ErrorClass::Permanent,
            Self::NotExecutable { .. } => ErrorClass::Denied,
            Self::Folder { source, .. } | Self::Start { source, .. } | Self::Wait { source } => class::of_io(source),
        }
    }
}

impl Command {
    /// How many bytes of each output are kept unless told otherwise.
    pub const OUTPUT_LIMIT: usize = 4096;

    /// A program with arguments and the defaults for everything else.
    pub fn new<A: Into<OsString>>(program: impl Into<OsString>, arguments: impl IntoIterator<Item = A>) -> Self {
        Self {
            program: program.into(),
            arguments: arguments.into_iter().map(Into::into).collect(),
            inherit: DEFAULT_ENVIRONMENT.iter().map(|name| (*name).to_owned()).collect(),
            environment: BTreeMap::new(),
            folder: None,
            input: Vec::new(),
            run_as: None,
            output_limit: Self::OUTPUT_LIMIT,
            grace: Duration::ZERO,
            kill_leftovers: true,
            label: None,
        }
    }

    /// Starts it. Looking the program up and starting it may block while a disk does not answer, so this belongs on a thread that can
    /// be given up.
    ///
    /// # Errors
    /// [`CommandError`] with what is missing.
    pub fn spawn(&self) -> Result<Running, CommandError> {
        if let Some(folder) = &self.folder {
            let checked = std::fs::metadata(folder).and_then(|found| {
                if found.is_dir() { Ok(()) } else { Err(io::Error::from(io::ErrorKind::NotADirectory)) }
            });
            checked.map_err(|source| CommandError::Folder { folder: folder.clone(), source })?;
        }
        let environment = self.full_environment();
        let program = find_program(&self.program, environment.get("PATH"), self.folder.as_deref())?;
        let mark = mark::fresh();
        let inherited = std::env::var(mark::VARIABLE).ok();
        let labelled = self.label.as_ref().map(|label| mark::value(inherited.as_deref(), label));
        let mut command = std::process::Command::new(&program);
        command
            .args(&self.arguments)
            .env_clear()
            .envs(&environment)
            .env(mark::VARIABLE, mark::value(labelled.as_deref().or(inherited.as_deref()), &mark))
            .stdin(if self.input.is_empty() { Stdio::null() } else { Stdio::piped() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
        }
        #[cfg(unix)]
        {
            use std::os::unix::process::CommandExt;
            command.process_group(0).arg0(&self.program);
            if let Some(RunAs { user, group }) = self.run_as {
                command.uid(user).gid(group);
            }
        }
        #[cfg(not(unix))]
        if self.run_as.is_some() {
            let source = io::Error::new(io::ErrorKind::Unsupported, "a command runs as another user on Unix only");
            return Err(CommandError::Start { program, source });
        }
        let child = command.spawn().map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => CommandError::NotFound { program: program.clone(), searched: false },
            io::ErrorKind::PermissionDenied => CommandError::NotExecutable { program: program.clone(), source },
            #[cfg(unix)]
            _ if source.raw_os_error() == Some(rustix::io::Errno::NOEXEC.raw_os_error()) => {
                CommandError::NotExecutable { program: program.clone(), source }
            }
            _ => CommandError::Start { program: program.clone(), source },
        })?;
        Ok(Running::new(child, mark, self))
    }

    fn full_environment(&self) -> BTreeMap<String, OsString> {
        let inherited = self.inherit.iter().filter_map(|name| Some((name.clone(), std::env::var_os(name)?)));
        let mut environment: BTreeMap<String, OsString> = inherited.collect();
        environment.extend(self.environment.iter().map(|(name, value)| (name.clone(), value.clone())));
        environment
    }
}

/// Finds a program as a shell would, but once and with a reason when it fails. A relative path starts from the command's folder.
#[cfg(unix)]
pub(crate) fn find_program(
    program: &OsString,
    path: Option<&OsString>,
    folder: Option<&Path>,
) -> Result<PathBuf, CommandError> {
    use std::os::unix::fs::PermissionsExt;
    let given = Path::new(program);
    if given.components().count() != 1 || given.is_absolute() || program.as_encoded_bytes().contains(&b'/') {
        return Ok(folder.map_or_else(|| given.to_owned(), |folder| folder.join(given)));
    }
    let default = OsString::from("/usr/local/bin:/usr/bin:/bin");
    let mut denied = None;
    for place in std::env::split_paths(path.unwrap_or(&default)) {
        let candidate = place.join(given);
        match std::fs::metadata(&candidate) {
            Ok(found) if found.is_file() && found.permissions().mode() & 0o111 != 0 => return Ok(candidate),
            Ok(found) if found.is_file() => denied = denied.or(Some(candidate)),
            _ => {}
        }
    }
    Err(match denied {
        Some(program) => {
            CommandError::NotExecutable { program, source: io::Error::from(io::ErrorKind::PermissionDenied) }
        }
        None => CommandError::NotFound { program: given.to_owned(), searched: true },
    })
}

#[cfg(not(unix))]
fn find_program(program: &OsString, _path: Option<&OsString>, _folder: Option<&Path>) -> Result<PathBuf, CommandError> {
    Ok(PathBuf::from(program))
}
