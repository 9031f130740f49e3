//! What is known of a snapshot beside its tree.

use std::fmt;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::tree::unescape;
use crate::objects::ContentId;

/// A snapshot of an environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The form of this description.
    pub(in crate::snapshot) format: u32,
    /// Its number in its folder. Later ones have larger numbers.
    pub number: u64,
    /// When it was made.
    pub created: Timestamp,
    /// The environment, by its real path.
    pub root: PathBuf,
    /// Why it was made.
    pub reason: Reason,
    /// Who made it.
    pub by: Author,
    /// A name that a person gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Whether it is kept until somebody says otherwise.
    #[serde(default)]
    pub pinned: bool,
    /// That its checks passed while it was live, and which.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub good: Option<Evidence>,
    /// Its tree.
    pub tree: ContentId,
    /// How many files it has.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
    /// The one path of the environment that it is of, escaped as in trees. `None` for a snapshot of all of it. Going back to such a one brings
    /// back that path alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
    /// Paths that changed while it was made, some of them: what it says about these may never have been there at one time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fuzzy: Vec<String>,
    /// What kind of environment it was.
    pub record: Record,
    /// Files beside it.
    #[serde(default)]
    pub project: ProjectFiles,
    /// What the installer had noted about it, so that a repair knows it after a rollback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::snapshot) origins: Option<serde_json::Value>,
}

/// Why a snapshot was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Reason {
    /// Somebody asked for it.
    Asked,
    /// Something was about to change the environment.
    Before {
        /// What.
        change: String,
    },
    /// Something has changed it.
    After {
        /// What.
        change: String,
        /// The snapshot of what was there before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<u64>,
    },
    /// It came from elsewhere.
    Imported {
        /// Its number there.
        number: u64,
        /// Why it was made there.
        reason: Box<Reason>,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asked => f.write_str("asked for"),
            Self::Before { change } => write!(f, "before {change}"),
            Self::After { change, .. } => write!(f, "after {change}"),
            Self::Imported { number, reason } => write!(f, "imported, there {number}: {reason}"),
        }
    }
}

impl Reason {
    /// Whether nobody asked for it.
    #[must_use]
    pub const fn is_automatic(&self) -> bool {
        matches!(self, Self::Before { .. } | Self::After { .. })
    }
}

/// Who made a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Author {
    /// The number of the user.
    pub uid: u32,
    /// The name of the machine, where it is known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub host: String,
    /// The process.
    pub process: u32,
}

/// That a snapshot was good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Since when that is known.
    pub at: Timestamp,
    /// What was looked at, and what it said: for people.
    pub checks: Vec<Passed>,
}

/// A check that passed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passed {
    /// The check.
    pub id: String,
    /// What it said.
    pub summary: String,
}

/// What kind of environment it was.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Record {
    /// Its interpreter, if that was there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub python: Option<Python>,
    /// The projects in it, by name.
    #[serde(default)]
    pub projects: Vec<Project>,
}

/// The interpreter behind an environment. It lies outside, and is no part of the snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Python {
    /// The program, by its real path.
    pub program: PathBuf,
    /// Its SHA-256.
    pub sha256: ContentId,
    /// Its version, as `pyvenv.cfg` says.
    pub version: String,
}

/// A project in an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Project {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The folder of sources that it is a link to. They lie outside, and are no part of the snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub editable: Option<String>,
}

/// Files beside an environment.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ProjectFiles {
    /// The folder of the project.
    #[serde(default)]
    pub folder: PathBuf,
    /// Those that are kept.
    #[serde(default)]
    pub files: Vec<ProjectFile>,
    /// The names of variables in `.env`. Their values are secrets, and never kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variables: Vec<String>,
}

/// A file beside an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectFile {
    /// Its path, relative to the folder of the project.
    pub path: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its SHA-256.
    pub sha256: ContentId,
    /// Its permission bits.
    pub mode: u32,
}

impl Snapshot {
    pub(in crate::snapshot) const FORMAT: u32 = 1;

    /// Whether it is of all of the environment.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.part.is_none()
    }

    /// The path that it is of, if it is not of all.
    pub(in crate::snapshot) fn part(&self) -> Option<PathBuf> {
        self.part.as_deref().and_then(unescape)
    }

    /// The labels that may be given: words that are no number, and that no option is called.
    ///
    /// # Errors
    /// Why it cannot be one.
    pub(in crate::snapshot) fn check_label(label: &str) -> Result<(), &'static str> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        match label {
            "" => Err("it is empty"),
            "last-good" | "newest" | "now" => Err("that word has a meaning"),
            _ if label.len() > 64 => Err("it is longer than 64 characters"),
            _ if !label.bytes().all(is_plain) => Err("letters, digits, `-`, `_` and `.` are allowed"),
            _ if label.starts_with('-') => Err("it looks like an option"),
            _ if label.bytes().all(|byte| byte.is_ascii_digit()) => Err("it looks like the number of a snapshot"),
            _ => Ok(()),
        }
    }
}
