//! Options of `run`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// How a command is led through the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Mode {
    /// What fits the command.
    #[default]
    Auto,
    /// By variables that name an index: pip, uv pip, tox, poetry with its plugin.
    Index,
    /// As a proxy, for what writes the URLs of files into a lock: uv sync, uv lock, poetry.
    Proxy,
}

#[derive(Debug, Args)]
pub(crate) struct RunOptions {
    /// How the command is led through the gateway.
    #[arg(long, value_enum, default_value_t, value_name = "MODE")]
    pub(crate) mode: Mode,
    /// Exit with the command's own code in any case.
    #[arg(long)]
    pub(crate) keep_exit_code: bool,
    /// Write a report as JSON to a file, or to standard output with `-`.
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// Make no snapshots of the environment before and after it.
    #[arg(long, env = "STRATHEAL_NO_SNAPSHOT")]
    pub(crate) no_snapshot: bool,
    /// The command and its arguments.
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}
