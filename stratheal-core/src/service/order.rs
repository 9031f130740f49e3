//! One run of a service as the keeper and the executor are told about it: a description with everything looked up.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::digest::digest;
use super::signal::StopSignal;
use super::spec::{Limits, LogPolicy, Ready, ServiceSpec, Whom};
use super::wire;
use crate::base::redact::Secret;
use crate::model::ServiceId;
use crate::sys::command::DEFAULT_ENVIRONMENT;

/// What the keeper is asked to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RunOrder {
    pub(super) service: ServiceId,
    /// Chosen by whoever asks; the same one twice is the same run.
    pub(super) run: String,
    /// By which a later engine sees whether the description changed.
    pub(super) digest: String,
    pub(super) words: Vec<String>,
    pub(super) folder: Option<PathBuf>,
    pub(super) environment: Option<PathBuf>,
    #[serde(with = "wire::variables")]
    pub(super) variables: Vec<(String, Secret<String>)>,
    pub(super) user: Option<String>,
    pub(super) limits: Limits,
    pub(super) notify: bool,
    pub(super) stop_signal: StopSignal,
    pub(super) stop_whom: Whom,
    #[serde(with = "wire::milliseconds")]
    pub(super) stop_timeout: Duration,
    pub(super) log: LogPolicy,
}

/// Variables in which a service manager speaks to this process, not to its children.
const OURS: &[&str] = &["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"];

impl RunOrder {
    /// Looks everything up: `variable` answers for the variables of this process.
    pub(super) fn new(spec: &ServiceSpec, run: String, variable: impl Fn(&str) -> Option<String>) -> Self {
        let inherited = DEFAULT_ENVIRONMENT.iter().copied().chain(spec.inherit.iter().map(String::as_str));
        // What says who this process belongs to does not fit another user.
        let fits = |name: &&str| spec.user.is_none() || !["HOME", "USER", "LOGNAME", "TMPDIR"].contains(name);
        let inherited = inherited.filter(|name| !OURS.contains(name)).filter(fits);
        let inherited = inherited.filter_map(|name| Some((name.to_owned(), Secret::new(variable(name)?))));
        let variables = inherited.chain(spec.variables.iter().cloned()).collect();
        let mut log = spec.log.clone();
        log.secrets = spec.secrets(&spec.inherited(&variable));
        Self {
            service: spec.id.clone(),
            run,
            digest: digest(spec),
            words: spec.run.clone(),
            folder: spec.folder.clone(),
            environment: spec.environment.clone(),
            variables,
            user: spec.user.clone(),
            limits: spec.limits.clone(),
            notify: spec.ready == Ready::Notify,
            stop_signal: spec.stop_signal,
            stop_whom: spec.stop_whom,
            stop_timeout: spec.stop_timeout,
            log,
        }
    }
}

/// What the executor reads before it becomes the program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ExecutorOrder {
    /// [`Self::VERSION`] of whoever wrote it.
    pub(super) version: u32,
    pub(super) order: RunOrder,
    /// The file it writes itself into.
    pub(super) children: PathBuf,
    pub(super) boot: String,
    /// The process that started it.
    pub(super) keeper: u32,
    pub(super) notify_socket: Option<String>,
    /// The control group it joins.
    pub(super) group: Option<PathBuf>,
}

impl ExecutorOrder {
    pub(super) const VERSION: u32 = 2;
    /// The longest order that is read.
    pub(super) const LONGEST: u64 = 4 << 20;
}

/// What the executor answers when it cannot become the program; it says nothing otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct NotStarted {
    pub(super) why: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inherited_secrets_are_not_written_either() {
        let mut spec = ServiceSpec::child(ServiceId::new("a").unwrap(), ["x"]);
        spec.inherit = ["AWS_SECRET_ACCESS_KEY", "DATABASE_URL", "APP_MODE"].map(str::to_owned).to_vec();
        spec.variables = vec![("API_TOKEN".to_owned(), Secret::new("own".to_owned()))];
        let order = RunOrder::new(&spec, "r".to_owned(), |name| match name {
            "AWS_SECRET_ACCESS_KEY" => Some("hunter2".to_owned()),
            "DATABASE_URL" => Some("postgres://me:s3cretpw@db/x".to_owned()),
            _ => Some("plain".to_owned()),
        });
        let secrets: Vec<&str> = order.log.secrets.iter().map(|secret| secret.expose().as_str()).collect();
        assert_eq!(secrets, ["own", "hunter2", "s3cretpw"]);
    }

    #[test]
    fn what_is_meant_for_this_process_is_not_handed_on() {
        let mut spec = ServiceSpec::child(ServiceId::new("a").unwrap(), ["x"]);
        spec.inherit = vec!["NOTIFY_SOCKET".to_owned(), "APP_MODE".to_owned()];
        spec.variables = vec![("API_TOKEN".to_owned(), Secret::new("hunter2hunter2".to_owned()))];
        let order = RunOrder::new(&spec, "r".to_owned(), |name| Some(format!("<{name}>")));
        let value = |name: &str| {
            order.variables.iter().rfind(|(known, _)| known == name).map(|(_, value)| value.expose().clone())
        };
        assert_eq!(value("NOTIFY_SOCKET"), None);
        assert_eq!((value("APP_MODE").as_deref(), value("PATH").as_deref()), (Some("<APP_MODE>"), Some("<PATH>")));
        assert_eq!(value("API_TOKEN").as_deref(), Some("hunter2hunter2"));
        assert!(!format!("{order:?}").contains("hunter2"));
        let text = serde_json::to_string(&order).unwrap();
        assert_eq!(serde_json::from_str::<RunOrder>(&text).unwrap(), order, "secrets arrive");
    }
}
