//! The switch: in one step where that is possible, else file by file.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};

use super::stage_folder::{StageFolder, walk_environment};
use super::{How, Moment};
use crate::base::fs::named;
use crate::installer::error::InstallError;
use crate::installer::stage::{Composition, Entry, changed_between, walk, walk_to};
use crate::installer::switch::{Entries, Folders, Identity, Register, Step, exchange, is_impossible, place};

/// All that a switch takes.
pub(crate) struct Switching<'a> {
    pub(crate) root: &'a Path,
    pub(crate) stage: &'a mut StageFolder,
    pub(crate) register: &'a Register,
    /// Which folder the environment was when it was read.
    pub(crate) before: Option<Identity>,
    /// What was read of it, as far as that matters.
    pub(crate) current: Option<&'a [Entry]>,
    /// The one path that is changed, where nothing else of the environment was read.
    pub(crate) only: Option<&'a Path>,
    pub(crate) composition: &'a Composition,
    /// How folders have to look where files are replaced one by one.
    pub(crate) folders: Folders,
    pub(crate) told: &'a (dyn Fn(Moment) + Sync),
}

/// What became of it.
pub(crate) enum Switched {
    Done(How),
    /// Somebody else changed these meanwhile, and everything is as it was.
    Changed(Vec<PathBuf>),
}

fn failed(source: io::Error) -> InstallError {
    InstallError::storage("switch to the next environment", source)
}

impl Switching<'_> {
    /// Switches. With `in_place` what stays is not in the stage.
    pub(crate) fn switch(mut self, in_place: bool) -> Result<Switched, InstallError> {
        if in_place {
            return self.replace();
        }
        let root = self.root;
        let next = Identity::of(self.stage.path()).map_err(failed)?;
        let next = next.ok_or_else(|| failed(io::Error::from(io::ErrorKind::NotFound)))?;
        self.stage.note(Step::Switching { next })?;
        (self.told)(Moment::Switching);
        if self.before.is_none() {
            return match place(self.stage.path(), root) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    Ok(Switched::Changed(vec![root.to_owned()]))
                }
                placed => placed.map(|()| Switched::Done(How::Created)).map_err(|error| failed(named(root, &error))),
            };
        }
        match exchange(self.stage.path(), root) {
            Err(error) if is_impossible(&error) => {
                tracing::debug!(root = %root.display(), %error, "files are replaced one by one");
                return self.replace();
            }
            exchanged => exchanged.map_err(|error| failed(named(root, &error)))?,
        }
        (self.told)(Moment::Comparing);
        let Some(current) = self.current else { return Ok(Switched::Done(How::Exchanged)) };
        let old = walk(self.stage.path());
        let changed = old.map(|old| changed_between(current, &old));
        if changed.as_ref().is_ok_and(Vec::is_empty) {
            return Ok(Switched::Done(How::Exchanged));
        }
        exchange(self.stage.path(), root).map_err(|error| failed(named(root, &error)))?;
        changed.map(Switched::Changed).map_err(failed)
    }

    /// Replaces files one by one. What was done is taken back when not all of it can be.
    fn replace(&mut self) -> Result<Switched, InstallError> {
        let (root, stage, old) = (self.root, self.stage.path().to_owned(), self.stage.old());
        let now = self.only.map_or_else(|| walk_environment(root), |only| walk_to(root, only)).map_err(failed)?;
        let changed = self.current.map(|current| changed_between(current, &now)).unwrap_or_default();
        if !changed.is_empty() {
            return Ok(Switched::Changed(changed));
        }
        let Composition { folders, kept, links, .. } = self.composition;
        let kept: HashSet<&Path> =
            kept.iter().chain(links.iter().map(|(path, _)| path)).map(PathBuf::as_path).collect();
        let folders = folders.iter().map(|(folder, _)| folder.as_path());
        let entries = Entries::plan(&now, &walk(&stage).map_err(failed)?, folders, &kept);
        let entries = entries.looking(root, std::mem::take(&mut self.folders)).map_err(failed)?;
        entries.write(self.register).map_err(|source| InstallError::storage("write the journal", source))?;
        self.stage.note(Step::Replacing)?;
        (self.told)(Moment::Switching);
        let carried = entries.carry_out(root, &stage, &old).map_err(failed);
        if let Err(error) = carried.and_then(|()| self.stage.note(Step::Replaced)) {
            // Where this fails too, the journal stays, and the next one who works here tries again.
            let undone = entries.undo(root, &stage, &old).map_err(failed);
            if let Err(error) = undone.and_then(|()| self.stage.note(Step::Building)) {
                self.stage.leave();
                return Err(error);
            }
            return Err(error);
        }
        self.stage.has_replaced();
        Ok(Switched::Done(How::Replaced))
    }
}
