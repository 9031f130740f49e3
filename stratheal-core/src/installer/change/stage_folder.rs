//! Where the next environment is built: beside the environment, in a folder that git ignores; inside of it where nothing can be moved
//! there from beside.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::forbidden::forbidden;
use crate::base::fs::named;
use crate::base::times::{modified_ns, set_modified};
use crate::installer::error::InstallError;
use crate::installer::stage::{Entry, remove_stage, remove_tree, walk};
use crate::installer::switch::{Journal, Register, Step, is_within_reach, old_of};

/// The folder of this program, in a project or in an environment.
pub(crate) const OWN: &str = ".stratheal";

/// A folder for one next environment. Deleted when it is dropped, with whatever lies in it then; and where nothing was begun but to build it,
/// nobody has to hear of it later, or to see that it was there.
#[derive(Debug)]
pub(crate) struct StageFolder {
    path: PathBuf,
    /// The environment.
    root: PathBuf,
    register: Register,
    /// Where it lies in the environment: when that was changed last before.
    root_modified_ns: Option<i64>,
    /// Whether the next one who works on the environment needs what lies here, to bring to an end what this one could not.
    is_needed: bool,
}

impl StageFolder {
    /// Makes a folder from where files can be moved into the environment, which need not be there yet, and notes it in the journal. The
    /// second part says whether it is beside, so that the whole can change places. `number` tells apart what one process stages at the
    /// same time.
    pub(crate) fn make(register: &Register, root: &Path, number: u64) -> Result<(Self, bool), InstallError> {
        let storage = |source: io::Error| {
            if is_forbidden(&source) {
                return forbidden(root, source);
            }
            InstallError::storage("make a folder for what is new", source)
        };
        let is_there = root.exists();
        let beside = Self::below(register, root.parent().unwrap_or(Path::new("/")), root, number);
        beside.note(Step::Building)?;
        match beside.create() {
            Ok(()) if !is_there || is_within_reach(beside.path(), root).map_err(storage)? => return Ok((beside, true)),
            Ok(()) => {}
            Err(error) if is_there && is_forbidden(&error) => {}
            Err(error) => return Err(storage(error)),
        }
        drop(beside);
        let mut inside = Self::below(register, root, root, number);
        inside.root_modified_ns =
            fs::symlink_metadata(root).map(|found| modified_ns(&found)).map(Some).map_err(storage)?;
        inside.note(Step::Building)?;
        inside.create().map_err(storage)?;
        Ok((inside, false))
    }

    fn below(register: &Register, parent: &Path, root: &Path, number: u64) -> Self {
        let parent = parent.join(OWN).join("stage");
        let path = parent.join(format!("{}-{}-{number}", name_of(root), std::process::id()));
        Self { path, root: root.to_owned(), register: register.clone(), root_modified_ns: None, is_needed: false }
    }

    /// Writes down what is about to be done.
    pub(super) fn note(&self, step: Step) -> Result<(), InstallError> {
        let written = Journal::write(&self.register, &self.root, &self.path, self.root_modified_ns, step);
        written.map_err(|source| InstallError::storage("write the journal", source))
    }

    /// From now on the environment is another one than it was.
    pub(super) const fn has_replaced(&mut self) {
        self.root_modified_ns = None;
    }

    /// Leaves everything where it is: what was begun could neither be done nor taken back.
    pub(super) const fn leave(&mut self) {
        self.is_needed = true;
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Where what is replaced is kept until it is known that everything could be.
    pub(super) fn old(&self) -> PathBuf {
        old_of(&self.path)
    }

    /// Deletes what others have left who staged for the same environment and could not clear up: they are gone, because the lock of the
    /// environment is held.
    fn sweep(&self, stages: &Path) -> io::Result<()> {
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        for entry in fs::read_dir(stages).map_err(|error| named(stages, &error))? {
            let entry = entry.map_err(|error| named(stages, &error))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let numbers =
                name.strip_prefix(&name_of(&self.root)).and_then(|rest| rest.strip_prefix('-')).unwrap_or_default();
            let numbers = numbers.strip_suffix(".old").unwrap_or(numbers).split_once('-');
            if numbers.is_some_and(|(process, number)| is_number(process) && is_number(number)) {
                remove_tree(&entry.path())?;
            }
        }
        Ok(())
    }

    /// Makes it, empty. The environment's parents are made as well.
    fn create(&self) -> io::Result<()> {
        let Some(stages) = self.path.parent() else { return Ok(()) };
        let Some(own) = stages.parent() else { return Ok(()) };
        fs::create_dir_all(stages).map_err(|error| named(stages, &error))?;
        let ignore = own.join(".gitignore");
        if !ignore.exists() {
            fs::write(&ignore, "*\n").map_err(|error| named(&ignore, &error))?;
        }
        self.sweep(stages)?;
        fs::create_dir(&self.path).map_err(|error| named(&self.path, &error))
    }
}

impl Drop for StageFolder {
    fn drop(&mut self) {
        if self.is_needed {
            return;
        }
        if let Err(error) = remove_tree(&self.old()).and_then(|()| remove_stage(&self.path)) {
            tracing::warn!(path = %self.path.display(), %error, "what was staged cannot be deleted");
        }
        if let Some(time) = self.root_modified_ns
            && let Err(error) = set_modified(&self.root, time)
        {
            tracing::warn!(root = %self.root.display(), %error, "the time of the last change cannot be given back");
        }
        if !self.path.exists()
            && let Err(error) = Journal::forget(&self.register, &self.root, &self.path)
        {
            tracing::warn!(%error, "the journal of a change that was not made stays");
        }
    }
}

fn name_of(root: &Path) -> String {
    root.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Whether a folder may not be written to.
fn is_forbidden(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
}

/// What lies in an environment, without what this program stages there.
pub(super) fn walk_environment(root: &Path) -> io::Result<Vec<Entry>> {
    let mut entries = walk(root)?;
    entries.retain(|entry| !entry.path.starts_with(OWN));
    Ok(entries)
}
