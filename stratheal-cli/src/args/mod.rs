//! Options and commands.

mod demo;
mod healing;
mod health;
mod index;
mod install;
mod packages;
mod run;
mod snapshot;
mod warm;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use demo::DemoOptions;
pub(crate) use healing::{
    AuditCommand, HealCommand, HealOptions, IncidentsCommand, LogsOptions, PauseOptions, RemedyCommand, ServiceCommand,
    ServiceOptions,
};
pub(crate) use health::{
    CheckOptions, ExplainOptions, Format, PlainFormat, ReportOptions, Selection, StatusOptions, UpOptions, WaitOptions,
};
pub(crate) use index::{
    AcceptOptions, ExportOptions, ImportOptions, IndexCommand, IndexStatusOptions, PruneOptions, ServeOptions,
};
pub(crate) use install::{
    EngineName, InstallOptions, LinkModeName, LockOptions, RepairOptions, UninstallOptions, VerifyOptions,
};
pub(crate) use packages::{DoctorOptions, Packages};
pub(crate) use run::{Mode, RunOptions};
pub(crate) use snapshot::{
    CreateOptions, DiffOptions, ExportSnapshotOptions, GcOptions, GoodOptions, ImportSnapshotOptions, LabelOptions,
    ListOptions, OneOptions, RollbackOptions, ShowOptions, SnapshotCommand, VerifySnapshotOptions,
};
pub(crate) use warm::WarmOptions;

