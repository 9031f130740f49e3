//! Options of `stratheal demo`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use stratheal_core::model::quantity::parse_duration;

use super::PlainFormat;

#[derive(Debug, Args)]
pub(crate) struct DemoOptions {
    /// Break nothing: leave it running until Ctrl-C, to be looked at, and broken by hand.
    #[arg(long, conflicts_with_all = ["random", "format"])]
    pub(crate) up: bool,
    /// Break it at random for so long, its monitor and its keeper as well, and look afterwards whether anything was left behind.
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub(crate) random: Option<Duration>,
    /// What is random follows from this number.
    #[arg(long, value_name = "NUMBER", default_value_t = 1, requires = "random")]
    pub(crate) seed: u64,
    /// Where it is laid out; default: a temporary folder, which is removed at the end if all went well.
    #[arg(long, value_name = "DIR")]
    pub(crate) folder: Option<PathBuf>,
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: PlainFormat,
}
