//! How to go back, and what that did.

use std::path::PathBuf;

use serde::Serialize;

use crate::installer::How;

/// How it goes back.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RollbackOptions {
    /// Only these paths, relative to the environment, with everything below them.
    pub paths: Vec<PathBuf>,
    /// Only the files of these projects.
    pub projects: Vec<String>,
    /// Keeps what somebody has edited by hand since, where what it was edited from is there afterwards as well. Only for whole snapshots.
    pub keep_edits: bool,
    /// Replaces files one by one although the environment could be exchanged, as where others have it mounted.
    pub in_place: bool,
    /// Does not ask what was built whether its interpreter starts.
    pub unchecked: bool,
}

/// What a rollback did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RolledBack {
    /// The environment.
    pub root: PathBuf,
    /// The snapshot that it is as now.
    pub number: u64,
    /// The snapshot of what was there before: going back to it undoes this. `None` when nothing was there.
    pub before: Option<u64>,
    /// The paths that alone were to go back; empty when it was all of the environment, or projects.
    pub paths: Vec<PathBuf>,
    /// How the environment got its place; `None` when nothing had to be done.
    pub how: Option<How>,
    /// Files that were put back.
    pub put: usize,
    /// Files that stayed.
    pub kept: usize,
    /// Edits that were kept, when that was asked for: files that are not as in the snapshot.
    pub edits: Vec<PathBuf>,
    /// Edits that could not be kept, because the file is another one in the snapshot: they are in the snapshot of what was there before.
    pub conflicts: Vec<PathBuf>,
    /// What the user should know.
    pub notes: Vec<String>,
}

impl RollbackOptions {
    /// Whether all of it goes back.
    pub(in crate::snapshot) const fn is_whole(&self) -> bool {
        self.paths.is_empty() && self.projects.is_empty()
    }
}
