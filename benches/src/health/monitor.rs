//! The monitors that are compared, and what they have in common.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::failures::Failures;
use super::http_targets;
use super::scenario::{Kind, Scenario};
use super::{blackbox, command_targets, monit, simplemonitor, stratheal, stratheal_up};
use crate::failure::Failure;

/// A monitor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Monitor {
    /// This project's engine, embedded in a small program.
    Stratheal,
    /// This project's own program.
    StrathealUp,
    /// Prometheus' prober for HTTP.
    Blackbox,
    /// The classic of one machine.
    Monit,
    /// The closest relative in Python.
    SimpleMonitor,
}

/// Where the targets are.
#[derive(Debug, Clone)]
pub enum Place {
    /// Web servers, each target at one of these.
    Http(Vec<SocketAddr>),
    /// Commands in this folder.
    Commands(PathBuf),
}

impl Place {
    /// Reads the first line of what plays the targets.
    ///
    /// # Errors
    /// When it says something else.
    pub fn parse(line: &str, kind: Kind) -> Result<Self, Failure> {
        let problem = || Failure::new(format!("the targets are not ready: {line:?}"));
        let rest = line.trim_end().strip_prefix("ready ").ok_or_else(problem)?;
        match kind {
            Kind::Command => Ok(Self::Commands(rest.into())),
            Kind::Http { .. } => rest
                .split(' ')
                .map(|word| word.parse().map_err(|_| problem()))
                .collect::<Result<_, _>>()
                .map(Self::Http),
        }
    }

    /// The URL of a target, or its command line.
    #[must_use]
    pub fn of(&self, target: u32) -> String {
        match self {
            Self::Http(addresses) => http_targets::url(addresses, target),
            Self::Commands(folder) => command_targets::argv(folder, target).join(" "),
        }
    }
}

/// What is needed to start a monitor.
#[derive(Debug, Clone, Copy)]
pub struct Task<'a> {
    /// What to watch.
    pub scenario: &'a Scenario,
    /// Where it is.
    pub place: &'a Place,
    /// An empty folder for configuration, logs and results.
    pub folder: &'a Path,
}

/// How to start a monitor.
#[derive(Debug, Clone)]
pub struct Launch {
    /// The program and its arguments.
    pub argv: Vec<OsString>,
    /// For what only answers when it is asked: the process that asks, as a role of this program and its arguments, and the
    /// address at which the monitor must listen before.
    pub scraper: Option<(SocketAddr, Vec<String>)>,
}

impl Monitor {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 5] = [Self::Stratheal, Self::StrathealUp, Self::Blackbox, Self::Monit, Self::SimpleMonitor];

    /// What it is called in the table, and chosen by.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Stratheal => "stratheal",
            Self::StrathealUp => "stratheal-up",
            Self::Blackbox => "blackbox",
            Self::Monit => "monit",
            Self::SimpleMonitor => "simplemonitor",
        }
    }

    /// Whether it can watch such targets at all.
    #[must_use]
    pub const fn fits(&self, kind: Kind) -> bool {
        !matches!((self, kind), (Self::Blackbox, Kind::Command))
    }

    /// Its version, after getting it if it is to be had.
    ///
    /// # Errors
    /// When it is not here, with what to do.
    pub async fn version(&self) -> Result<String, Failure> {
        match self {
            Self::Stratheal | Self::StrathealUp => Ok(env!("CARGO_PKG_VERSION").to_owned()),
            Self::Blackbox => blackbox::version().await,
            Self::Monit => monit::version().await,
            Self::SimpleMonitor => simplemonitor::version().await,
        }
    }

    /// Writes its configuration.
    ///
    /// # Errors
    /// When that fails.
    pub fn prepare(&self, task: Task<'_>) -> Result<Launch, Failure> {
        match self {
            Self::Stratheal => stratheal::prepare(task),
            Self::StrathealUp => stratheal_up::prepare(task),
            Self::Blackbox => blackbox::prepare(task),
            Self::Monit => monit::prepare(task),
            Self::SimpleMonitor => simplemonitor::prepare(task),
        }
    }

    /// What it called bad, read after it has ended.
    ///
    /// # Errors
    /// When it left nothing to read.
    pub async fn failures(&self, scenario: &Scenario, folder: &Path) -> Result<Failures, Failure> {
        match self {
            Self::Stratheal | Self::Blackbox => Ok(Failures::parse(&std::fs::read_to_string(folder.join(FAILURES))?)),
            Self::StrathealUp => stratheal_up::failures(scenario, folder).await,
            Self::Monit => monit::failures(folder),
            Self::SimpleMonitor => simplemonitor::failures(folder),
        }
    }
}

/// The file in which our own processes leave what they called bad.
pub const FAILURES: &str = "failures.txt";
