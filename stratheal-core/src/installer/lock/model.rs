//! What a lock says.

use std::path::Path;

use pep440_rs::{Version, VersionSpecifiers};
use toml::Table;
use toml::value::Datetime;

use super::places;
use crate::base::redact::Secret;
use crate::index::{Hashes, ProjectName};
use crate::installer::requirement::{ExtraName, GroupName, Marker, lexical};

/// A lock. URLs in it may hold passwords or tokens, so they print as `***`; [`Lock::to_toml`] writes them whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Lock {
    /// The version of the format.
    pub lock_version: Version,
    /// Where the lock may be used; anywhere when empty.
    pub environments: Vec<Marker>,
    /// The interpreters it is for.
    pub requires_python: Option<VersionSpecifiers>,
    /// The extras that can be asked for. An empty list says that there were none, its absence that nobody looked.
    pub extras: Option<Vec<ExtraName>>,
    /// The dependency groups that can be asked for. The same holds of its absence.
    pub dependency_groups: Option<Vec<GroupName>>,
    /// The groups that are installed when none is asked for.
    pub default_groups: Vec<GroupName>,
    /// The tool that wrote it.
    pub created_by: String,
    /// Everything that may be installed.
    pub packages: Vec<LockedPackage>,
    /// What tools have written for themselves.
    pub tool: Table,
}

/// One entry of a lock.
#[derive(Debug, Clone, PartialEq)]
pub struct LockedPackage {
    /// The project.
    pub name: ProjectName,
    /// Its version; absent where the source decides it.
    pub version: Option<Version>,
    /// Where it is installed; everywhere without one.
    pub marker: Option<Marker>,
    /// The interpreters it is for.
    pub requires_python: Option<VersionSpecifiers>,
    /// Other entries that this one depends on, for auditors; an installation must not look at them.
    pub dependencies: Vec<Table>,
    /// The index on which its files were found.
    pub index: Option<Secret<String>>,
    /// Where it comes from.
    pub source: LockedSource,
    /// The attestations of its files.
    pub attestation_identities: Vec<Table>,
    /// What tools have written for themselves.
    pub tool: Table,
}

/// Where a locked package comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum LockedSource {
    /// From files of an index, at least one of them.
    Files {
        /// The source distribution.
        sdist: Option<LockedFile>,
        /// The wheels.
        wheels: Vec<LockedFile>,
    },
    /// From an archive.
    Archive(LockedArchive),
    /// From a repository.
    Vcs(LockedVcs),
    /// From a folder.
    Directory(LockedDirectory),
}

/// A wheel or a source distribution.
#[derive(Debug, Clone, PartialEq)]
pub struct LockedFile {
    /// The name of the file.
    pub name: String,
    /// When it was uploaded.
    pub upload_time: Option<Datetime>,
    /// Where it is; without one there is a path.
    pub url: Option<Secret<String>>,
    /// Where it is on this machine, from the folder of the lock. It goes before the URL.
    pub path: Option<String>,
    /// Its size in bytes.
    pub size: Option<u64>,
    /// Its hashes, at least one.
    pub hashes: Hashes,
}

/// An archive: a wheel, a source distribution, or any other with a project in it.
#[derive(Debug, Clone, PartialEq)]
pub struct LockedArchive {
    /// Where it is; without one there is a path.
    pub url: Option<Secret<String>>,
    /// Where it is on this machine, from the folder of the lock.
    pub path: Option<String>,
    /// Its size in bytes.
    pub size: Option<u64>,
    /// When it was uploaded.
    pub upload_time: Option<Datetime>,
    /// Its hashes, at least one.
    pub hashes: Hashes,
    /// The folder inside of it that holds the project.
    pub subdirectory: Option<String>,
}

/// A commit of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedVcs {
    /// `git`, `hg`, `svn` or `bzr`.
    pub kind: String,
    /// Where it is; without one there is a path.
    pub url: Option<Secret<String>>,
    /// Where it is on this machine, from the folder of the lock.
    pub path: Option<String>,
    /// What was asked for, such as a branch. Never what is checked out.
    pub requested_revision: Option<String>,
    /// The commit.
    pub commit_id: String,
    /// The folder inside of it that holds the project.
    pub subdirectory: Option<String>,
}

/// A folder with a project in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedDirectory {
    /// Where it is, from the folder of the lock.
    pub path: String,
    /// Whether it was an editable when the lock was written.
    pub is_editable: bool,
    /// The folder inside of it that holds the project.
    pub subdirectory: Option<String>,
}

impl Lock {
    /// A lock of this program with these packages, for any environment.
    #[must_use]
    pub fn new(packages: Vec<LockedPackage>) -> Self {
        Self {
            lock_version: Version::new([1, 0]),
            environments: Vec::new(),
            requires_python: None,
            extras: Some(Vec::new()),
            dependency_groups: Some(Vec::new()),
            default_groups: Vec::new(),
            created_by: "stratheal".to_owned(),
            packages,
            tool: Table::new(),
        }
    }
}

impl Lock {
    /// The same lock with absolute paths, where the ones in it begin in `folder`.
    #[must_use]
    pub fn with_paths_from(self, folder: &Path) -> Self {
        let absolute = |path: &mut String| {
            let joined = folder.join(&*path);
            *path = lexical(&joined).display().to_string();
        };
        self.with_each_path(&absolute)
    }

    /// The same lock with paths from `folder`, for those that lie inside of it; absolute ones stay as they are otherwise.
    #[must_use]
    pub fn with_paths_inside(self, folder: &Path) -> Self {
        let inside = |path: &mut String| {
            if let Ok(inside) = Path::new(&*path).strip_prefix(folder) {
                let text = inside.display().to_string();
                *path = if text.is_empty() { ".".to_owned() } else { text };
            }
        };
        self.with_each_path(&inside)
    }

    fn with_each_path(mut self, change: &dyn Fn(&mut String)) -> Self {
        for package in &mut self.packages {
            match &mut package.source {
                LockedSource::Files { sdist, wheels } => {
                    sdist.iter_mut().chain(wheels).filter_map(|file| file.path.as_mut()).for_each(change);
                }
                LockedSource::Archive(archive) => archive.path.iter_mut().for_each(change),
                LockedSource::Vcs(vcs) => vcs.path.iter_mut().for_each(change),
                LockedSource::Directory(directory) => change(&mut directory.path),
            }
        }
        self
    }
}

impl LockedArchive {
    /// The name of the file, from its path or its URL.
    #[must_use]
    pub fn file_name(&self) -> Option<String> {
        places::file_name(self.path.as_deref(), self.url.as_ref())
    }
}

/// Whether a lock may have this file name: `pylock.toml`, or `pylock.NAME.toml`.
///
/// ```
/// use stratheal_core::installer::lock::is_lock_file_name;
/// assert!(is_lock_file_name("pylock.dev.toml") && !is_lock_file_name("pylock..toml"));
/// ```
#[must_use]
pub fn is_lock_file_name(name: &str) -> bool {
    let between = name.strip_prefix("pylock.").and_then(|rest| rest.strip_suffix(".toml"));
    name == "pylock.toml" || between.is_some_and(|between| !between.is_empty() && !between.contains('.'))
}
