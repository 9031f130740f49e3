//! The state folder and its one owner.

use std::fs::{self, DirBuilder};
use std::io;
use std::path::{Path, PathBuf};

use crate::base::class::{ErrorClass, of_io};
use crate::base::fs::{FileLock, named, read_text, write_atomic};

/// Why a state folder cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// Another process owns it.
    #[error("another stratheal{} uses this state folder: {path}; stop it, or choose another folder", holder(*pid))]
    InUse {
        /// The folder.
        path: String,
        /// The process, when it could be told.
        pid: Option<u32>,
    },
    /// Nothing can be written there.
    #[error("the state folder cannot be written: give this user write access to it, or choose another folder")]
    ReadOnly {
        /// The folder.
        path: String,
        /// What the system said, with the path.
        #[source]
        source: io::Error,
    },
    /// There is none.
    #[error("there is no state folder {path}: nothing has run here yet, or it is elsewhere")]
    Missing {
        /// The folder.
        path: String,
    },
    /// There is something else.
    #[error("{path} is not a folder: move it away, or choose another state folder")]
    NotAFolder {
        /// What is there.
        path: String,
    },
    /// The system refused.
    #[error("cannot {action} the state folder")]
    Storage {
        /// What was tried.
        action: &'static str,
        /// The folder.
        path: String,
        /// What the system said, with the path.
        #[source]
        source: io::Error,
    },
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(String::new, |pid| format!(" (process {pid})"))
}

impl StateError {
    /// What kind of trouble it is.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::InUse { .. } => ErrorClass::Transient,
            Self::ReadOnly { .. } => ErrorClass::Denied,
            Self::Missing { .. } | Self::NotAFolder { .. } => ErrorClass::Permanent,
            Self::Storage { source, .. } => of_io(source),
        }
    }

    fn of(action: &'static str, path: &Path, source: io::Error) -> Self {
        let shown = path.display().to_string();
        match source.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Self::ReadOnly { path: shown, source }
            }
            io::ErrorKind::NotADirectory => Self::NotAFolder { path: shown },
            _ => Self::Storage { action, path: shown, source },
        }
    }
}

/// A state folder. One process owns it at a time, and may write there; any number may look.
///
/// ```
/// use stratheal_core::state::{StateError, StateFolder};
/// let project = tempfile::tempdir().unwrap();
/// let path = project.path().join(".stratheal");
/// let owned = StateFolder::open(&path).unwrap();
/// assert!(matches!(StateFolder::open(&path), Err(StateError::InUse { .. })));
/// assert_eq!(StateFolder::peek(&path).unwrap().history(), owned.history());
/// ```
#[derive(Debug)]
pub struct StateFolder {
    path: PathBuf,
    lock: Option<FileLock>,
}

impl StateFolder {
    /// Makes the folder if it is missing (only for this user, ignored by git) and becomes its owner, until dropped or until the
    /// process ends in whatever way.
    ///
    /// # Errors
    /// [`StateError`]: another process owns it, or it cannot be made or written.
    pub fn open(path: &Path) -> Result<Self, StateError> {
        let path = absolute(path)?;
        // A file may be in the way at any level; the system would not say which.
        if let Some(file) = path.ancestors().find(|above| above.exists()).filter(|above| !above.is_dir()) {
            return Err(StateError::NotAFolder { path: file.display().to_string() });
        }
        create(&path).map_err(|error| StateError::of("create", &path, named(&path, &error)))?;
        let mut folder = Self { path, lock: None };
        let lock_path = folder.lock_path();
        let lock = FileLock::try_acquire(&lock_path).map_err(|error| StateError::of("lock", &folder.path, error))?;
        let Some(lock) = lock else {
            // The number is a courtesy: a holder on a full disk could not write it.
            let pid = read_text(&lock_path, 64).ok().and_then(|text| text.trim().parse().ok());
            return Err(StateError::InUse { path: folder.path.display().to_string(), pid });
        };
        folder.lock = Some(lock);
        folder.hide_from_git();
        Ok(folder)
    }

