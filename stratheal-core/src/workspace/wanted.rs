//! What is wanted: what somebody asks for, what is configured, and what lies here.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::{Workspace, WorkspaceError};
use crate::index::ThisProcess;
use crate::installer::Input;
use crate::installer::lock::{Lock, is_lock_file_name};
use crate::installer::requirement::{ExtraName, GroupName, Project, ProjectChoice, Wanted, WantedSources};

/// What somebody asks for. Relative paths begin in the current folder.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Asked {
    /// Requirements: `flask`, `six==1.17.0`, `./folder`, a wheel, a URL.
    pub requirements: Vec<String>,
    /// Requirements files, a `pyproject.toml`, or one lock.
    pub files: Vec<PathBuf>,
    /// Files whose versions hold for whatever is installed.
    pub constraints: Vec<PathBuf>,
    /// Folders that are installed as links to them.
    pub editables: Vec<String>,
    /// Extras of the lock or of the project.
    pub extras: Vec<String>,
    /// Dependency groups of the lock, instead of its default groups, or of the project.
    pub groups: Vec<String>,
    /// Whether what is installed is meant where nothing else is.
    pub or_installed: bool,
}

/// What was asked for, read.
#[derive(Debug)]
#[non_exhaustive]
pub struct Read {
    /// What is wanted.
    pub input: Input,
    /// The requirements files in which it stands: they may name indexes.
    pub files: Vec<PathBuf>,
    /// What the user should know.
    pub notes: Vec<String>,
}

impl Workspace {
    /// Reads what is wanted. Where nothing is named, that is what the project requires.
    ///
    /// # Errors
    /// [`WorkspaceError`] when nothing is wanted, or when it cannot be told what.
    pub fn read(&self, asked: &Asked) -> Result<Read, WorkspaceError> {
        let is_bare = asked.files.is_empty() && asked.requirements.is_empty() && asked.editables.is_empty();
        let configured = self.config.iter().filter(|_| is_bare).flat_map(|config| &config.project.requirements);
        let files: Vec<_> = asked.files.iter().chain(configured).cloned().collect();
        let names_nothing = is_bare && files.is_empty() && asked.groups.is_empty();
        if asked.or_installed && names_nothing {
            return Ok(Read { input: Input::Installed, files, notes: Vec::new() });
        }
        let (locks, files): (Vec<_>, Vec<_>) = files.into_iter().partition(|file| is_lock(file));
        match locks.as_slice() {
            [] => asked.wanted(files),
            [lock] if files.is_empty() && asked.requirements.is_empty() && asked.editables.is_empty() => {
                asked.lock(lock)
            }
            _ => Err(WorkspaceError::LockAndMore),
        }
    }
}

impl Asked {
    fn wanted(&self, files: Vec<PathBuf>) -> Result<Read, WorkspaceError> {
        let here = std::path::absolute(".");
        let here = here.map_err(|source| WorkspaceError::System { action: "find this folder", source })?;
        let (mut projects, requirements): (Vec<_>, Vec<_>) = files.iter().cloned().partition(|file| is_project(file));
        let is_bare = self.requirements.is_empty() && self.editables.is_empty() && requirements.is_empty();
        let with_project = !projects.is_empty();
        // Groups belong to the project that lies here, where none is named.
        if projects.is_empty() && !self.groups.is_empty() {
            projects.push("pyproject.toml".into());
        }
        if is_bare && projects.is_empty() {
            return Err(WorkspaceError::NothingWanted);
        }
        if projects.is_empty() && !self.extras.is_empty() {
            return Err(WorkspaceError::ExtraOfNothing);
        }
        let (extras, groups) = (names::<ExtraName>(&self.extras)?, names::<GroupName>(&self.groups)?);
        let sources = WantedSources {
            requirements: &requirements,
            constraints: &self.constraints,
            arguments: &self.requirements,
            editables: &self.editables,
            folder: &here,
        };
        let mut wanted = Wanted::read(&sources, &ThisProcess)?;
        let choice = ProjectChoice { with_project, extras: &extras, groups: &groups };
        for file in projects {
            let project = Project::read(&here.join(file), &ThisProcess)?;
            wanted.add_project(&project, &choice)?;
        }
        let notes = wanted.notes.iter().map(|note| format!("{}: {}", note.origin, note.text)).collect();
        Ok(Read { input: Input::Wanted(Box::new(wanted)), files, notes })
    }

    fn lock(&self, file: &Path) -> Result<Read, WorkspaceError> {
        let parsed = Lock::read(file, &ThisProcess);
        let parsed = parsed.map_err(|source| WorkspaceError::Lock { path: file.to_owned(), source })?;
        let (extras, groups) = (names(&self.extras)?, names(&self.groups)?);
        let folder = std::path::absolute(file).ok().and_then(|file| file.parent().map(Path::to_owned));
        let groups = (!groups.is_empty()).then_some(groups);
        let input = Input::Lock { lock: Box::new(parsed.lock), extras, groups, folder: folder.unwrap_or_default() };
        Ok(Read { input, files: Vec::new(), notes: parsed.notes })
    }
}

fn is_lock(file: &Path) -> bool {
    file.file_name().and_then(|name| name.to_str()).is_some_and(is_lock_file_name)
}

fn is_project(file: &Path) -> bool {
    file.file_name().is_some_and(|name| name == "pyproject.toml")
}

fn names<T: FromStr<Err: std::error::Error + Send + Sync + 'static>>(
    words: &[String],
) -> Result<Vec<T>, WorkspaceError> {
    let parsed = |word: &String| {
        word.parse().map_err(|error| WorkspaceError::Name { name: word.clone(), source: Box::new(error) })
    };
    words.iter().map(parsed).collect()
}
