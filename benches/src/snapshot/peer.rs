//! Who keeps environments.

use std::path::Path;
use std::process::Command;

use stratheal_core::testing::tools;

use crate::failure::Failure;
use crate::tool;

/// A program that keeps a folder as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Peer {
    /// `cp -a`: the whole, each time.
    Copy,
    /// `tar` into `zstd -1 -T2`: the whole, each time.
    Archive,
    /// restic, without compression turned off, without encryption turned off: as it is.
    Restic,
    /// borg, with its usual compression, without encryption.
    Borg,
    /// `stratheal snapshot create` of an environment that it installed.
    Ours,
    /// The same of an environment of which it knows nothing.
    Foreign,
}

/// Where a peer works.
#[derive(Debug)]
pub(super) struct Site<'a> {
    /// The environment.
    pub(super) environment: &'a Path,
    /// The peer's own folder.
    pub(super) own: &'a Path,
    /// The download cache, for those that use it.
    pub(super) cache: Option<&'a Path>,
    /// How often it has kept the environment before.
    pub(super) number: usize,
}

impl Peer {
    pub(super) const ALL: [Self; 6] = [Self::Copy, Self::Archive, Self::Restic, Self::Borg, Self::Ours, Self::Foreign];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Copy => "cp -a",
            Self::Archive => "tar, zstd",
            Self::Restic => "restic",
            Self::Borg => "borg",
            Self::Ours => "stratheal, installed by it",
            Self::Foreign => "stratheal, foreign",
        }
    }

    /// Whether it can be run here.
    pub(super) fn is_there(self) -> bool {
        let program = match self {
            Self::Archive => "zstd",
            Self::Restic => "restic",
            Self::Borg => "borg",
            Self::Copy | Self::Ours | Self::Foreign => return true,
        };
        Command::new(program).arg("--version").output().is_ok_and(|ran| ran.status.success())
            || Command::new(program).arg("version").output().is_ok_and(|ran| ran.status.success())
    }

    /// What it needs once.
    pub(super) fn begin(self, site: &Site<'_>) -> Option<Command> {
        let mut command = match self {
            Self::Restic => Command::new("restic"),
            Self::Borg => Command::new("borg"),
            _ => return None,
        };
        dress(&mut command, site);
        match self {
            Self::Restic => command.args(["init", "--quiet"]),
            _ => command.args(["init", "--encryption", "none", "."]),
        };
        Some(command)
    }

    /// Keeps the environment as it is now.
    pub(super) fn keep(self, site: &Site<'_>) -> Result<Command, Failure> {
        let Site { environment, own, number, .. } = site;
        let kept = own.join(format!("kept-{number}"));
        let mut command = match self {
            Self::Copy => Command::new("cp"),
            Self::Archive => Command::new("sh"),
            Self::Restic => Command::new("restic"),
            Self::Borg => Command::new("borg"),
            Self::Ours | Self::Foreign => return ours(site, &["snapshot", "create", "--quiet"], Some(environment)),
        };
        dress(&mut command, site);
        match self {
            Self::Copy => command.arg("-a").arg(environment).arg(kept),
            Self::Archive => {
                let script = "tar -C \"$1\" -cf - . | zstd -1 -T2 -q -o \"$2\"";
                command.args(["-c", script, "sh"]).arg(environment).arg(kept)
            }
            Self::Restic => command.args(["backup", "--quiet", "."]).current_dir(environment),
            _ => command.arg("create").arg(format!("{}::{number}", own.display())).arg(".").current_dir(environment),
        };
        Ok(command)
    }

    /// Brings back the environment, which is gone, as it was first.
    pub(super) fn restore(self, site: &Site<'_>) -> Result<Command, Failure> {
        let Site { environment, own, .. } = site;
        let kept = own.join("kept-0");
        let mut command = match self {
            Self::Copy => Command::new("cp"),
            Self::Archive => Command::new("sh"),
            Self::Restic => Command::new("restic"),
            Self::Borg => Command::new("borg"),
            Self::Ours | Self::Foreign => {
                let mut command = ours(site, &["rollback", "1", "--quiet", "--environment"], Some(environment))?;
                command.current_dir(own);
                return Ok(command);
            }
        };
        dress(&mut command, site);
        match self {
            Self::Copy => command.arg("-a").arg(kept).arg(environment),
            Self::Archive => {
                let script = "mkdir \"$2\" && zstd -d -q -c \"$1\" | tar -C \"$2\" -xf -";
                command.args(["-c", script, "sh"]).arg(kept).arg(environment)
            }
            Self::Restic => {
                std::fs::create_dir(environment)?;
                command.args(["restore", "latest", "--quiet", "--target"]).arg(environment)
            }
            _ => {
                std::fs::create_dir(environment)?;
                command.arg("extract").arg(format!("{}::0", own.display())).current_dir(environment)
            }
        };
        Ok(command)
    }
}

/// The command line of one of our commands.
pub(super) fn ours(site: &Site<'_>, words: &[&str], environment: Option<&Path>) -> Result<Command, Failure> {
    let mut command = Command::new(std::env::current_exe()?);
    dress(&mut command, site);
    let state = site.own.join("state");
    command.arg(tool::ROLE).args(["--offline", "--state-dir"]).arg(state).arg("--cache-dir");
    command.arg(site.cache.map_or_else(|| site.own.join("no-cache"), Path::to_owned)).args(words);
    command.args(environment);
    Ok(command)
}

fn dress(command: &mut Command, site: &Site<'_>) {
    tools::clean(command, site.own);
    command.env("RESTIC_REPOSITORY", site.own).env("RESTIC_PASSWORD", "bench");
    command.env("BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK", "yes").env("BORG_RELOCATED_REPO_ACCESS_IS_OK", "yes");
    command.env("BORG_BASE_DIR", site.own).env("RESTIC_CACHE_DIR", site.own.join("cache"));
    if matches!(command.get_program().to_str(), Some("borg")) {
        command.current_dir(site.own);
    }
}
