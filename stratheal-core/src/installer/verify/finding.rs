//! What can be wrong with an environment.

use std::path::PathBuf;

use serde::Serialize;

use super::{Remedy, Right};
use crate::index::ProjectName;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing, and nothing is wrong.
    Note,
    /// Somebody should look; what is installed works.
    Warning,
    /// Parts of the environment do not fit each other.
    Conflict,
    /// Something is not as it was installed.
    Damage,
}

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// The project it is about, if it is about one.
    pub project: Option<ProjectName>,
    /// Other projects that the same path belongs to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<ProjectName>,
    /// The file or folder, relative to the environment, or absolute when it lies outside.
    pub path: Option<PathBuf>,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong and what to do, for people.
    pub message: String,
    /// What is wrong, for programs.
    pub problem: Problem,
    /// What puts it right, if a command does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<Remedy>,
    /// Who else has the same damaged file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shared: Option<Shared>,
}

/// Who else has a damaged file: a hard link is the same file under another name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct Shared {
    /// Environments.
    pub environments: Vec<PathBuf>,
    /// Whether it is the file in the cache's tree.
    pub in_store: bool,
    /// Names of it that are not known.
    pub unknown: u64,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Problem {
    /// A file of RECORD is not there.
    Missing,
    /// A file has other content than RECORD says.
    Changed,
    /// Something else is where a file should be.
    NotAFile {
        /// What it is.
        found: &'static str,
    },
    /// A folder on the way to it is a link that leads out of the environment.
    LeadsOut,
    /// It cannot be read.
    Unreadable {
        /// What the system says.
        reason: String,
    },
    /// Its mode keeps its user from using it.
    Mode {
        /// What it does not allow.
        lacks: Right,
    },
    /// METADATA is missing or cannot be understood.
    Metadata {
        /// Why.
        reason: String,
    },
    /// The `.dist-info` of a project is gone that this program has installed, and nobody has uninstalled.
    MetadataGone,
    /// Something else has uninstalled a project that this program had installed.
    Uninstalled {
        /// Its version.
        version: String,
    },
    /// RECORD is missing, or cannot be believed.
    Record {
        /// Why.
        reason: String,
    },
    /// A project is there more than once.
    Duplicate {
        /// Its versions, the one that Python finds first.
        versions: Vec<String>,
    },
    /// The format before `.dist-info`: it has no list of files with hashes.
    Egg,
    /// What an interrupted pip has left.
    Leftover,
    /// A requirement is not met.
    Unmet {
        /// What is required.
        requirement: String,
        /// The version that is there.
        installed: Option<String>,
    },
    /// The project is not for this version of Python.
    RequiresPython {
        /// The versions it is for.
        wanted: String,
        /// The interpreter's.
        python: String,
    },
    /// Its wheel is for another interpreter or platform.
    WrongPlatform {
        /// The tags of the wheel.
        tags: Vec<String>,
        /// Whether it has parts that only run there.
        native: bool,
    },
    /// Several projects record the same path.
    Overlap {
        /// Whether they record the same content.
        is_same: bool,
    },
    /// Files beside packages that nobody records.
    Alien {
        /// How many.
        files: usize,
        /// One of them.
        example: PathBuf,
    },
    /// A row of RECORD leads out of the environment.
    Outside {
        /// What is wrong with the file there; nothing when it is as recorded, or recorded without a hash.
        wrong: Option<String>,
    },
    /// The interpreter's program, or what it is a link to, is not there.
    InterpreterGone {
        /// What it is a link to.
        target: Option<PathBuf>,
    },
    /// Another name of the interpreter is a link to nowhere.
    LinkGone {
        /// What it is a link to.
        target: PathBuf,
    },
    /// The interpreter cannot be asked.
    InterpreterFails {
        /// Why.
        reason: String,
    },
    /// The interpreter has another version than the environment was made for.
    InterpreterChanged {
        /// The version it was made for.
        made_for: String,
        /// The version it has.
        python: String,
    },
    /// `pyvenv.cfg`, which makes it an environment, is not there.
    ConfigurationGone,
    /// A key of `pyvenv.cfg` is wrong.
    Configuration {
        /// The key.
        key: String,
        /// Its value; nothing when it is missing.
        value: Option<String>,
        /// What is wrong with it.
        reason: String,
    },
    /// It was made in another place, and what is in it names that.
    Moved {
        /// That place.
        from: PathBuf,
        /// How many programs name it.
        programs: usize,
    },
    /// The sources of a project that is a link to them are gone.
    SourceGone {
        /// Where they were.
        target: String,
    },
    /// A line of a `.pth` file names a folder that is not there.
    PathGone {
        /// The line.
        target: String,
    },
    /// Modules cannot be imported.
    Import {
        /// The last line of what Python said.
        reason: String,
    },
}

impl Problem {
    /// What is found where a file should be and a folder is.
    pub(super) const FOLDER: &str = "a folder";
}

impl Finding {
    /// A finding about a project.
    pub(super) fn about(project: Option<&ProjectName>, path: Option<PathBuf>, problem: Problem) -> Self {
        let others: &[ProjectName] = &[];
        let mut finding = Self {
            project: project.cloned(),
            others: others.to_vec(),
            path,
            severity: problem.severity(),
            message: String::new(),
            remedy: problem.remedy(),
            problem,
            shared: None,
        };
        finding.message = finding.sentence();
        finding
    }

    /// The same, when something else puts it right than is usual.
    pub(super) fn with(mut self, remedy: Option<Remedy>) -> Self {
        self.remedy = remedy;
        self.message = self.sentence();
        self
    }

    /// As [`Self::about`], for a path that more than one project has.
    pub(super) fn of_several(owners: Vec<ProjectName>, path: PathBuf, problem: Problem) -> Self {
        let mut owners = owners.into_iter();
        let mut finding = Self::about(owners.next().as_ref(), Some(path), problem);
        finding.others = owners.collect();
        finding.message = finding.sentence();
        finding
    }

    /// Whether the environment is not as it should be.
    #[must_use]
    pub fn counts(&self) -> bool {
        self.severity >= Severity::Conflict
    }
}
