//! Options of the commands about services, incidents and remedies.

use std::time::Duration;

use clap::{Args, Subcommand};
use stratheal_core::model::quantity::parse_duration;

use super::PlainFormat;

/// How many incidents, and how many records, are shown.
const INCIDENTS: usize = 20;
const RECORDS: usize = 50;
/// How long healing is waited for.
const TIMEOUT: &str = "10m";

/// Services: which, and how the answer is printed.
#[derive(Debug, Default, Args)]
pub(crate) struct ServiceOptions {
    /// The services; default: all of them.
    #[arg(value_name = "SERVICE")]
    pub(crate) services: Vec<String>,
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: PlainFormat,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ServiceCommand {
    /// Start services, also those that a person stopped.
    Start(ServiceOptions),
    /// Stop services. They stay stopped, and are not healed, until they are started again.
    Stop(ServiceOptions),
    /// Stop services, make sure that nothing of them is left, and start them.
    Restart(ServiceOptions),
    /// Show how services are. Exit code: 0 when all run, are being started, or were stopped by a person; else 2.
    Status(ServiceOptions),
}

#[derive(Debug, Args)]
pub(crate) struct LogsOptions {
    /// The service; may be left out where there is only one.
    #[arg(value_name = "SERVICE")]
    pub(crate) service: Option<String>,
    /// Go on with what is printed from now on.
    #[arg(long, short)]
    pub(crate) follow: bool,
    /// So many of the last lines.
    #[arg(long, short = 'n', value_name = "COUNT", default_value_t = 50)]
    pub(crate) lines: usize,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct HealOptions {
    #[command(subcommand)]
    pub(crate) command: Option<HealCommand>,
    /// The check; default: everything that is broken.
    #[arg(value_name = "CHECK")]
    pub(crate) check: Option<String>,
    /// Show what would be done, and do nothing.
    #[arg(long)]
    pub(crate) plan: bool,
    /// Hand it to the running monitor, and wait for nothing.
    #[arg(long, conflicts_with = "plan")]
    pub(crate) no_wait: bool,
    /// How long to wait at most. A running monitor goes on after that; without one, what is being done is broken off, and on record.
    #[arg(long, value_name = "DURATION", default_value = TIMEOUT, value_parser = parse_duration)]
    pub(crate) timeout: Duration,
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: PlainFormat,
}

#[derive(Debug, Subcommand)]
pub(crate) enum HealCommand {
    /// Approve a plan that waits, exactly as it was shown.
    Approve {
        /// Its token.
        #[arg(value_name = "TOKEN")]
        token: String,
    },
    /// Say what would be done about a check, and all that stands in the way; with --verbose why the rest does not.
    Why {
        /// The check.
        #[arg(value_name = "CHECK")]
        check: String,
        /// How the result is printed.
        #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
        format: PlainFormat,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum IncidentsCommand {
    /// List incidents, the newest first.
    List {
        /// So many at most.
        #[arg(long, short = 'n', value_name = "COUNT", default_value_t = INCIDENTS)]
        most: usize,
        /// How the result is printed.
        #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
        format: PlainFormat,
    },
    /// Show an incident with all that is known: timeline, evidence, log.
    Show {
        /// Its number; default: the newest.
        #[arg(value_name = "NUMBER")]
        number: Option<u64>,
        /// How the result is printed.
        #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
        format: PlainFormat,
    },
    /// Note that you take care of an incident.
    Ack {
        /// Its number.
        #[arg(value_name = "NUMBER")]
        number: u64,
        /// What others should know.
        #[arg(value_name = "NOTE", default_value = "")]
        note: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum RemedyCommand {
    /// List the remedies there are.
    List {
        /// How the result is printed.
        #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
        format: PlainFormat,
    },
    /// Run a remedy now, because you say so: verified, undone when it does not help, and on record like any other. Exit code: 0 when the
    /// check passes, 2 when it does not.
    Run {
        /// Which.
        #[arg(value_name = "REMEDY")]
        remedy: String,
        /// The check that has to pass.
        #[arg(long, value_name = "CHECK")]
        check: String,
        /// Hand it to the running monitor, and wait for nothing.
        #[arg(long)]
        no_wait: bool,
        /// How long to wait at most. A running monitor goes on after that; without one, what is being done is broken off, and on record.
        #[arg(long, value_name = "DURATION", default_value = TIMEOUT, value_parser = parse_duration)]
        timeout: Duration,
    },
}

#[derive(Debug, Args)]
pub(crate) struct PauseOptions {
    /// Why, for whoever finds it paused.
    #[arg(value_name = "REASON")]
    pub(crate) reason: String,
    /// For how long.
    #[arg(long = "for", value_name = "DURATION", default_value = "1h", value_parser = parse_duration)]
    pub(crate) lasting: Duration,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Show the newest records.
    Show {
        /// So many.
        #[arg(long, short = 'n', value_name = "COUNT", default_value_t = RECORDS)]
        most: usize,
        /// How the result is printed.
        #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
        format: PlainFormat,
    },
    /// Check the chain of hashes. Exit code: 0 sound, 2 something was changed, 3 it cannot be told.
    Verify {
        /// A head that was written down elsewhere: only against one are a cut end and a full rewrite found.
        #[arg(long, value_name = "HEAD")]
        head: Option<String>,
    },
    /// Print the end of the log, to be written down elsewhere.
    Head,
    /// Write all records to standard output, one JSON document a line.
    Export,
}

impl Default for ServiceCommand {
    fn default() -> Self {
        Self::Status(ServiceOptions::default())
    }
}

impl Default for IncidentsCommand {
    fn default() -> Self {
        Self::List { most: INCIDENTS, format: PlainFormat::default() }
    }
}

impl Default for RemedyCommand {
    fn default() -> Self {
        Self::List { format: PlainFormat::default() }
    }
}

impl Default for AuditCommand {
    fn default() -> Self {
        Self::Show { most: RECORDS, format: PlainFormat::default() }
    }
}