    /// Looks into a folder without owning it.
    ///
    /// # Errors
    /// [`StateError::Missing`] or [`StateError::NotAFolder`].
    pub fn peek(path: &Path) -> Result<Self, StateError> {
        let path = absolute(path)?;
        match fs::metadata(&path) {
            Ok(found) if found.is_dir() => Ok(Self { path, lock: None }),
            Ok(_) => Err(StateError::NotAFolder { path: path.display().to_string() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(StateError::Missing { path: path.display().to_string() })
            }
            Err(error) => Err(StateError::Storage {
                action: "read",
                path: path.display().to_string(),
                source: named(&path, &error),
            }),
        }
    }

    /// Whether this process may write there.
    #[must_use]
    pub const fn is_owned(&self) -> bool {
        self.lock.is_some()
    }

    /// The folder itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The recorded history.
    #[must_use]
    pub fn history(&self) -> PathBuf {
        self.path.join("history.db")
    }

    /// The lock. It is never deleted: somebody may be about to take it.
    #[must_use]
    pub fn lock_path(&self) -> PathBuf {
        self.path.join("lock")
    }

    /// A folder that hides itself needs no line in the project's own `.gitignore`. One that git shows is no reason to stop.
    fn hide_from_git(&self) {
        let path = self.path.join(".gitignore");
        if path.symlink_metadata().is_ok() {
            return;
        }
        if let Err(error) = write_atomic(&path, b"*\n") {
            tracing::warn!(%error, "the state folder is not ignored by git");
        }
    }
}

fn absolute(path: &Path) -> Result<PathBuf, StateError> {
    std::path::absolute(path).map_err(|error| StateError::Storage {
        action: "find",
        path: path.display().to_string(),
        source: named(path, &error),
    })
}

fn create(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(path) {
        // Somebody else made it at the same time.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::class::chain;

    #[test]
    fn makes_a_private_folder_that_git_ignores() {
        let project = tempfile::tempdir().unwrap();
        let path = project.path().join("deep/.stratheal");
        let folder = StateFolder::open(&path).unwrap();
        assert!(folder.is_owned());
        assert_eq!(fs::read_to_string(path.join(".gitignore")).unwrap(), "*\n");
        assert_eq!(folder.history(), path.join("history.db"));
        #[cfg(unix)]
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&path).unwrap().permissions()) & 0o777, 0o700);
    }

    #[test]
    fn one_owner_at_a_time_and_readers_any_time() {
        let project = tempfile::tempdir().unwrap();
        let owner = StateFolder::open(project.path()).unwrap();
        let refused = StateFolder::open(project.path()).unwrap_err();
        assert_eq!(refused.class(), ErrorClass::Transient);
        assert_eq!(
            refused.to_string(),
            format!(
                "another stratheal (process {}) uses this state folder: {}; stop it, or choose another folder",
                std::process::id(),
                project.path().display()
            )
        );
        assert!(!StateFolder::peek(project.path()).unwrap().is_owned());
        drop(owner);
        assert!(StateFolder::open(project.path()).unwrap().is_owned());
    }

    #[test]
    fn keeps_what_was_written_by_hand() {
        let project = tempfile::tempdir().unwrap();
        fs::write(project.path().join(".gitignore"), "history.db\n").unwrap();
        StateFolder::open(project.path()).unwrap();
        assert_eq!(fs::read_to_string(project.path().join(".gitignore")).unwrap(), "history.db\n");
    }

    #[test]
    fn says_what_is_in_the_way() {
        let project = tempfile::tempdir().unwrap();
        let file = project.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(matches!(StateFolder::open(&file), Err(StateError::NotAFolder { .. })));
        assert!(matches!(StateFolder::peek(&file), Err(StateError::NotAFolder { .. })));
        assert!(matches!(StateFolder::open(&file.join("below")), Err(StateError::NotAFolder { .. })));
        assert!(matches!(StateFolder::peek(&project.path().join("none")), Err(StateError::Missing { .. })));
        fs::create_dir(project.path().join("lock")).unwrap();
        let error = StateFolder::open(project.path()).unwrap_err();
        assert!(matches!(error, StateError::Storage { action: "lock", .. }), "{}", chain(&error));
    }
}
