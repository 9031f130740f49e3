//! [`FreeDiskRule`]: what may go, and where.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::place;
use super::{NamePattern, Prunable};
use crate::model::plan::Risk;

/// Which files may go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// Their names: one of these patterns fits. None fits no file.
    pub names: Vec<NamePattern>,
    /// Neither content nor anything else about them changed for so long; at least [`Files::YOUNGEST`].
    pub older_than: Duration,
    /// So many of the newest are kept, whatever their age.
    pub keep_newest: usize,
    /// Only files of at least so many bytes.
    pub min_size: u64,
    /// Files that a process has open are left: deleting them frees nothing until it closes them. Processes of other users can be asked
    /// by root only.
    pub skip_open: bool,
}

impl Files {
    /// The least age of a file that may go.
    pub const YOUNGEST: Duration = Duration::from_mins(1);

    /// Files with these names, older than this. Those that are open are left.
    #[must_use]
    pub const fn new(names: Vec<NamePattern>, older_than: Duration) -> Self {
        Self { names, older_than, keep_newest: 0, min_size: 0, skip_open: true }
    }
}

/// What may go.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Swept {
    /// Files by name and age, such as old logs. Destructive unless the rule says otherwise.
    Files(Files),
    /// Compiled Python: `*.pyc` in folders named `__pycache__`, and those folders. Python makes it anew. Local.
    Bytecode,
    /// Folders with nothing in them, but for such folders, for so long. Local.
    EmptyFolders {
        /// For how long nothing about them changed.
        older_than: Duration,
    },
    /// What a cache says may go. Local.
    Cache(Arc<dyn Prunable>),
}

impl Swept {
    /// The word for targets.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Files(_) => "files",
            Self::Bytecode => "bytecode",
            Self::EmptyFolders { .. } => "empty-folders",
            Self::Cache(_) => "cache",
        }
    }

    /// For people.
    pub(super) const fn noun(&self) -> &'static str {
        match self {
            Self::Files(_) => "old files",
            Self::Bytecode => "files of compiled Python",
            Self::EmptyFolders { .. } => "empty folders",
            Self::Cache(_) => "cached files",
        }
    }

    const fn usual_risk(&self) -> Risk {
        match self {
            Self::Files(_) => Risk::Destructive,
            Self::Bytecode | Self::EmptyFolders { .. } | Self::Cache(_) => Risk::Local,
        }
    }
}

/// What may go, and where.
///
/// ```
/// use std::time::Duration;
/// use stratheal_core::remedies::free_disk::{Files, FreeDiskRule, Swept};
/// let names = vec!["*.log.*".parse().unwrap()];
/// let mut old = Files::new(names, Duration::from_hours(7 * 24));
/// old.keep_newest = 3;
/// let rule = FreeDiskRule::new("old-logs", "/srv/app/logs", Swept::Files(old));
/// assert!(rule.check().is_ok());
/// assert!(FreeDiskRule::new("all", "/", Swept::Bytecode).check().is_err());
/// ```
#[derive(Debug, Clone)]
pub struct FreeDiskRule {
    /// Its name within the remedy: lowercase letters, digits and `-`.
    pub name: String,
    /// The folder below which it works; itself it stays. It must be named by its real path, without symbolic links, and not be one that
    /// a mistake could be expensive in: nothing directly in `/`, nothing of the system, no home, no mount point.
    pub root: PathBuf,
    /// What may go.
    pub what: Swept,
    /// How much this may break, where that is not the usual.
    pub risk: Option<Risk>,
}

/// A rule is no good.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the rule `{rule}` cannot be used: {why}")]
pub struct InvalidRule {
    /// The rule.
    pub rule: String,
    /// Why.
    pub why: String,
}

impl FreeDiskRule {
    /// A rule with the usual risk.
    pub fn new(name: impl Into<String>, root: impl Into<PathBuf>, what: Swept) -> Self {
        Self { name: name.into(), root: root.into(), what, risk: None }
    }

    /// A rule for a cache, which knows where it is.
    pub fn cache(name: impl Into<String>, cache: Arc<dyn Prunable>) -> Self {
        Self::new(name, cache.root().to_owned(), Swept::Cache(cache))
    }

    /// How much it may break.
    #[must_use]
    pub fn risk(&self) -> Risk {
        self.risk.unwrap_or_else(|| self.what.usual_risk())
    }

    /// Whether it can be used, as far as that can be told without looking at the disk.
    ///
    /// # Errors
    /// [`InvalidRule`] with what is wrong with it.
    pub fn check(&self) -> Result<(), InvalidRule> {
        let wrong = |why: String| Err(InvalidRule { rule: self.name.clone(), why });
        let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if self.name.is_empty() || self.name.len() > 64 || !self.name.bytes().all(is_word) {
            return wrong("its name must be 1 to 64 lowercase letters, digits and `-`".to_owned());
        }
        match &self.what {
            // It was made by the program that owns the folder, wherever that is.
            Swept::Cache(_) => return Ok(()),
            Swept::Files(files) if files.names.is_empty() => {
                return wrong("it names no files; say `*` if all are meant".to_owned());
            }
            Swept::Files(files) if files.older_than < Files::YOUNGEST => {
                return wrong(format!("files of less than {} s may be in use", Files::YOUNGEST.as_secs()));
            }
            Swept::Files(_) | Swept::Bytecode | Swept::EmptyFolders { .. } => {}
        }
        match place::refusal(&self.root) {
            Some(why) => wrong(format!("its folder {} is refused: {why}", self.root.display())),
            None => Ok(()),
        }
    }
}
