//! The projects of an environment, also those whose metadata cannot be read.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use pep440_rs::Version;

use super::{Finding, Problem, Remedy, Standing};
use crate::index::ProjectName;
use crate::installer::installed::{
    Distribution, Installed, NotADistribution, lists_its_metadata, named_by, read_record,
};
use crate::installer::origin::{Origin, Origins};
use crate::objects::{ContentId, RecordRow};

/// The most threads that read RECORDs.
const MOST_THREADS: usize = 4;

/// A project of an environment.
#[derive(Debug)]
pub(in crate::installer) struct Project {
    /// From its METADATA, else from the name of its folder; `None` when neither says it.
    pub(in crate::installer) name: Option<ProjectName>,
    pub(in crate::installer) version: Option<Version>,
    /// Its `.dist-info`, relative to the root.
    pub(in crate::installer) folder: PathBuf,
    /// What its METADATA says.
    pub(in crate::installer) distribution: Option<Distribution>,
    /// Why its METADATA cannot be used.
    pub(in crate::installer) metadata: Result<(), String>,
    pub(in crate::installer) rows: Result<Vec<RecordRow>, String>,
    /// The hash of its RECORD.
    pub(in crate::installer) record: Option<ContentId>,
    pub(in crate::installer) standing: Standing,
    /// Whether its `.dist-info` is itself a link: whoever put it there made links of all of it (`virtualenv --symlink-app-data`).
    pub(in crate::installer) is_linked: bool,
}

impl Project {
    /// Whether its METADATA and its RECORD could be read.
    pub(in crate::installer) const fn is_known(&self) -> bool {
        self.metadata.is_ok() && self.rows.is_ok()
    }

    /// Reads a `.dist-info` folder of the environment in `root`.
    fn read(root: &Path, folder: &Path, distribution: Result<Distribution, String>) -> Option<Self> {
        let relative = folder.strip_prefix(root).ok()?.to_owned();
        let (name, version) = match &distribution {
            Ok(found) => (Some(found.name().clone()), Some(found.version().clone())),
            Err(_) => named_by(folder),
        };
        let read = read_record(folder);
        let record = read.as_ref().ok().map(|(_, id)| *id);
        let is_linked = fs::symlink_metadata(folder).is_ok_and(|found| found.is_symlink());
        // What many environments share lists only what is made for each of them.
        let is_sound = |rows| if is_linked { Ok(rows) } else { sound(rows, folder) };
        let rows = read.map(|(rows, _)| rows).and_then(is_sound);
        let metadata = distribution.as_ref().map(drop).map_err(Clone::clone);
        Some(Self {
            name,
            version,
            folder: relative,
            distribution: distribution.ok(),
            metadata,
            rows,
            record,
            standing: Standing::Alone,
            is_linked,
        })
    }

    /// The wheel that it was installed from.
    pub(in crate::installer) fn origin<'a>(&self, origins: &'a Origins) -> Option<&'a Origin> {
        let origin = origins.of(self.name.as_ref()?)?;
        // A RECORD that cannot be read says nothing about who wrote it.
        let record = self.record.filter(|_| self.rows.is_ok());
        self.version.as_ref().is_some_and(|version| origin.is_of(version, record)).then_some(origin)
    }

    /// The folder of packages it lies in, relative to the root.
    pub(in crate::installer) fn packages(&self) -> &Path {
        self.folder.parent().unwrap_or(Path::new(""))
    }
}

/// The projects, the duplicates behind the first of them, and what else was found.
pub(super) fn projects(root: &Path, installed: Installed) -> (Vec<Project>, Vec<Finding>) {
    let mut findings = Vec::new();
    let inside = |path: &Path| path.strip_prefix(root).unwrap_or(path).to_owned();
    let mut waiting = Vec::new();
    for (path, why) in installed.others {
        match why {
            NotADistribution::Damaged(reason) => waiting.push((path, Err(reason))),
            NotADistribution::Leftover => {
                findings.push(Finding::about(None, Some(inside(&path)), Problem::Leftover));
            }
            NotADistribution::Egg => findings.push(Finding::about(None, Some(inside(&path)), Problem::Egg)),
        }
    }
    let sound = installed.distributions.into_values().chain(installed.duplicates);
    waiting.extend(sound.map(|found| (found.folder.clone(), Ok(found))));
    let projects = read_all(root, waiting);
    for project in &projects {
        let folder = || Some(project.folder.clone());
        // Which wheel would be looked for, when nobody knows what it was?
        let is_repairable = project.name.is_some() && project.version.is_some() && !project.is_linked;
        let remedy = is_repairable.then_some(Remedy::Repair);
        if let Err(reason) = &project.metadata {
            let problem = Problem::Metadata { reason: reason.clone() };
            findings.push(Finding::about(project.name.as_ref(), folder(), problem).with(remedy));
        }
        if let Err(reason) = &project.rows {
            let problem = Problem::Record { reason: reason.clone() };
            findings.push(Finding::about(project.name.as_ref(), folder(), problem).with(remedy));
        }
    }
    (projects, findings)
}

/// Reads RECORDs, several at the same time: they have ten thousands of rows.
fn read_all(root: &Path, waiting: Vec<(PathBuf, Result<Distribution, String>)>) -> Vec<Project> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS);
    let waiting: Vec<_> = waiting.into_iter().map(|one| Mutex::new(Some(one))).collect();
    let (next, read) = (AtomicUsize::new(0), Mutex::new(Vec::with_capacity(waiting.len())));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(one) = waiting.get(number) else { return };
                    let taken = one.lock().unwrap_or_else(PoisonError::into_inner).take();
                    let project = taken.and_then(|(path, found)| Project::read(root, &path, found));
                    read.lock().unwrap_or_else(PoisonError::into_inner).push((number, project));
                }
            });
        }
    });
    let mut read = read.into_inner().unwrap_or_else(PoisonError::into_inner);
    read.sort_unstable_by_key(|(number, _)| *number);
    read.into_iter().filter_map(|(_, project)| project).collect()
}

/// A RECORD that does not list the METADATA beside it was cut off, or is somebody else's.
fn sound(rows: Vec<RecordRow>, folder: &Path) -> Result<Vec<RecordRow>, String> {
    if lists_its_metadata(&rows, folder) {
        return Ok(rows);
    }
    Err("it does not list the METADATA beside it: it was cut off".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objects::parse_record;

    #[test]
    fn a_record_that_was_cut_off_is_noticed() {
        let of = |text: &str| sound(parse_record(text).unwrap(), Path::new("/s/a-1.dist-info")).is_ok();
        assert!(of("a.py,,\na-1.dist-info/METADATA,,\n") && of("./a-1.dist-info/METADATA,,\n"));
        assert!(!of("a.py,,\n") && !of(""));
    }
}
