//! Options of the commands about packages.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::FalseyValueParser;
use stratheal_core::model::quantity::parse_duration;

use super::PlainFormat;

/// Where packages come from and where they are kept; the same for every command that has to do with packages.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Where packages come from")]
pub(crate) struct Packages {
    /// The index to use instead of the configured one, or of the one your pip or uv uses.
    // The values may hold passwords, so help does not show them.
    #[arg(long, global = true, value_name = "URL", env = "STRATHEAL_INDEX", hide_env_values = true)]
    pub(crate) index: Option<String>,
    /// A place with the same content as the index; may be given several times.
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "STRATHEAL_MIRROR",
        hide_env_values = true,
        value_delimiter = ' '
    )]
    pub(crate) mirror: Vec<String>,
    /// Open no connection: everything comes from the cache.
    #[arg(long, global = true, env = "STRATHEAL_OFFLINE", value_parser = FalseyValueParser::new())]
    pub(crate) offline: bool,
    /// The folder of the cache; default: stratheal in the user's cache folder.
    #[arg(long, global = true, value_name = "DIR", env = "STRATHEAL_CACHE_DIR")]
    pub(crate) cache_dir: Option<PathBuf>,
    /// The interpreter, or the folder of a virtual environment.
    #[arg(long, global = true, value_name = "PATH", env = "STRATHEAL_PYTHON")]
    pub(crate) python: Option<PathBuf>,
    /// How long one page or file may take without any progress; default 2m, in CI 10m. Without a connection to any
    /// member at all a page is given up after 30 s.
    #[arg(long, global = true, value_name = "DURATION", env = "STRATHEAL_DEADLINE", value_parser = parse_duration)]
    pub(crate) deadline: Option<Duration>,
}

#[derive(Debug, Args)]
pub(crate) struct DoctorOptions {
    /// How the findings are printed.
    #[arg(long, short, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: PlainFormat,
}
