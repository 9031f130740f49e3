//! What is wanted: from options, configuration, and what lies here.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use stratheal_core::index::ThisProcess;
use stratheal_core::installer::Input;
use stratheal_core::installer::lock::{Lock, is_lock_file_name};
use stratheal_core::installer::requirement::{Project, ProjectChoice, RequirementError, Wanted, WantedSources};

use crate::args::{InstallOptions, LockOptions};
use crate::failure::Failure;
use crate::fetching::Setup;
use stratheal_core::base::class::chain;

/// The folder of the project.
pub(super) fn folder(setup: &Setup) -> PathBuf {
    let folder = setup.config.as_ref().map_or_else(|| PathBuf::from("."), |config| config.folder().to_owned());
    std::path::absolute(&folder).unwrap_or(folder)
}

/// Reads what is wanted, and says in which requirements files it stands.
pub(super) fn read(setup: &Setup, options: &InstallOptions) -> Result<(Input, Vec<PathBuf>), Failure> {
    let mut files = options.requirement.clone();
    if files.is_empty() && options.requirements.is_empty() && options.editable.is_empty() {
        files.extend(setup.config.iter().flat_map(|config| config.project.requirements.clone()));
    }
    let is_bare = files.is_empty() && options.requirements.is_empty() && options.editable.is_empty();
    if options.rebuild && is_bare && options.group.is_empty() {
        return Ok((Input::Installed, Vec::new()));
    }
    let (locks, files): (Vec<_>, Vec<_>) = files.into_iter().partition(|file| is_lock(file));
    match locks.as_slice() {
        [] => {}
        [lock] if files.is_empty() && options.requirements.is_empty() && options.editable.is_empty() => {
            return Ok((read_lock(lock, options)?, Vec::new()));
        }
        _ => return Err(Failure::Usage("a lock says everything by itself: name it alone".to_owned())),
    }
    let given = Given {
        requirements: &options.requirements,
        files: &files,
        constraints: &options.constraint,
        editables: &options.editable,
        extras: &options.extra,
        groups: &options.group,
        verb: "install",
    };
    Ok((given.read()?, files))
}

/// Reads what is to be locked: of options, else of the configuration.
pub(super) fn read_to_lock(setup: &Setup, options: &LockOptions) -> Result<(Input, Vec<PathBuf>), Failure> {
    let mut files = options.requirement.clone();
    if files.is_empty() && options.requirements.is_empty() && options.editable.is_empty() {
        files.extend(setup.config.iter().flat_map(|config| config.project.requirements.clone()));
    }
    let given = Given {
        requirements: &options.requirements,
        files: &files,
        constraints: &options.constraint,
        editables: &options.editable,
        extras: &options.extra,
        groups: &options.group,
        verb: "lock",
    };
    Ok((given.read()?, files))
}

/// Requirements, wherever they were given.
struct Given<'a> {
    requirements: &'a [String],
    files: &'a [PathBuf],
    constraints: &'a [PathBuf],
    editables: &'a [String],
    extras: &'a [String],
    groups: &'a [String],
    verb: &'static str,
}

impl Given<'_> {
    fn read(&self) -> Result<Input, Failure> {
        let here = std::path::absolute(".").map_err(|error| Failure::io("find this folder", error))?;
        let usage = |error: RequirementError| Failure::Usage(chain(&error));
        let (mut projects, files): (Vec<_>, Vec<_>) = self.files.iter().cloned().partition(|file| is_project(file));
        let is_bare = self.requirements.is_empty() && self.editables.is_empty() && files.is_empty();
        let with_project = !projects.is_empty();
        // Groups belong to the project that lies here, where none is named.
        if projects.is_empty() && !self.groups.is_empty() {
            projects.push("pyproject.toml".into());
        }
        if is_bare && projects.is_empty() {
            let text = format!(
                "nothing to {}: name requirements, files with -r, or `requirements` under [project]",
                self.verb
            );
            return Err(Failure::Usage(text));
        }
        if projects.is_empty() && !self.extras.is_empty() {
            let text = "--extra chooses from a lock or a pyproject.toml: write other extras behind a requirement (`flask[async]`)";
            return Err(Failure::Usage(text.to_owned()));
        }
        let extras: Vec<_> = names(self.extras)?;
        let groups: Vec<_> = names(self.groups)?;
        let sources = WantedSources {
            requirements: &files,
            constraints: self.constraints,
            arguments: self.requirements,
            editables: self.editables,
            folder: &here,
        };
        let mut wanted = Wanted::read(&sources, &ThisProcess).map_err(usage)?;
        let choice = ProjectChoice { with_project, extras: &extras, groups: &groups };
        for file in projects {
            let project = Project::read(&here.join(file), &ThisProcess).map_err(usage)?;
            wanted.add_project(&project, &choice).map_err(usage)?;
        }
        for note in &wanted.notes {
            crate::output::complain(&format!("{}: {}", note.origin, note.text));
        }
        Ok(Input::Wanted(Box::new(wanted)))
    }
}

fn is_lock(file: &Path) -> bool {
    file.file_name().and_then(|name| name.to_str()).is_some_and(is_lock_file_name)
}

fn is_project(file: &Path) -> bool {
    file.file_name().is_some_and(|name| name == "pyproject.toml")
}

fn names<T: FromStr<Err: std::error::Error + 'static>>(words: &[String]) -> Result<Vec<T>, Failure> {
    words.iter().map(|word| word.parse().map_err(|error| Failure::Usage(chain(&error)))).collect()
}

fn read_lock(file: &Path, options: &InstallOptions) -> Result<Input, Failure> {
    let parsed = Lock::read(file, &ThisProcess);
    let parsed = parsed.map_err(|error| Failure::Usage(format!("{}: {}", file.display(), chain(&error))))?;
    for note in &parsed.notes {
        crate::output::complain(note);
    }
    let extras = names(&options.extra)?;
    let groups: Vec<_> = names(&options.group)?;
    let folder = std::path::absolute(file).ok().and_then(|file| file.parent().map(Path::to_owned));
    let lock = Box::new(parsed.lock);
    let groups = (!groups.is_empty()).then_some(groups);
    Ok(Input::Lock { lock, extras, groups, folder: folder.unwrap_or_default() })
}