/// Health checks that explain themselves, for a Python application and the host it runs on, and installs that survive the network.
///
/// Checks are written down in stratheal.toml (or in [tool.stratheal] of pyproject.toml), looked for in this folder and those above
/// it. Without one, the host itself is checked.
#[derive(Debug, Parser)]
#[command(
    name = "stratheal",
    version,
    max_term_width = 100,
    after_help = crate::exit::HELP
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    pub(crate) packages: Packages,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Common {
    /// The configuration file; default: stratheal.toml or pyproject.toml, here or in the nearest folder above.
    #[arg(long, global = true, value_name = "FILE", env = "STRATHEAL_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Use no configuration file, whether one is named or found.
    #[arg(long, global = true)]
    pub(crate) no_config: bool,
    /// Lay [environments.NAME] of the configuration over the rest of it.
    #[arg(long, global = true, value_name = "NAME", env = "STRATHEAL_ENV")]
    pub(crate) env: Option<String>,
    /// Where state is kept; default: .stratheal beside the configuration, or what systemd gives.
    #[arg(long, global = true, value_name = "DIR", env = "STRATHEAL_STATE_DIR")]
    pub(crate) state_dir: Option<PathBuf>,
    /// How log messages on standard error look.
    #[arg(long, global = true, value_enum, default_value_t, value_name = "FORMAT", env = "STRATHEAL_LOG_FORMAT")]
    pub(crate) log_format: LogFormat,
    /// Say less: errors only.
    #[arg(long, short, global = true, env = "STRATHEAL_QUIET", conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Say more: metrics and hints of every check, and debug messages when given twice.
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum LogFormat {
    /// Lines for people.
    #[default]
    Human,
    /// One JSON document a line.
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run checks once and say what they found; the exit code is the worst status.
    ///
    /// Every check runs once, at the same time as the others, and its single result is taken at its word. Children of a check that is
    /// down are shown as caused by it. Exit code: 0 healthy, 1 warning, 2 critical, 3 unknown or wrong usage.
    Check(CheckOptions),
    /// Watch: run checks as configured until Ctrl-C, and serve the HTTP endpoints.
    ///
    /// Prints a line for each change of state. SIGHUP reads the configuration again; a faulty one changes nothing. Under systemd use
    /// Type=notify; the watchdog is fed only while the scheduler makes progress.
    Up(UpOptions),
    /// Wait until checks are healthy, or until a deadline; for scripts and deployments.
    ///
    /// Runs the checks again and again. Exit code: 0 as soon as all are healthy, else the status at the deadline.
    Wait(WaitOptions),
    /// Show what a running monitor knows; the exit code is its status.
    Status(StatusOptions),
    /// Explain one check: its last result, why its state is what it is, what it depends on, when it runs next.
    ///
    /// Asks the running monitor; without one, the check is run once.
    Explain(ExplainOptions),
    /// Report on a span of time: how long each check was in which state, and what changed.
    Report(ReportOptions),
    /// Services: start, stop, restart, and how they are; without more words, how they are.
    Service {
        #[command(subcommand)]
        command: Option<ServiceCommand>,
    },
    /// What a service printed.
    Logs(LogsOptions),
    /// Heal what is broken now, or show what would be done.
    ///
    /// Begins the ladders of what is broken anew, at once, and tells what happens. Without a running monitor the checks are run from here;
    /// services that do not run are left to `stratheal up`. Exit code: 0 when nothing is broken any more, 2 when something still is.
    Heal(HealOptions),
    /// What broke: list, show, take care of; without more words, a list.
    Incidents {
        #[command(subcommand)]
        command: Option<IncidentsCommand>,
    },
    /// Remedies: list them, or run one; without more words, a list.
    Remedy {
        #[command(subcommand)]
        command: Option<RemedyCommand>,
    },
    /// Let nothing be healed for a while. Checks go on.
    Pause(PauseOptions),
    /// Heal again.
    Resume,
    /// The record of who did what and why; without more words, its newest lines.
    Audit {
        #[command(subcommand)]
        command: Option<AuditCommand>,
    },
    /// Run an installer, or anything that installs, through the gateway: `stratheal run -- pip install -r requirements.txt`.
    ///
    /// The command gets its packages from a server on this machine that knows the mirrors, tries again, resumes, checks every hash and
    /// keeps what it fetched. It has the terminal for itself; a report goes to standard error when something noteworthy happened.
    /// Exit code: the command's own; but when it failed, and the reason is known to lie with the network (75), wrong content (65),
    /// the disk (74), credentials (77) or a cache that lacks something offline (66), then that code.
    Run(RunOptions),
    /// Install into a virtual environment: everything that is wanted, or nothing.
    ///
    /// The next environment is built beside the current one, checked, and switched in as one step; interrupted at any moment, the old
    /// one is whole. One that is missing is made. Versions are chosen by uv or pip; a lock with hashes needs neither. Exit code: 0, or
    /// why not.
    Install(InstallOptions),
    /// As install --exact: what is not wanted is removed.
    Sync(InstallOptions),
    /// Choose versions, and write them down with the hashes of their files: pylock.toml.
    Lock(LockOptions),
    /// Remove projects from a virtual environment, all of them in one step.
    Uninstall(UninstallOptions),
    /// Is an environment what its installers made of it: every file, every requirement, its interpreter.
    ///
    /// Compares files with the hashes in RECORD, and changes nothing. A file that looks as it did when it was hashed last is believed,
    /// unless --full. Works also when the interpreter is gone. Exit code: 0 whole, 1 something is damaged or does not fit; notes and
    /// warnings do not count.
    Verify(VerifyOptions),
    /// Put back what is damaged in an environment: single files, from the wheels they came from.
    ///
    /// Each file is put in its place as one step, and looked at afterwards. What belongs to no project stays; what does not fit each other
    /// is named. Exit code: 0 whole now, 1 something is still damaged or does not fit.
    Repair(RepairOptions),
    /// Environments as they were: keep, list, compare, name, export and delete them.
    ///
    /// Before and after each change that `install`, `sync`, `uninstall` and `repair` make, one is made by itself; [snapshots] of the
    /// configuration says how many stay. What wheels hold is shared with the cache.
    #[command(subcommand)]
    Snapshot(SnapshotCommand),
    /// Bring an environment back to how it was, byte by byte, without a network.
    ///
    /// It is built beside what is there, its interpreter is started, and it is switched in as one step. What was there becomes the newest
    /// snapshot first, so that this can be undone in the same way.
    Rollback(RollbackOptions),
    /// The cache of packages, and the index server for a team.
    #[command(subcommand)]
    Index(IndexCommand),
    /// Fill the cache with everything that an install needs, for one or many Pythons and platforms, so that it works offline.
    Warm(WarmOptions),
    /// Is this machine fit to install and run: interpreter, environment, index and mirrors, proxy, disk, clock, tools.
    ///
    /// Nothing is changed. Each finding says what to do next. Exit code: the worst status, 0 to 3.
    Doctor(DoctorOptions),
    /// See it heal: a small web server is started, broken in eight ways, and comes back.
    ///
    /// Everything happens in a folder of its own, on loopback. The server's one package is fetched once. Exit code: 0 when each ended as it
    /// should, else 2.
    Demo(DemoOptions),
    /// Write a commented stratheal.toml from what is found here: listening ports, virtual environment, requirements.
    Init(InitOptions),
    /// Check the configuration, print its schema, or make a running monitor read it again.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print a completion script for a shell.
    Completions(CompletionOptions),
    /// Keep the processes of services. Started by `up`.
    #[command(hide = true)]
    Keeper(KeeperOptions),
    /// Become the program of a service. Started by the keeper.
    #[command(hide = true)]
    Executor(ExecutorOptions),
}

#[derive(Debug, Args)]
pub(crate) struct KeeperOptions {
    /// Where logs and notes are.
    #[arg(long, value_name = "DIR")]
    pub(crate) folder: PathBuf,
    /// The socket at which it answers.
    #[arg(long, value_name = "PATH")]
    pub(crate) socket: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct ExecutorOptions {
    /// Read what to run from standard input, which is a socket.
    #[arg(long, required = true)]
    pub(crate) order_on_stdin: bool,
}

#[derive(Debug, Args)]
pub(crate) struct InitOptions {
    /// The folder of the project.
    #[arg(value_name = "DIR", default_value = ".")]
    pub(crate) folder: PathBuf,
    /// Replace a stratheal.toml that is already there.
    #[arg(long)]
    pub(crate) force: bool,
    /// Print the file instead of writing it.
    #[arg(long)]
    pub(crate) stdout: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Say whether the configuration is valid; every mistake with its line and what to write instead.
    Check,
    /// Print the JSON schema of stratheal.toml.
    Schema,
    /// Make the running monitor read its configuration again.
    Reload,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionOptions {
    /// Which shell.
    #[arg(value_enum, value_name = "SHELL")]
    pub(crate) shell: clap_complete::Shell,
}
