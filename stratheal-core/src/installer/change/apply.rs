//! The transaction: build the next environment beside the current one, look at it, switch, look back.
//!
//! At every instant another process finds the old environment or the new one under its name, whole. A process that is killed leaves
//! a journal, and the next one that works on the environment undoes or finishes what it says.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde::Serialize;

use super::bytecode::Bytecode;
use super::dropped::{Dropped, dropped};
use super::overwritten::{Overwritten, overwritten};
use super::stage_folder::{StageFolder, walk_environment};
use super::switching::{Switched, Switching};
use super::{Change, Ways};
use crate::index::ProjectName;
use crate::installer::error::InstallError;
use crate::installer::installed::{Distribution, Installed, NotADistribution, named_by};
use crate::installer::python::Interpreter;
use crate::installer::stage::{
    Building, Composition, Conflict, Contents, Entry, Kind, Overlap, Placed, build, compose, lay_out, walk,
};
use crate::installer::switch::{Folders, Identity, Journal, Register};

/// How often a change is begun anew because somebody else changed the environment meanwhile.
const MOST_ATTEMPTS: usize = 3;

/// Where a change is. Each is told before it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Moment {
    /// The next environment is being built.
    Building,
    /// Its new modules are being compiled.
    Compiling,
    /// It is being looked at.
    Checking,
    /// It takes the place of the current one.
    Switching,
    /// It has; the old one is compared with what was read of it.
    Comparing,
    /// The old one is deleted.
    Cleaning,
}

/// How the new environment got its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum How {
    /// There was none before.
    Created,
    /// It was exchanged with the old one in one step.
    Exchanged,
    /// Its files were replaced one by one, because somebody wanted that, or because folders cannot change places here.
    Replaced,
}

/// What a change did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Applied {
    /// How the new environment got its place.
    pub how: How,
    /// Files that were put there.
    pub new_files: usize,
    /// Files that were kept.
    pub kept_files: usize,
    /// What the user should know: files that several projects bring, RECORDs that are wrong.
    pub notes: Vec<String>,
}

/// A change, and all it needs.
pub(in crate::installer) struct Applying<'a> {
    /// The interpreter of the environment, with its final paths; it need not be there yet.
    pub(in crate::installer) interpreter: &'a Interpreter,
    pub(in crate::installer) register: &'a Register,
    pub(in crate::installer) change: &'a Change,
    /// What each addition puts there, in the same order.
    pub(in crate::installer) contents: &'a [Contents],
    pub(in crate::installer) ways: Ways,
    /// Whether nothing of what is there stays.
    pub(in crate::installer) fresh: bool,
    /// Set by whoever wants it to stop. From the switch on it is not looked at.
    pub(in crate::installer) stop: &'a AtomicBool,
    pub(in crate::installer) told: &'a (dyn Fn(Moment) + Sync),
}

/// What the user should know about files of others.
#[derive(Default)]
struct Told {
    /// Rows of RECORDs that lead out of the environment.
    outside: Vec<String>,
    /// Files of projects that stay.
    overwritten: Vec<Overwritten>,
}

fn both(path: &Path, first: &str, last: &str) -> String {
    format!("{} is in {first} and in {last}, with different content: {last}'s is there", path.display())
}

/// What became of one attempt.
enum Attempt {
    Done(Applied),
    /// Somebody else changed these meanwhile, and the switch was undone.
    Changed(Vec<PathBuf>),
}

/// Carries a change out. The lock of the environment is held, and recovery was done.
pub(in crate::installer) fn apply(applying: &Applying<'_>) -> Result<Applied, InstallError> {
    let mut changed = Vec::new();
    for _ in 0..MOST_ATTEMPTS {
        match applying.attempt()? {
            Attempt::Done(applied) => return Ok(applied),
            Attempt::Changed(paths) => changed = paths,
        }
    }
    let paths = changed.iter().take(5).map(|path| path.display().to_string()).collect();
    Err(InstallError::Disturbed { root: applying.root().to_owned(), paths })
}

