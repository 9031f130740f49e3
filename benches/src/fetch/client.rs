//! pip and uv, as they are and through the gateway.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use stratheal_core::testing::tools::{self, Tool};

use super::run::{Run, run};
use crate::failure::Failure;
use crate::tool;

/// Which installer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Installer {
    /// `uv pip install`.
    Uv,
    /// `pip install`.
    Pip,
}

/// How it reaches the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// By itself, as it comes.
    Bare,
    /// By itself, with shorter time limits and more tries than it comes with.
    Tuned,
    /// Through the gateway.
    Gateway,
}

impl Installer {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::Uv, Self::Pip];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Uv => "uv",
            Self::Pip => "pip",
        }
    }
}

impl Way {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::Tuned => "tuned",
            Self::Gateway => "gateway",
        }
    }
}

/// The installers, ready to be run.
#[derive(Debug, Clone)]
pub struct Clients {
    uv: Tool,
    pip: Tool,
}

/// One installation into a new environment.
#[derive(Debug, Clone)]
pub struct Install<'a> {
    /// By what.
    pub installer: Installer,
    /// How.
    pub way: Way,
    /// The members of the index, in order.
    pub urls: &'a [String],
    /// What to install.
    pub requirements: &'a [String],
    /// Where the installer keeps its cache; a new folder is a cold one.
    pub cache: &'a Path,
    /// Where the gateway keeps its own.
    pub gateway_cache: &'a Path,
    /// A new folder for everything else.
    pub folder: &'a Path,
    /// How long it may take.
    pub limit: Duration,
}

impl Clients {
    /// Fetches the installers, where they are not there yet.
    ///
    /// # Errors
    /// When they cannot be had.
    pub fn new() -> Result<Self, Failure> {
        Ok(Self { uv: Tool::new(tools::UV).map_err(Failure::new)?, pip: Tool::new(tools::PIP).map_err(Failure::new)? })
    }

    /// Makes an environment, then installs into it. Only the latter is timed.
    ///
    /// # Errors
    /// When the environment cannot be made, or the installer cannot be started.
    pub async fn install(&self, install: &Install<'_>) -> Result<Run, Failure> {
        let environment = install.folder.join("environment");
        let mut make = Command::new(self.uv.program("uv"));
        tools::clean(&mut make, install.folder);
        make.args(["venv", "--quiet", "--no-index", "--python"]).arg(self.pip.program("python")).arg(&environment);
        let result = run(make, Duration::from_secs(30), &install.folder.join("venv.log")).await?;
        if !result.success {
            return Err(Failure::new(format!("cannot make an environment: {}", result.said)));
        }
        let requirements = install.folder.join("requirements.txt");
        fs::write(&requirements, install.requirements.join("\n") + "\n")?;
        let mut command = self.command(install, &environment.join("bin/python"))?;
        command.arg("-r").arg(&requirements);
        run(command, install.limit, &install.folder.join("install.log")).await
    }

    fn command(&self, install: &Install<'_>, python: &Path) -> Result<Command, Failure> {
        let program: PathBuf = match install.installer {
            Installer::Uv => self.uv.program("uv"),
            Installer::Pip => self.pip.program("python"),
        };
        let mut command = if install.way == Way::Gateway {
            let mut command = Command::new(std::env::current_exe()?);
            tools::clean(&mut command, install.folder);
            command.args([tool::ROLE, "run", "--cache-dir"]).arg(install.gateway_cache);
            for (position, url) in install.urls.iter().enumerate() {
                command.arg(if position == 0 { "--index" } else { "--mirror" }).arg(url);
            }
            command.arg("--").arg(program);
            command
        } else {
            let mut command = Command::new(program);
            tools::clean(&mut command, install.folder);
            command
        };
        let bare = install.way != Way::Gateway;
        match install.installer {
            Installer::Uv => {
                command.env("UV_CACHE_DIR", install.cache).args(["pip", "install", "--python"]).arg(python);
                // Of several members the first is asked first, as people set it up.
                if let Some((last, before)) = install.urls.split_last().filter(|_| bare) {
                    command.args(before.iter().flat_map(|url| ["--index", url]));
                    command.args(["--default-index", last]);
                }
                if install.way == Way::Tuned {
                    command.env("UV_HTTP_TIMEOUT", "5").env("UV_HTTP_RETRIES", "8");
                }
            }
            Installer::Pip => {
                command.env("PIP_CACHE_DIR", install.cache);
                command.args(["-m", "pip", "--python"]).arg(python).args(["install", "--no-compile"]);
                if let Some((first, rest)) = install.urls.split_first().filter(|_| bare) {
                    command.args(["--index-url", first]);
                    command.args(rest.iter().flat_map(|url| ["--extra-index-url", url]));
                }
                if install.way == Way::Tuned {
                    command.args(["--timeout", "5", "--retries", "8", "--resume-retries", "8"]);
                }
            }
        }
        Ok(command)
    }
}
