//! Options of `snapshot` and `rollback`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::PlainFormat;

#[derive(Debug, Subcommand)]
pub(crate) enum SnapshotCommand {
    /// Keep an environment as it is now. When nothing has changed since the last one, that one is named.
    Create(CreateOptions),
    /// Show the snapshots: when, why, how large, and which are known to be good.
    List(ListOptions),
    /// Show one snapshot: its interpreter, its projects, the evidence that it was good; or write one file of it to standard output.
    Show(ShowOptions),
    /// Show what differs: between two snapshots, between one and the environment now, or what the last change did.
    Diff(DiffOptions),
    /// Read everything that snapshots hold and compare it with its hashes. Exit code: 0 all whole, 1 some are not.
    Verify(VerifySnapshotOptions),
    /// Say that a snapshot is good, after looking: `stratheal verify`, and the checks of the configuration.
    Good(GoodOptions),
    /// Give a snapshot a name, or take it away. One with a name is never deleted by itself.
    Label(LabelOptions),
    /// Keep a snapshot until it is unpinned.
    Pin(OneOptions),
    /// Let a pinned snapshot go when its time has come.
    Unpin(OneOptions),
    /// Write a snapshot into one file, for another machine or for a shelf.
    Export(ExportSnapshotOptions),
    /// Take in a snapshot from a file that `export` wrote.
    Import(ImportSnapshotOptions),
    /// Delete one snapshot, and what nothing needs any more then.
    Remove(OneOptions),
    /// Delete snapshots that need not stay, and what nothing needs any more then.
    Gc(GcOptions),
}

#[derive(Debug, Args)]
pub(crate) struct CreateOptions {
    /// The environment: its folder, or its interpreter.
    #[arg(value_name = "ENVIRONMENT")]
    pub(crate) environment: Option<PathBuf>,
    /// A name for it: letters, digits, `-`, `_` and `.`.
    #[arg(long, value_name = "NAME")]
    pub(crate) label: Option<String>,
    /// Fail when files change while they are looked at, instead of saying which.
    #[arg(long)]
    pub(crate) strict: bool,
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: PlainFormat,
}

#[derive(Debug, Args)]
pub(crate) struct ListOptions {
    /// Only those of this environment.
    #[arg(value_name = "ENVIRONMENT")]
    pub(crate) environment: Option<PathBuf>,
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: PlainFormat,
}

#[derive(Debug, Args)]
pub(crate) struct ShowOptions {
    /// Which: a number, a label, `last-good` or `newest`.
    #[arg(value_name = "SNAPSHOT", default_value = "newest")]
    pub(crate) snapshot: String,
    /// A file of it, relative to the environment; its content goes to standard output.
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: PlainFormat,
}

#[derive(Debug, Args)]
pub(crate) struct DiffOptions {
    /// The earlier one; default: the newest, or what was there before the last change.
    #[arg(value_name = "SNAPSHOT")]
    pub(crate) before: Option<String>,
    /// The later one; default: the environment as it is now.
    #[arg(value_name = "SNAPSHOT")]
    pub(crate) after: Option<String>,
    /// Show what the last change did: the newest snapshot beside the one before it.
    #[arg(long, conflicts_with_all = ["before", "after"])]
    pub(crate) last: bool,
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: PlainFormat,
}

#[derive(Debug, Args)]
pub(crate) struct VerifySnapshotOptions {
    /// Which: numbers, labels, `last-good` or `newest`; default: all of them.
    #[arg(value_name = "SNAPSHOT")]
    pub(crate) snapshots: Vec<String>,
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: PlainFormat,
}

#[derive(Debug, Args)]
pub(crate) struct GoodOptions {
    /// Which: a number, a label or `newest`. It must be what is there now, and the newest one that is so is meant where none is named.
    #[arg(value_name = "SNAPSHOT")]
    pub(crate) snapshot: Option<String>,
    /// Take back that it is good.
    #[arg(long)]
    pub(crate) not: bool,
    /// Do not run the checks of the configuration, only verify the environment.
    #[arg(long, conflicts_with = "not")]
    pub(crate) no_checks: bool,
}

#[derive(Debug, Args)]
pub(crate) struct LabelOptions {
    /// Which: a number, a label, `last-good` or `newest`.
    #[arg(value_name = "SNAPSHOT")]
    pub(crate) snapshot: String,
    /// The name; without one, the name that it has is taken away.
    #[arg(value_name = "NAME")]
    pub(crate) label: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct OneOptions {
    /// Which: a number, a label, `last-good` or `newest`.
    #[arg(value_name = "SNAPSHOT")]
    pub(crate) snapshot: String,
}

#[derive(Debug, Args)]
pub(crate) struct ExportSnapshotOptions {
    /// Which: a number, a label, `last-good` or `newest`.
    #[arg(value_name = "SNAPSHOT")]
    pub(crate) snapshot: String,
    /// The file.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Leave out what this snapshot has, which the other side has already. May be repeated.
    #[arg(long, value_name = "SNAPSHOT")]
    pub(crate) without: Vec<String>,
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: PlainFormat,
}

#[derive(Debug, Args)]
pub(crate) struct ImportSnapshotOptions {
    /// The file.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: PlainFormat,
}

#[derive(Debug, Args)]
pub(crate) struct GcOptions {
    /// Keep so many of the newest of each environment.
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) keep_last: usize,
    /// Keep the newest one of each of so many hours.
    #[arg(long, value_name = "N", default_value_t = 6)]
    pub(crate) keep_hourly: usize,
    /// Keep the newest one of each of so many days.
    #[arg(long, value_name = "N", default_value_t = 7)]
    pub(crate) keep_daily: usize,
    /// Keep the newest one of each of so many weeks.
    #[arg(long, value_name = "N", default_value_t = 4)]
    pub(crate) keep_weekly: usize,
    /// Say what would be deleted, and do nothing.
    #[arg(long)]
    pub(crate) plan: bool,
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: PlainFormat,
}

/// Where to, and how.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(crate) struct RollbackOptions {
    /// Which snapshot: a number, a label or `newest`.
    #[arg(value_name = "SNAPSHOT", conflicts_with = "last_good")]
    pub(crate) snapshot: Option<String>,
    /// The newest one that is known to be good.
    #[arg(long)]
    pub(crate) last_good: bool,
    /// The environment: its folder, or its interpreter.
    #[arg(long, value_name = "ENVIRONMENT")]
    pub(crate) environment: Option<PathBuf>,
    /// Only this file or folder, relative to the environment. May be repeated.
    #[arg(long, value_name = "PATH")]
    pub(crate) path: Vec<PathBuf>,
    /// Only the files of this project. May be repeated.
    #[arg(long, value_name = "NAME")]
    pub(crate) project: Vec<String>,
    /// Keep what was edited by hand since, where the snapshot has what it was edited from.
    #[arg(long, conflicts_with_all = ["path", "project"])]
    pub(crate) keep_edits: bool,
    /// Say what would be done, and do nothing.
    #[arg(long)]
    pub(crate) plan: bool,
    /// Replace files one by one instead of the environment as a whole, as where others have it mounted.
    #[arg(long)]
    pub(crate) in_place: bool,
    /// Go back also to an environment whose interpreter does not start.
    #[arg(long)]
    pub(crate) no_check: bool,
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: PlainFormat,
}
