//! Options of `install`, `sync`, `uninstall`, `lock`, `verify` and `repair`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use stratheal_core::workspace::Asked;

use super::PlainFormat;

/// What is wanted.
#[derive(Debug, Default, Args)]
pub(crate) struct WantedOptions {
    /// Requirements: `flask`, `six==1.17.0`, `./folder`, a wheel, a URL.
    #[arg(value_name = "REQUIREMENT")]
    requirements: Vec<String>,
    /// Requirements files, a `pyproject.toml`, or one lock (`pylock.toml`).
    #[arg(long, short, value_name = "FILE")]
    requirement: Vec<PathBuf>,
    /// Files whose versions hold for whatever is installed.
    #[arg(long, short, value_name = "FILE")]
    constraint: Vec<PathBuf>,
    /// A folder that is installed as a link to it.
    #[arg(long, short, value_name = "FOLDER")]
    editable: Vec<String>,
    /// An extra of the lock or of the project.
    #[arg(long, value_name = "NAME")]
    extra: Vec<String>,
    /// A dependency group: of the lock, instead of its default groups, or of the project.
    #[arg(long, value_name = "NAME")]
    group: Vec<String>,
}

impl WantedOptions {
    /// As the library asks for it. Without any of it, what the project requires is meant, or what is installed.
    pub(crate) fn asked(&self, or_installed: bool) -> Asked {
        Asked {
            requirements: self.requirements.clone(),
            files: self.requirement.clone(),
            constraints: self.constraint.clone(),
            editables: self.editable.clone(),
            extras: self.extra.clone(),
            groups: self.group.clone(),
            or_installed,
        }
    }
}

/// What is wanted, and how it is installed.
#[derive(Debug, Default, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(crate) struct InstallOptions {
    #[command(flatten)]
    pub(crate) wanted: WantedOptions,
    /// Look for newer versions, where those that are installed would do.
    #[arg(long, short = 'U')]
    pub(crate) upgrade: bool,
    /// Install everything that is wanted anew.
    #[arg(long)]
    pub(crate) reinstall: bool,
    /// Make the environment anew, from the same interpreter or from --base, and put it in the place of the old one.
    #[arg(long)]
    pub(crate) rebuild: bool,
    /// Remove what is not wanted.
    #[arg(long)]
    pub(crate) exact: bool,
    /// Versions before a release may be chosen.
    #[arg(long)]
    pub(crate) pre: bool,
    /// Ask the index again, even if the same was asked a moment ago.
    #[arg(long)]
    pub(crate) refresh: bool,
    /// Who chooses versions.
    #[arg(long, value_enum, default_value_t, value_name = "ENGINE")]
    pub(crate) engine: EngineName,
    /// The interpreter that a new environment is made from; default: the first in PATH.
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) base: Option<PathBuf>,
    /// How files come out of the cache.
    #[arg(long, value_enum, default_value_t, value_name = "MODE", env = "STRATHEAL_LINK_MODE")]
    pub(crate) link_mode: LinkModeName,
    /// Make the bytecode of what is new, with all processors.
    #[arg(long)]
    pub(crate) compile: bool,
    /// Replace files one by one instead of the environment as a whole, as where others have it mounted.
    #[arg(long)]
    pub(crate) in_place: bool,
    /// Refuse wheels whose own list of files is wrong.
    #[arg(long)]
    pub(crate) strict: bool,
    /// Make no snapshots before and after it.
    #[arg(long, env = "STRATHEAL_NO_SNAPSHOT")]
    pub(crate) no_snapshot: bool,
    /// Say what would be done and what would be fetched, and do nothing.
    #[arg(long)]
    pub(crate) plan: bool,
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: PlainFormat,
}

/// What is locked.
#[derive(Debug, Args)]
pub(crate) struct LockOptions {
    #[command(flatten)]
    pub(crate) wanted: WantedOptions,
    /// The lock; `-` for standard output. Versions in one that is there are kept where they will do.
    #[arg(long, short, value_name = "FILE", default_value = "pylock.toml")]
    pub(crate) output: PathBuf,
    /// Look for newer versions than those in the lock.
    #[arg(long, short = 'U')]
    pub(crate) upgrade: bool,
    /// Versions before a release may be chosen.
    #[arg(long)]
    pub(crate) pre: bool,
    /// Who chooses versions.
    #[arg(long, value_enum, default_value_t, value_name = "ENGINE")]
    pub(crate) engine: EngineName,
    /// The interpreter that it is for, where there is no environment; default: the first in PATH.
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) base: Option<PathBuf>,
}

/// What goes.
#[derive(Debug, Args)]
pub(crate) struct UninstallOptions {
    /// Projects.
    #[arg(value_name = "PROJECT", required = true)]
    pub(crate) projects: Vec<String>,
    /// Make no snapshots before and after it.
    #[arg(long, env = "STRATHEAL_NO_SNAPSHOT")]
    pub(crate) no_snapshot: bool,
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: PlainFormat,
}

/// How it is verified.
#[derive(Debug, Args)]
pub(crate) struct VerifyOptions {
    /// The environment: its folder, or its interpreter.
    #[arg(value_name = "ENVIRONMENT")]
    pub(crate) environment: Option<PathBuf>,
    /// Hash every file, also those that look as they did when they were hashed last.
    #[arg(long)]
    pub(crate) full: bool,
    /// Import the modules of each project as well; this runs their code.
    #[arg(long)]
    pub(crate) imports: bool,
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: PlainFormat,
}

/// How it is repaired.
#[derive(Debug, Args)]
pub(crate) struct RepairOptions {
    /// The environment: its folder, or its interpreter.
    #[arg(value_name = "ENVIRONMENT")]
    pub(crate) environment: Option<PathBuf>,
    /// Hash every file, and every wheel that is used, whatever their sizes and times say.
    #[arg(long)]
    pub(crate) full: bool,
    /// Make no snapshots before and after it.
    #[arg(long, env = "STRATHEAL_NO_SNAPSHOT")]
    pub(crate) no_snapshot: bool,
    /// Say what would be put back and where it would come from, and do nothing.
    #[arg(long)]
    pub(crate) plan: bool,
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: PlainFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum EngineName {
    /// uv where it is, else pip.
    #[default]
    Auto,
    /// uv.
    Uv,
    /// pip.
    Pip,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum LinkModeName {
    /// Reflinks, else hard links that are looked at, else copies.
    #[default]
    Auto,
    /// Copies.
    Copy,
}
