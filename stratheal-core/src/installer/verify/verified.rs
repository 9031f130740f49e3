//! How an environment is verified, and what came of it.

use std::path::PathBuf;

use serde::Serialize;

use super::{Finding, Severity};

/// How an environment is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct VerifyOptions {
    /// Hash every file. Otherwise one that looks as it did when it was hashed last, down to the inode and the time of its last change
    /// of any kind, is believed.
    pub full: bool,
    /// Import the modules of each project, each project in an interpreter of its own. This runs their code.
    pub imports: bool,
}

/// What verifying an environment found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Verified {
    /// The environment.
    pub root: PathBuf,
    /// Projects that were looked at.
    pub projects: usize,
    /// Files that were looked at.
    pub files: usize,
    /// Files that were hashed; the others look as they did when they were.
    pub hashed: usize,
    /// Their bytes.
    pub bytes_hashed: u64,
    /// What was found, the worst first, by project and path.
    pub findings: Vec<Finding>,
    /// Findings beyond the limit, which are only counted.
    pub left_out: usize,
}

impl Verified {
    /// The most findings that are kept.
    pub const MOST_FINDINGS: usize = 100_000;

    /// Whether nothing is damaged and nothing conflicts.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        !self.findings.iter().any(Finding::counts)
    }

    /// How many findings have this severity.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }

    /// Puts findings in order, and drops those beyond the limit.
    pub(super) fn settle(&mut self) {
        let key =
            |finding: &Finding| (std::cmp::Reverse(finding.severity), finding.project.clone(), finding.path.clone());
        self.findings.sort_by_cached_key(key);
        self.left_out += self.findings.len().saturating_sub(Self::MOST_FINDINGS);
        self.findings.truncate(Self::MOST_FINDINGS);
    }
}
