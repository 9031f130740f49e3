//! What is wanted: from options, configuration, and what lies here.

use std::path::{Path, PathBuf};

use stratheal_core::index::ThisProcess;
use stratheal_core::installer::Input;
use stratheal_core::installer::lock::{Lock, is_lock_file_name};
use stratheal_core::installer::requirement::{Wanted, WantedSources};

use crate::args::InstallOptions;
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
    let (locks, files): (Vec<_>, Vec<_>) = files.into_iter().partition(|file| is_lock(file));
    match locks.as_slice() {
        [] => {}
        [lock] if files.is_empty() && options.requirements.is_empty() && options.editable.is_empty() => {
            return Ok((read_lock(lock, options)?, Vec::new()));
        }
        _ => return Err(Failure::Usage("a lock says everything by itself: name it alone".to_owned())),
    }
    if files.is_empty() && options.requirements.is_empty() && options.editable.is_empty() {
        let text = "nothing to install: name requirements, files with -r, or `requirements` under [project]";
        return Err(Failure::Usage(text.to_owned()));
    }
    if !options.extra.is_empty() || !options.group.is_empty() {
        let text = "--extra and --group choose from a lock: write extras behind a requirement (`flask[async]`)";
        return Err(Failure::Usage(text.to_owned()));
    }
    let given = Given {
        requirements: &options.requirements,
        files: &files,
        constraints: &options.constraint,
        editables: &options.editable,
    };
    Ok((given.read()?, files))
}

/// Reads requirements only: of options, else of the configuration.
pub(super) fn read_requirements(
    setup: &Setup,
    requirements: &[String],
    files: &[PathBuf],
    constraints: &[PathBuf],
) -> Result<(Input, Vec<PathBuf>), Failure> {
    let mut files = files.to_vec();
    if files.is_empty() && requirements.is_empty() {
        files.extend(setup.config.iter().flat_map(|config| config.project.requirements.clone()));
    }
    if files.is_empty() && requirements.is_empty() {
        let text = "nothing to lock: name requirements, files with -r, or `requirements` under [project]";
        return Err(Failure::Usage(text.to_owned()));
    }
    let given = Given { requirements, files: &files, constraints, editables: &[] };
    Ok((given.read()?, files))
}

/// Requirements, wherever they were given.
struct Given<'a> {
    requirements: &'a [String],
    files: &'a [PathBuf],
    constraints: &'a [PathBuf],
    editables: &'a [String],
}

impl Given<'_> {
    fn read(&self) -> Result<Input, Failure> {
        let here = std::path::absolute(".").map_err(|error| Failure::io("find this folder", error))?;
        let sources = WantedSources {
            requirements: self.files,
            constraints: self.constraints,
            arguments: self.requirements,
            editables: self.editables,
            folder: &here,
        };
        let wanted = Wanted::read(&sources, &ThisProcess).map_err(|error| Failure::Usage(chain(&error)))?;
        for note in &wanted.notes {
            crate::output::complain(&format!("{}: {}", note.origin, note.text));
        }
        Ok(Input::Wanted(Box::new(wanted)))
    }
}

fn is_lock(file: &Path) -> bool {
    file.file_name().and_then(|name| name.to_str()).is_some_and(is_lock_file_name)
}

fn read_lock(file: &Path, options: &InstallOptions) -> Result<Input, Failure> {
    let parsed = Lock::read(file, &ThisProcess);
    let parsed = parsed.map_err(|error| Failure::Usage(format!("{}: {}", file.display(), chain(&error))))?;
    for note in &parsed.notes {
        crate::output::complain(note);
    }
    let extras: Result<Vec<_>, _> = options.extra.iter().map(|name| name.parse()).collect();
    let groups: Result<Vec<_>, _> = options.group.iter().map(|name| name.parse()).collect();
    let extras = extras.map_err(|error| Failure::Usage(chain(&error)))?;
    let groups = groups.map_err(|error| Failure::Usage(chain(&error)))?;
    let folder = std::path::absolute(file).ok().and_then(|file| file.parent().map(Path::to_owned));
    let lock = Box::new(parsed.lock);
    let groups = (!groups.is_empty()).then_some(groups);
    Ok(Input::Lock { lock, extras, groups, folder: folder.unwrap_or_default() })
}