impl Applying<'_> {
    fn root(&self) -> &Path {
        &self.interpreter.prefix
    }

    fn attempt(&self) -> Result<Attempt, InstallError> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let root = self.root();
        let storage = |action: &'static str| move |source: io::Error| InstallError::storage(action, source);
        (self.told)(Moment::Building);
        let before = Identity::of(root).map_err(storage("look at the environment"))?;
        let (mut stage, is_beside) = StageFolder::make(self.register, root, COUNT.fetch_add(1, Ordering::Relaxed))?;
        let in_place = before.is_some() && (self.ways.in_place || !is_beside);
        let read = before.filter(|_| !self.fresh).map(|_| walk_environment(root));
        let current = read.transpose().map_err(storage("read the environment"))?;
        // An empty folder is a place for an environment, and none yet.
        let current = current.filter(|entries| !entries.is_empty());
        let (composition, told) = self.compose(current.as_deref(), stage.path())?;
        // What stays is not staged where it stays in its place.
        let staged = if in_place { Cow::Owned(composition.only_new()) } else { Cow::Borrowed(&composition) };
        let building = Building {
            current: current.as_ref().map(|_| root),
            composition: &staged,
            contents: self.contents,
            link_mode: self.ways.link_mode,
            stop: self.stop,
        };
        let built = build(&building, stage.path())?;
        let uncompiled = if self.ways.compile { self.compile(&composition, &stage)? } else { None };
        (self.told)(Moment::Checking);
        self.check(stage.path(), in_place)?;
        if self.stop.load(Ordering::Relaxed) {
            return Err(InstallError::Stopped);
        }
        let switching = Switching {
            root,
            stage: &mut stage,
            register: self.register,
            before,
            // What does not stay may change as it likes.
            current: (!self.fresh).then(|| current.as_deref().unwrap_or_default()),
            only: None,
            composition: &composition,
            folders: Folders::default(),
            told: self.told,
        };
        let how = match switching.switch(in_place)? {
            Switched::Done(how) => how,
            Switched::Changed(changed) => {
                Journal::close(self.register).map_err(storage("close the journal"))?;
                return Ok(Attempt::Changed(changed));
            }
        };
        (self.told)(Moment::Cleaning);
        drop(stage);
        Journal::close(self.register).map_err(storage("close the journal"))?;
        let how = if current.is_none() && !self.fresh { How::Created } else { how };
        let mut notes = self.notes(&composition.overlaps, &told);
        notes.extend(uncompiled);
        if how == How::Replaced && !self.ways.in_place {
            notes.push(format!(
                "{} cannot change places with another folder: its files were replaced one by one, so that a program that started \
                 meanwhile may have seen some of both",
                root.display()
            ));
        }
        Ok(Attempt::Done(Applied { how, new_files: built.new, kept_files: composition.kept.len(), notes }))
    }

    fn compile(&self, composition: &Composition, stage: &StageFolder) -> Result<Option<String>, InstallError> {
        (self.told)(Moment::Compiling);
        let Applying { interpreter, stop, .. } = *self;
        Bytecode { interpreter, composition, stage: stage.path(), list: self.register.modules(), stop }.compile()
    }

    /// What the next environment consists of. A new one begins with what makes it an environment, which is put into the stage.
    fn compose(&self, current: Option<&[Entry]>, stage: &Path) -> Result<(Composition, Told), InstallError> {
        let root = self.root();
        let additions: Vec<Vec<Placed>> = self.contents.iter().map(|contents| contents.files.clone()).collect();
        let conflict = |source: Conflict| InstallError::Conflict { root: root.to_owned(), source: source.into() };
        let Some(current) = current else {
            let storage = |source| InstallError::storage("make an environment", source);
            lay_out(self.interpreter, root, stage).map_err(storage)?;
            let entries = walk(stage).map_err(storage)?;
            let mut composition = compose(&entries, &HashSet::new(), &additions).map_err(conflict)?;
            // All of it is there already, but for folders of the additions; what they replace goes.
            let laid: HashSet<&Path> = entries.iter().map(|entry| entry.path.as_path()).collect();
            composition.folders.retain(|(folder, _)| !laid.contains(folder.as_path()));
            for (_, placed) in composition.new.iter().filter(|(_, placed)| laid.contains(placed.path.as_path())) {
                fs::remove_file(stage.join(&placed.path)).map_err(storage)?;
            }
            (composition.kept, composition.links) = (Vec::new(), Vec::new());
            return Ok((composition, Told::default()));
        };
        let (Dropped { files, outside, .. }, kept) = self.dropped(current)?;
        let composition = compose(current, &files, &additions).map_err(conflict)?;
        let overwritten = overwritten(current, &files, &composition, &kept, root);
        Ok((composition, Told { outside, overwritten }))
    }

    /// What goes, and the projects that stay.
    fn dropped(&self, current: &[Entry]) -> Result<(Dropped, Vec<Distribution>), InstallError> {
        let Change { additions, removals } = self.change;
        if removals.is_empty() && additions.is_empty() {
            return Ok((Dropped::default(), Vec::new()));
        }
        let scheme = &self.interpreter.scheme;
        let installed = Installed::scan([scheme.purelib.as_path(), scheme.platlib.as_path()])
            .map_err(|source| InstallError::storage("read what is installed", source))?;
        let goes: HashSet<&Path> = removals.iter().map(|removal| removal.folder.as_path()).collect();
        let all = installed.distributions.into_values().chain(installed.duplicates);
        let kept: Vec<_> = all.filter(|distribution| !goes.contains(distribution.folder.as_path())).collect();
        // What is left of them where METADATA is gone; only its name says of what.
        let changes = |name: &ProjectName| {
            additions.iter().any(|one| one.name == *name) || removals.iter().any(|one| one.name() == name)
        };
        let others = installed.others.iter().filter(|(_, why)| matches!(why, NotADistribution::Damaged(_)));
        let damaged = others.filter(|(folder, _)| named_by(folder).0.is_some_and(|name| changes(&name)));
        let damaged: Vec<_> = damaged.map(|(folder, _)| folder.clone()).collect();
        let mut dropped = dropped(removals, &damaged, kept.iter(), self.root())
            .map_err(|reason| InstallError::Environment { root: self.root().to_owned(), reason })?;
        // Whatever else lies in a `.dist-info` goes with it.
        let inside =
            current.iter().filter(|entry| !matches!(entry.kind, Kind::Folder(_)) && dropped.takes(&entry.path));
        let inside: Vec<PathBuf> = inside.map(|entry| entry.path.clone()).collect();
        dropped.files.extend(inside);
        Ok((dropped, kept))
    }

    /// Whether the next environment is one: its interpreter is there.
    fn check(&self, stage: &Path, in_place: bool) -> Result<(), InstallError> {
        let program = self.interpreter.executable.strip_prefix(self.root());
        let program = program.map_or_else(|_| self.interpreter.executable.clone(), |inside| stage.join(inside));
        if program.exists() || (in_place && self.interpreter.executable.exists()) {
            return Ok(());
        }
        let target = fs::read_link(&program).map(|target| format!(", a link to {},", target.display()));
        let reason = format!(
            "its interpreter {}{} is gone: `stratheal install --rebuild` makes the environment anew",
            self.interpreter.executable.display(),
            target.unwrap_or_default()
        );
        Err(InstallError::Environment { root: self.root().to_owned(), reason })
    }

    fn notes(&self, overlaps: &[Overlap], told: &Told) -> Vec<String> {
        let mut notes = Vec::new();
        let name = |index: usize| self.change.additions[index].name.as_str();
        for overlap in overlaps.iter().filter(|overlap| !overlap.is_same) {
            notes.push(both(&overlap.path, name(overlap.by.0), name(overlap.by.1)));
        }
        for Overwritten { path, owner, by } in &told.overwritten {
            notes.push(both(path, owner.as_str(), name(*by)));
        }
        for row in &told.outside {
            notes.push(format!("{row} lies outside the environment, and stays"));
        }
        for (addition, contents) in self.change.additions.iter().zip(self.contents) {
            if let Some(problem) = contents.problems.first() {
                let more = contents.problems.len() - 1;
                let more = if more == 0 { String::new() } else { format!(", and {more} more") };
                notes.push(format!(
                    "the wheel of {} has a wrong RECORD: {problem}{more}; the installed one is right",
                    addition.name
                ));
            }
        }
        notes
    }
}
