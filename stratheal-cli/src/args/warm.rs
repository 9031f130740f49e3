//! Options of `warm`.

use std::path::PathBuf;

use clap::Args;

use super::PlainFormat;

#[derive(Debug, Args)]
pub(crate) struct WarmOptions {
    /// Requirements files.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) requirement: Vec<PathBuf>,
    /// Requirements, such as `flask` or `six==1.17.0`.
    #[arg(value_name = "REQUIREMENT")]
    pub(crate) requirements: Vec<String>,
    /// For this Python, such as 3.12; may be given several times. Default: the interpreter's.
    #[arg(long, value_name = "VERSION")]
    pub(crate) python_version: Vec<String>,
    /// For this platform, such as `manylinux_2_28_x86_64`; may be given several times. Default: this machine's.
    #[arg(long, value_name = "PLATFORM")]
    pub(crate) platform: Vec<String>,
    /// How the result is printed.
    #[arg(long, short, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: PlainFormat,
}
