//! Which environment is meant, where its things are, and who hears that it has changed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use stratheal_core::config;
use stratheal_core::control::{Client, ControlError, left_address};
use stratheal_core::installer::Installer;
use stratheal_core::snapshot::Snapshots;
use stratheal_core::workspace::{self, Choices, Target, Ways, Workspace};

use crate::core::lookup;
use crate::errors::Raised;
use crate::listeners;

/// Which environment is meant, and where things are.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Options {
    pub(crate) path: Option<PathBuf>,
    pub(crate) config: Option<PathBuf>,
    pub(crate) overlay: Option<String>,
    pub(crate) base: Option<PathBuf>,
    pub(crate) index: Option<String>,
    pub(crate) mirrors: Vec<String>,
    pub(crate) offline: bool,
    pub(crate) cache: Option<PathBuf>,
    pub(crate) state: Option<PathBuf>,
    /// In seconds.
    pub(crate) deadline: Option<f64>,
    /// Whether snapshots are made around each change.
    pub(crate) automatic: bool,
}

/// What is open for one piece of work.
pub(crate) struct Opened {
    pub(crate) workspace: Workspace,
    pub(crate) target: Target,
    pub(crate) installer: Installer,
    pub(crate) notes: Vec<String>,
}

impl Options {
    pub(crate) fn workspace(&self) -> Result<Workspace, Raised> {
        let load = |file: &PathBuf| config::load(file, self.overlay.as_deref(), &lookup());
        let config = self.config.as_ref().map(load).transpose()?;
        let choices = Choices {
            index: self.index.clone(),
            mirrors: self.mirrors.clone(),
            offline: self.offline,
            cache: self.cache.clone(),
            python: self.path.clone(),
            deadline: self.deadline.map(deadline).transpose()?,
            state: self.state.clone(),
        };
        Ok(Workspace::new(config, choices)?)
    }

    /// Reads files, and may ask programs.
    pub(crate) fn open(&self, files: &[PathBuf], ways: Ways, changes: bool) -> Result<Opened, Raised> {
        let workspace = self.workspace()?;
        let target = workspace.target(self.base.as_deref());
        let guard = if changes && self.automatic { workspace.guard(&target.path) } else { None };
        let opened = workspace.installer(files, ways, guard)?;
        Ok(Opened { workspace, target, installer: opened.installer, notes: opened.notes })
    }

    /// The state folder of its project: there its snapshots are, and there a monitor says where it is.
    pub(crate) fn state_folder(&self) -> Result<PathBuf, Raised> {
        let workspace = self.workspace()?;
        let root = workspace.root(&workspace.target(None).path)?;
        Ok(workspace::place::snapshots(self.state.as_deref(), workspace.config.as_ref(), &root))
    }

    /// Tells the monitors of this process, and one beside it that has the same state folder, that an environment has changed.
    pub(crate) async fn tell_changed(self, root: &Path) {
        listeners::tell_changed(root).await;
        let address = move || Ok(left_address(&self.state_folder()?));
        // What cannot be told has been done all the same.
        let Ok(Some(address)) = aside(address).await else { return };
        let told = async { Client::connect(&address).await?.tell_changed(root).await };
        match told.await {
            Ok(()) | Err(ControlError::NotRunning) => {}
            Err(error) => tracing::debug!(%error, "the monitor was not told that an environment changed"),
        }
    }

    pub(crate) fn snapshots(&self) -> Result<(Workspace, Snapshots, PathBuf), Raised> {
        let workspace = self.workspace()?;
        let (snapshots, root) = workspace.snapshots(&workspace.target(None).path)?;
        Ok((workspace, snapshots, root))
    }
}

fn deadline(seconds: f64) -> Result<Duration, Raised> {
    let known = Duration::try_from_secs_f64(seconds).ok().filter(|deadline| !deadline.is_zero());
    known.ok_or_else(|| Raised::new("ConfigurationError", format!("deadline: {seconds} s is no time to wait")))
}

/// Reads files and asks programs where that holds up nobody.
pub(crate) async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Raised> + Send + 'static,
) -> Result<T, Raised> {
    let ended = tokio::task::spawn_blocking(work).await;
    ended.unwrap_or_else(|error| Err(Raised::new("StrathealError", error.to_string())))
}
