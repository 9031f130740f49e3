//! A project with an environment of 60 packages, all of them in the cache, and an index that has them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use stratheal_core::testing::faulty_index::FaultyIndex;
use stratheal_core::testing::tools::{self, Tool};

use super::ours;
use crate::failure::Failure;
use crate::fetch::content::Set;
use crate::fetch::place::Place;
use crate::fetch::run::run;

/// How long an installation may take.
const LIMIT: Duration = Duration::from_mins(5);
/// A module of one of the packages.
const MODULE: &str = "many_000";

/// The project.
#[derive(Debug)]
pub(super) struct Project {
    pub(super) folder: PathBuf,
    index: FaultyIndex,
    uv: Tool,
}

impl Project {
    /// Lays one out, and installs everything once.
    pub(super) async fn new(place: &Place) -> Result<Self, Failure> {
        let (set, uv) = (Set::many_files(), Tool::new(tools::UV).map_err(Failure::new)?);
        let index = FaultyIndex::start(set.content, Vec::new()).await?;
        let project = Self { folder: place.fresh()?, index, uv };
        fs::write(project.folder.join("requirements.txt"), set.requirements.join("\n") + "\n")?;
        project.configure("repair-environment")?;
        project.ours(&["install"]).await?;
        project.uv_anew().await?;
        Ok(project)
    }

    /// Has the module looked after, by a remedy. Pauses are short, because the same file is damaged again and again.
    pub(super) fn configure(&self, remedy: &str) -> Result<(), Failure> {
        let import = format!("import sys\ntry:\n    import {MODULE}\nexcept Exception:\n    sys.exit(2)\n");
        let text = format!(
            r#"
[project]
environment = ".venv"
requirements = ["requirements.txt"]
[endpoints]
enabled = false
[checks.module]
command = [".venv/bin/python", "-I", "-B", "-c", {import:?}]
interval = "1s"
[heal.module]
ladder = ["{remedy}"]
probation = "1s"
first_pause = "1ms"
longest_pause = "1ms"
"#
        );
        Ok(fs::write(self.folder.join("stratheal.toml"), text)?)
    }

    /// The file of the module.
    pub(super) fn module(&self) -> Result<PathBuf, Failure> {
        let library = fs::read_dir(self.folder.join(".venv/lib"))?.flatten().next();
        let library = library.ok_or_else(|| Failure::new("the environment has no library"))?;
        Ok(library.path().join("site-packages").join(MODULE).join("__init__.py"))
    }

    /// The tool in this project.
    pub(super) fn command(&self, words: &[&str]) -> Result<Command, Failure> {
        let url = self.index.url();
        let mut command = ours::command(&self.folder, &[&["--index", &url], words].concat())?;
        let own = std::env::var_os("PATH").unwrap_or_default();
        let folders = self.uv.program("uv").parent().map(Path::to_owned).into_iter().chain(std::env::split_paths(&own));
        command.env("PATH", std::env::join_paths(folders).map_err(|error| Failure::new(error.to_string()))?);
        Ok(command)
    }

    /// How long one of our commands takes.
    pub(super) async fn ours(&self, words: &[&str]) -> Result<Duration, Failure> {
        self.done(self.command(words)?).await
    }

    /// How long uv takes to make such an environment anew, beside ours, from a cache of its own that has everything.
    pub(super) async fn uv_anew(&self) -> Result<Duration, Failure> {
        let environment = self.folder.join("uv-environment");
        let uv = |words: &[&str]| {
            let mut command = Command::new(self.uv.program("uv"));
            tools::clean(&mut command, &self.folder);
            command.env("UV_CACHE_DIR", self.folder.join("uv-cache")).args(words);
            command
        };
        let mut make = uv(&["venv", "--quiet", "--clear", "--no-index", "--python", "python3"]);
        make.arg(&environment);
        let mut install = uv(&["pip", "install", "--quiet", "--default-index", &self.index.url(), "--python"]);
        install.arg(environment.join("bin/python")).arg("-r").arg(self.folder.join("requirements.txt"));
        Ok(self.done(make).await? + self.done(install).await?)
    }

    async fn done(&self, command: Command) -> Result<Duration, Failure> {
        let result = run(command, LIMIT, &self.folder.join("log")).await?;
        if result.success { Ok(result.took) } else { Err(Failure::new(result.said)) }
    }
}
