//! What a service is, as whoever configures it says.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::signal::StopSignal;
use super::wire;
use crate::base::class::ErrorClass;
use crate::base::redact::Secret;
use crate::model::{CheckId, ServiceId};

/// A program that shall run.
///
/// ```
/// use stratheal_core::model::ServiceId;
/// use stratheal_core::service::{Ready, ServiceSpec};
/// let mut spec = ServiceSpec::child(ServiceId::new("api").unwrap(), ["uvicorn", "app:app", "--port", "8080"]);
/// spec.environment = Some("/srv/app/.venv".into());
/// spec.ready = Ready::Notify;
/// spec.ports = vec![8080];
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceSpec {
    /// Its name.
    pub id: ServiceId,
    /// How it is started and stopped.
    pub how: How,
    /// The program with its arguments. A name without `/` is looked for in the environment first, then in `PATH`.
    pub run: Vec<String>,
    /// The folder it starts in; the root of the file system when unset.
    pub folder: Option<PathBuf>,
    /// The virtual environment it belongs to: its `bin` comes first in `PATH`, and `VIRTUAL_ENV` names it.
    pub environment: Option<PathBuf>,
    /// Variables with their values.
    pub variables: Vec<(String, Secret<String>)>,
    /// Variables that are taken from this process, besides those that every program gets.
    pub inherit: Vec<String>,
    /// The user it runs as: a name of `/etc/passwd`, or a number. Anything else than the own user needs root.
    pub user: Option<String>,
    /// When it counts as ready.
    pub ready: Ready,
    /// Services that have to be ready before it is started.
    pub depends_on: Vec<ServiceId>,
    /// How long it may take to be ready.
    pub start_timeout: Duration,
    /// How long it may clean up after the stop signal, before it is killed.
    pub stop_timeout: Duration,
    /// What asks it to end.
    pub stop_signal: StopSignal,
    /// Who gets that signal.
    pub stop_whom: Whom,
    /// The TCP ports it is going to listen on. When somebody else does, it is not started.
    pub ports: Vec<u16>,
    /// What becomes of its output.
    pub log: LogPolicy,
    /// What it may use.
    pub limits: Limits,
}

/// How a service is started and stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum How {
    /// As a child of the keeper.
    Child,
    /// By a service manager, under this name.
    Unit {
        /// The unit, such as `postgresql.service`.
        name: String,
        /// Whose units.
        manager: UnitManager,
    },
    /// By programs that start it, stop it and tell whether it runs.
    Commands(Commands),
}

/// Whose units are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UnitManager {
    /// Those of the system. Starting and stopping needs root, or a rule that allows it.
    #[default]
    System,
    /// Those of the user.
    User,
}

/// Programs with arguments that start and stop a service which looks after its own processes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commands {
    /// Starts it, and ends.
    pub start: Vec<String>,
    /// Stops it, and ends.
    pub stop: Vec<String>,
    /// Exits with 0 while it runs.
    pub status: Vec<String>,
}

/// When a service counts as ready.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Ready {
    /// As soon as its program runs.
    #[default]
    AtOnce,
    /// As soon as this check passes.
    Check(CheckId),
    /// When it says `READY=1` as `sd_notify(3)` describes it.
    Notify,
}

/// Who gets the stop signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Whom {
    /// Its whole process group.
    #[default]
    Group,
    /// The first process alone, which tells the others.
    Leader,
}

/// What becomes of what a service prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogPolicy {
    /// A file that gets larger than this is set aside.
    pub max_size: u64,
    /// How many such files are kept.
    pub keep: u32,
    /// Texts that must not be written. Values of variables whose names sound secret, and passwords in the URLs of others, are among
    /// them by themselves; see [`logs`](super::logs).
    #[serde(with = "wire::secrets")]
    pub secrets: Vec<Secret<String>>,
    /// Regular expressions; what fits is not written.
    pub patterns: Vec<String>,
}

impl LogPolicy {
    /// The smallest size at which a log may be set aside: a few of the longest lines.
    pub const SMALLEST: u64 = 64 << 10;
}

