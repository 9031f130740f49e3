//! Who installs.

use std::path::Path;
use std::process::Command;

use stratheal_core::testing::tools::{self, Tool};

use crate::failure::Failure;
use crate::tool;

/// An installer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Candidate {
    /// `uv pip install`.
    Uv,
    /// `pip install`.
    Pip,
    /// `stratheal install`, with uv to choose versions.
    Ours,
}

/// One installation.
#[derive(Debug)]
pub(super) struct Installation<'a> {
    /// The index.
    pub(super) url: &'a str,
    /// The environment: there already for uv and pip, there or not for ours.
    pub(super) environment: &'a Path,
    /// The installer's cache.
    pub(super) cache: &'a Path,
    /// A folder of the benchmark's own, as a home.
    pub(super) home: &'a Path,
    /// What is wanted: a requirements file, or a lock.
    pub(super) input: &'a Path,
}

/// The programs.
#[derive(Debug, Clone)]
pub(super) struct Programs {
    uv: Tool,
    pip: Tool,
}

impl Candidate {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Uv => "uv",
            Self::Pip => "pip",
            Self::Ours => "stratheal",
        }
    }
}

impl Programs {
    pub(super) fn new() -> Result<Self, Failure> {
        Ok(Self { uv: Tool::new(tools::UV).map_err(Failure::new)?, pip: Tool::new(tools::PIP).map_err(Failure::new)? })
    }

    /// Makes an empty environment, which is no part of what is measured.
    pub(super) fn environment(&self, folder: &Path, home: &Path) -> Command {
        let mut make = Command::new(self.uv.program("uv"));
        tools::clean(&mut make, home);
        make.args(["venv", "--quiet", "--no-index", "--python"]).arg(self.pip.program("python")).arg(folder);
        make
    }

    /// Writes a lock of what is wanted, by uv, so that all installers get the same one.
    pub(super) fn lock(&self, url: &str, input: &Path, lock: &Path, home: &Path) -> Command {
        let mut command = Command::new(self.uv.program("uv"));
        tools::clean(&mut command, home);
        command.args(["pip", "compile", "--quiet", "--format", "pylock.toml", "--default-index", url, "--python"]);
        command.arg(self.pip.program("python")).arg(input).arg("--output-file").arg(lock);
        command
    }

    /// The command line of one of our commands about an environment.
    pub(super) fn ours(command: &[&str], environment: &Path, cache: &Path, home: &Path) -> Result<Command, Failure> {
        let mut ours = Command::new(std::env::current_exe()?);
        tools::clean(&mut ours, home);
        ours.arg(tool::ROLE).args(command).args(["--quiet", "--offline", "--cache-dir"]).arg(cache).arg(environment);
        Ok(ours)
    }

    /// The command line of an installation.
    pub(super) fn install(&self, candidate: Candidate, of: &Installation<'_>) -> Result<Command, Failure> {
        let mut command = match candidate {
            Candidate::Uv => Command::new(self.uv.program("uv")),
            Candidate::Pip => Command::new(self.pip.program("python")),
            Candidate::Ours => Command::new(std::env::current_exe()?),
        };
        tools::clean(&mut command, of.home);
        match candidate {
            Candidate::Uv => {
                command.env("UV_CACHE_DIR", of.cache).args(["pip", "install", "--quiet", "--python"]);
                command.arg(of.environment.join("bin/python")).args(["--default-index", of.url]);
            }
            Candidate::Pip => {
                command.env("PIP_CACHE_DIR", of.cache).args(["-m", "pip", "--python"]);
                command.arg(of.environment.join("bin/python"));
                command.args(["install", "--quiet", "--no-compile", "--index-url", of.url]);
            }
            Candidate::Ours => {
                let path = [self.uv.program("uv").parent().map(Path::to_owned), Some("/usr/bin".into())];
                let path = std::env::join_paths(path.into_iter().flatten());
                command.env("PATH", path.map_err(|error| Failure::new(error.to_string()))?);
                command.args([tool::ROLE, "install", "--quiet", "--index", of.url, "--cache-dir"]).arg(of.cache);
                command.arg("--python").arg(of.environment).arg("--base").arg(self.pip.program("python"));
            }
        }
        command.arg("-r").arg(of.input);
        Ok(command)
    }
}
