//! Options of the commands about checks.

use std::net::SocketAddr;
use std::time::Duration;

use clap::{Args, ValueEnum};
use stratheal_core::model::quantity::parse_duration;

/// Which checks.
#[derive(Debug, Args)]
pub(crate) struct Selection {
    /// Only these checks.
    #[arg(value_name = "ID")]
    pub(crate) ids: Vec<String>,
    /// Only checks with one of these tags.
    #[arg(long, short, value_name = "TAG")]
    pub(crate) tag: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Format {
    /// Lines for people, with colours on a terminal.
    #[default]
    Human,
    /// Everything, as JSON.
    Json,
    /// The output of a Nagios plugin.
    Nagios,
    /// A JUnit report, for build servers.
    Junit,
    /// OpenMetrics, for scrapers and text-file collectors.
    Openmetrics,
    /// application/health+json.
    #[value(name = "health+json")]
    HealthJson,
}

#[derive(Debug, Args)]
pub(crate) struct CheckOptions {
    #[command(flatten)]
    pub(crate) selection: Selection,
    /// How the result is printed.
    #[arg(long, short, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct UpOptions {
    /// Serve the HTTP endpoints here instead of where the configuration says (default 127.0.0.1:8090).
    #[arg(long, value_name = "ADDRESS:PORT", env = "STRATHEAL_LISTEN")]
    pub(crate) listen: Option<SocketAddr>,
}

#[derive(Debug, Args)]
pub(crate) struct WaitOptions {
    #[command(flatten)]
    pub(crate) selection: Selection,
    /// How long to wait.
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = parse_duration)]
    pub(crate) timeout: Duration,
    /// How long to pause between two tries.
    #[arg(long, value_name = "DURATION", default_value = "500ms", value_parser = parse_duration)]
    pub(crate) interval: Duration,
    /// Be content with warnings.
    #[arg(long)]
    pub(crate) allow_warning: bool,
}

#[derive(Debug, Args)]
pub(crate) struct StatusOptions {
    #[command(flatten)]
    pub(crate) selection: Selection,
    /// How the state is printed.
    #[arg(long, short, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum PlainFormat {
    /// Lines for people.
    #[default]
    Human,
    /// JSON.
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainOptions {
    /// The check.
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    /// How the explanation is printed.
    #[arg(long, short, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: PlainFormat,
}

#[derive(Debug, Args)]
pub(crate) struct ReportOptions {
    #[command(flatten)]
    pub(crate) selection: Selection,
    /// How far to look back.
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = parse_duration)]
    pub(crate) since: Duration,
    /// How the report is printed.
    #[arg(long, short, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: PlainFormat,
}