impl Default for LogPolicy {
    fn default() -> Self {
        Self { max_size: 10 << 20, keep: 5, secrets: Vec::new(), patterns: Vec::new() }
    }
}

/// What a service may use; what is unset stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Limits {
    /// Files open at the same time (`RLIMIT_NOFILE`).
    pub open_files: Option<u64>,
    /// Processes of its user (`RLIMIT_NPROC`).
    pub processes: Option<u64>,
    /// Address space of each process, in bytes (`RLIMIT_AS`).
    pub memory: Option<u64>,
    /// The largest core dump, in bytes (`RLIMIT_CORE`).
    pub core: Option<u64>,
    /// The largest file it may write, in bytes (`RLIMIT_FSIZE`).
    pub file_size: Option<u64>,
    /// How nice it is to others: 0 to 19, or down to -20 for root.
    pub nice: Option<i32>,
    /// Permissions that new files do not get; 0o022 when unset.
    pub umask: Option<u32>,
}

/// Why services cannot be as they were described.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpecError {
    /// Two have one name.
    #[error("the service `{0}` is described twice")]
    Twice(ServiceId),
    /// There is nothing to run.
    #[error("the service `{id}` has no {what}")]
    Empty {
        /// Which.
        id: ServiceId,
        /// What is missing.
        what: &'static str,
    },
    /// It depends on a service that is not there.
    #[error("the service `{id}` depends on `{on}`, which is not there")]
    NoSuchDependency {
        /// Which.
        id: ServiceId,
        /// On what.
        on: ServiceId,
    },
    /// They wait for each other.
    #[error("services wait for each other: {}", circle.iter().map(ServiceId::as_str).collect::<Vec<_>>().join(" -> "))]
    Circle {
        /// Each with the one it depends on behind it; the first once more at the end.
        circle: Vec<ServiceId>,
    },
    /// A text of it cannot be used.
    #[error("the {what} of the service `{id}` cannot be used: {problem}")]
    Invalid {
        /// Which.
        id: ServiceId,
        /// What of it.
        what: &'static str,
        /// What is wrong with it.
        problem: String,
    },
}

impl SpecError {
    /// What kind of trouble it is.
    #[must_use]
    pub const fn class(&self) -> ErrorClass {
        ErrorClass::Usage
    }
}

impl ServiceSpec {
    /// How long a service may take to be ready unless told otherwise.
    pub const START_TIMEOUT: Duration = Duration::from_mins(1);
    /// How long a service may take to end unless told otherwise.
    pub const STOP_TIMEOUT: Duration = Duration::from_secs(10);

    /// A program that runs as a child, with defaults for everything else.
    pub fn child<W: Into<String>>(id: ServiceId, run: impl IntoIterator<Item = W>) -> Self {
        Self::of(id, How::Child, run.into_iter().map(Into::into).collect())
    }

    /// A unit of the system's service manager.
    #[must_use]
    pub fn unit(id: ServiceId, name: impl Into<String>) -> Self {
        Self::of(id, How::Unit { name: name.into(), manager: UnitManager::System }, Vec::new())
    }

    /// A program that is started and stopped by commands.
    #[must_use]
    pub fn commands(id: ServiceId, commands: Commands) -> Self {
        Self::of(id, How::Commands(commands), Vec::new())
    }

    fn of(id: ServiceId, how: How, run: Vec<String>) -> Self {
        Self {
            id,
            how,
            run,
            folder: None,
            environment: None,
            variables: Vec::new(),
            inherit: Vec::new(),
            user: None,
            ready: Ready::default(),
            depends_on: Vec::new(),
            start_timeout: Self::START_TIMEOUT,
            stop_timeout: Self::STOP_TIMEOUT,
            stop_signal: StopSignal::TERM,
            stop_whom: Whom::Group,
            ports: Vec::new(),
            log: LogPolicy::default(),
            limits: Limits::default(),
        }
    }

