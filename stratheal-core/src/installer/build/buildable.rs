//! What can become a wheel.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use pep440_rs::Version;

use crate::gateway::Environment as Variables;
use crate::index::ProjectName;
use crate::installer::lock::LockedVcs;
use crate::installer::prepare::FileSource;
use crate::installer::resolve::EngineChoice;

/// Something that has to be built before it can be installed.
#[derive(Debug, Clone)]
pub struct Buildable {
    /// The project.
    pub name: ProjectName,
    /// Its version, where it is known before.
    pub version: Option<Version>,
    /// What it is built from.
    pub source: Source,
    /// How it is built.
    pub settings: Arc<BuildSettings>,
}

/// What something is built from.
#[derive(Debug, Clone)]
pub enum Source {
    /// A source distribution, or another archive with a project in it.
    Archive {
        /// Its file name.
        name: String,
        /// Where it is.
        file: FileSource,
        /// The folder inside of it that holds the project.
        subdirectory: Option<String>,
    },
    /// A commit of a repository.
    Repository(LockedVcs),
    /// A folder.
    Folder {
        /// Where it is.
        path: PathBuf,
        /// Whether what is installed leads there.
        is_editable: bool,
    },
}

/// How wheels are built.
#[derive(Debug, Clone)]
pub struct BuildSettings {
    /// Who builds.
    pub engine: EngineChoice,
    /// The environment of this process: engines get it, changed where the gateway needs it.
    pub variables: Variables,
    /// The folder that relative paths in the configuration of engines mean.
    pub folder: PathBuf,
    /// Settings for build backends, by project, or by path where the project is not known before: key to one or more values.
    pub config_settings: BTreeMap<String, BTreeMap<String, Vec<String>>>,
}

impl Buildable {
    /// Settings for its build backend: key to one or more values.
    pub(in crate::installer) fn config_settings(&self) -> &BTreeMap<String, Vec<String>> {
        static NONE: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let all = &self.settings.config_settings;
        let by_path = || match &self.source {
            Source::Folder { path, .. } => all.get(&path.display().to_string()),
            _ => None,
        };
        all.get(self.name.as_str()).or_else(by_path).unwrap_or(&NONE)
    }

    /// For people.
    pub(in crate::installer) fn shown(&self) -> String {
        match &self.version {
            Some(version) => format!("{} {version}", self.name),
            None => self.name.to_string(),
        }
    }
}
