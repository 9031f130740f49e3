//! How an environment is repaired, and what came of it.

use std::path::PathBuf;

use serde::Serialize;

use crate::index::ProjectName;
use crate::installer::switch::Recovered;
use crate::installer::verify::Verified;

/// How an environment is repaired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RepairOptions {
    /// Hash every file of the environment, and every wheel that is used, whatever their sizes and times say.
    pub full: bool,
}

/// What a repair did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Repaired {
    /// The environment.
    pub root: PathBuf,
    /// What was put back, and looked at afterwards.
    pub mended: Vec<Mended>,
    /// Other names of the interpreter, which were links to nowhere and lead to it again.
    pub relinked: Vec<PathBuf>,
    /// Files that were as they should be but for their mode, which is set right.
    pub allowed: Vec<PathBuf>,
    /// What interrupted installers had left, and is removed.
    pub removed: Vec<PathBuf>,
    /// What could not be put back.
    pub unmended: Vec<Unmended>,
    /// Other environments in which a file is damaged that this one shared with them.
    pub also_damaged: Vec<PathBuf>,
    /// What was found of a change that somebody did not bring to its end.
    pub recovered: Option<Recovered>,
    /// How the environment is now.
    pub verified: Verified,
    /// What the user should know beside it.
    pub notes: Vec<String>,
}

impl Repaired {
    /// Whether anything of the environment is another than it was.
    #[must_use]
    pub const fn is_changed(&self) -> bool {
        !(self.mended.is_empty() && self.relinked.is_empty() && self.allowed.is_empty() && self.removed.is_empty())
    }
}

/// A file that was put back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Mended {
    /// Its project.
    pub project: Option<ProjectName>,
    /// The file, relative to the environment.
    pub path: PathBuf,
    /// The wheel that it came from.
    pub wheel: String,
}

/// Something that could not be put back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Unmended {
    /// Its project.
    pub project: Option<ProjectName>,
    /// The file, relative to the environment; the `.dist-info` where it is about all of a project.
    pub path: PathBuf,
    /// Why, and what to do.
    pub reason: String,
}

/// What a repair would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RepairPlan {
    /// The environment.
    pub root: PathBuf,
    /// What would be put back.
    pub repairs: Vec<PlannedRepair>,
    /// Other names of the interpreter that would lead to it again.
    pub relinks: Vec<PathBuf>,
    /// Files whose mode would be set right.
    pub allowances: Vec<PathBuf>,
    /// What would be removed.
    pub removals: Vec<PathBuf>,
    /// How the environment is.
    pub verified: Verified,
}

/// What would be put back of one project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PlannedRepair {
    /// The project.
    pub project: Option<ProjectName>,
    /// Its files, relative to the environment; none when all of them are looked at, because its RECORD cannot be used.
    pub paths: Vec<PathBuf>,
    /// Where they would come from.
    pub source: RepairSource,
}

/// Where files would come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "source", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum RepairSource {
    /// From the wheel that was installed.
    Noted {
        /// Its file name.
        wheel: String,
        /// Whether it is in the cache; otherwise it is fetched.
        cached: bool,
    },
    /// From a wheel of the same version that holds the same files: it is looked for in the cache and on the index.
    Searched,
    /// From nowhere: neither project nor version is known.
    Unknown,
}
