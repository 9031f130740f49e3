//! The demo on the disk: a project like anybody's, with a server, its requirements and a configuration.

use std::fs;
use std::path::{Path, PathBuf};

use stratheal_core::base::class::chain;

use super::ports::Ports;
use crate::args::{Common, InstallOptions, Packages};
use crate::commands;
use crate::failure::Failure;

const SERVER: &str = include_str!("../../../demo/server.py");
const REQUIREMENTS: &str = include_str!("../../../demo/requirements.txt");
const CONFIGURATION: &str = include_str!("../../../demo/stratheal.toml");
const SMALL_DISK: &str = include_str!("../../../demo/small-disk.toml");

/// A project that is laid out.
#[derive(Debug)]
pub(super) struct Project {
    pub(super) folder: PathBuf,
    pub(super) ports: Ports,
    /// As for a command in its folder.
    pub(super) common: Common,
    pub(super) packages: Packages,
}

impl Project {
    /// Lays it out in a folder, which is new, or was laid out before.
    pub(super) fn lay_out(folder: &Path, ports: Ports, common: &Common, packages: &Packages) -> Result<Self, Failure> {
        let at = |error| Failure::io("lay out the demo", error);
        if is_somebody_elses(folder) {
            let folder = folder.display();
            return Err(Failure::Usage(format!("{folder} holds something else: name a new folder for the demo")));
        }
        fs::create_dir_all(folder).map_err(at)?;
        let folder = folder.canonicalize().map_err(at)?;
        let configuration = folder.join("stratheal.toml");
        for (path, text) in [
            (&folder.join("server.py"), SERVER),
            (&folder.join("requirements.txt"), REQUIREMENTS),
            (&configuration, ports.put_into(CONFIGURATION).as_str()),
        ] {
            fs::write(path, text).map_err(at)?;
        }
        let common =
            Common { config: Some(configuration), no_config: false, env: None, state_dir: None, ..common.clone() };
        let packages = Packages { python: None, ..packages.clone() };
        Ok(Self { folder, ports, common, packages })
    }

    /// Adds the check of a small disk to the configuration, and what is done about it.
    pub(super) fn watch_small_disk(&self) -> Result<(), Failure> {
        let text = self.ports.put_into(CONFIGURATION) + SMALL_DISK;
        fs::write(self.folder.join("stratheal.toml"), text).map_err(|error| Failure::io("lay out the demo", error))
    }

    /// Makes the environment of the server: from the cache, or the network. Afterwards there is nothing to do.
    pub(super) fn install(&self) -> Result<(), Failure> {
        // It does not outlive the interpreter that it was made from.
        let rebuild = self.environment().join("pyvenv.cfg").exists() && !self.python().exists();
        let options = InstallOptions { rebuild, no_snapshot: true, ..InstallOptions::default() };
        commands::install::run(&self.common, &self.packages, &options).map(drop).map_err(|failure| {
            let cause = match &failure {
                Failure::Caused { cause, .. } => *cause,
                Failure::Fetch(error) => error.cause(),
                _ => return failure,
            };
            let advice = "the demo takes one small file from an index, once: try again with a network, or name an index that can be \
                          reached with --index; `stratheal doctor` says what is wrong with the one in use";
            Failure::Caused { cause, text: format!("{}\n{advice}", chain(&failure)) }
        })
    }

    pub(super) fn environment(&self) -> PathBuf {
        self.folder.join(".venv")
    }

    pub(super) fn python(&self) -> PathBuf {
        self.environment().join("bin/python")
    }

    pub(super) fn state(&self) -> PathBuf {
        self.folder.join(".stratheal")
    }

    /// Where its packages are.
    pub(super) fn site_packages(&self) -> std::io::Result<PathBuf> {
        let lib = fs::read_dir(self.environment().join("lib"))?;
        let found =
            lib.filter_map(Result::ok).map(|entry| entry.path().join("site-packages")).find(|path| path.is_dir());
        found.ok_or_else(|| std::io::Error::from(std::io::ErrorKind::NotFound))
    }
}

/// Whether there is something in a folder that is not a demo.
fn is_somebody_elses(folder: &Path) -> bool {
    let is_empty = || fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none());
    let first = CONFIGURATION.lines().next();
    let is_demo = || fs::read_to_string(folder.join("stratheal.toml")).is_ok_and(|text| text.lines().next() == first);
    folder.exists() && !is_demo() && !is_empty()
}