    /// Whether everything of it can be used, as far as that can be told without trying.
    ///
    /// # Errors
    /// [`SpecError`] with the first that cannot.
    pub fn validate(&self) -> Result<(), SpecError> {
        let empty = |what| SpecError::Empty { id: self.id.clone(), what };
        let invalid = |what, problem| SpecError::Invalid { id: self.id.clone(), what, problem };
        let first = |words: &[String], what| match words.first() {
            Some(word) if !word.is_empty() => Ok(()),
            _ => Err(empty(what)),
        };
        match &self.how {
            How::Child => first(&self.run, "program to run")?,
            How::Unit { name, .. } if name.is_empty() || name.starts_with('-') => return Err(empty("name of a unit")),
            How::Unit { .. } => {}
            How::Commands(commands) => {
                first(&commands.start, "command to start it")?;
                first(&commands.stop, "command to stop it")?;
                first(&commands.status, "command that tells whether it runs")?;
            }
        }
        if let Some(word) = self.run.iter().find(|word| word.contains('\0')) {
            return Err(invalid("program", format!("a zero byte in `{}`", word.replace('\0', "\\0"))));
        }
        for (name, value) in &self.variables {
            let bad_name = name.is_empty() || name.contains(['=', '\0']);
            if bad_name || value.expose().contains('\0') {
                return Err(invalid("variables", format!("`{name}` cannot be set")));
            }
        }
        if self.log.max_size < LogPolicy::SMALLEST {
            let problem = format!("{} bytes are too few: use at least {}", self.log.max_size, LogPolicy::SMALLEST);
            return Err(invalid("size of the log", problem));
        }
        super::logs::Redactor::new(&self.secrets(&[]), &self.log.patterns)
            .map(drop)
            .map_err(|error| invalid("patterns", error.to_string()))
    }

    /// The variables it takes from this process because it says so, which answers for them by name.
    pub(super) fn inherited(&self, variable: impl Fn(&str) -> Option<String>) -> Vec<(String, Secret<String>)> {
        let value = |name: &String| Some((name.clone(), Secret::new(variable(name)?)));
        self.inherit.iter().filter_map(value).collect()
    }

    /// Everything that nobody may be shown of what it prints or says. What it inherits may be a secret as well.
    pub(super) fn secrets(&self, inherited: &[(String, Secret<String>)]) -> Vec<Secret<String>> {
        let variables = self.variables.iter().chain(inherited);
        let sounding = variables.flat_map(|(name, value)| super::logs::secrets_of(name, value));
        self.log.secrets.iter().cloned().chain(sounding).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> ServiceId {
        ServiceId::new(text).unwrap()
    }

    #[test]
    fn what_cannot_be_used_is_said() {
        let good = ServiceSpec::child(id("api"), ["true"]);
        assert_eq!(good.validate(), Ok(()));
        let said = |change: &dyn Fn(&mut ServiceSpec)| {
            let mut spec = good.clone();
            change(&mut spec);
            spec.validate().unwrap_err().to_string()
        };
        assert_eq!(said(&|spec| spec.run.clear()), "the service `api` has no program to run");
        assert!(said(&|spec| spec.run = vec!["a\0b".to_owned()]).contains("zero byte in `a\\0b`"));
        assert!(
            said(&|spec| spec.variables = vec![("A=B".into(), Secret::new("x".into()))])
                .contains("`A=B` cannot be set")
        );
        assert_eq!(
            said(&|spec| spec.log.max_size = 100),
            "the size of the log of the service `api` cannot be used: 100 bytes are too few: use at least 65536"
        );
        assert!(said(&|spec| spec.log.patterns = vec!["(".into()]).starts_with("the patterns of the service `api`"));
        let nothing = Commands { start: vec!["x".into()], stop: Vec::new(), status: Vec::new() };
        assert!(said(&|spec| spec.how = How::Commands(nothing.clone())).contains("no command to stop it"));
        assert!(
            said(&|spec| spec.how = How::Unit { name: "--now".into(), manager: UnitManager::User })
                .contains("name of a unit")
        );
    }
}
