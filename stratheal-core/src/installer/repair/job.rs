//! What has to be put back, by project. Pure.

use std::collections::BTreeMap;
use std::path::PathBuf;

use pep440_rs::Version;

use crate::index::ProjectName;
use crate::installer::origin::Origin;
use crate::installer::verify::{Examined, Expected, Problem, Project};
use crate::objects::ContentId;

/// What has to be put back of one project.
#[derive(Debug, Clone)]
pub(super) struct Job {
    pub(super) name: Option<ProjectName>,
    pub(super) version: Option<Version>,
    /// Its `.dist-info`, relative to the root.
    pub(super) folder: PathBuf,
    /// The wheel that it was installed from, if this program has installed it.
    pub(super) origin: Option<Origin>,
    pub(super) what: What,
}

/// Which files of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    /// All that are not as in the wheel: nobody knows its files.
    Everything,
    Files(Vec<WantedFile>),
}

/// A file that has to be put back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WantedFile {
    pub(super) path: String,
    /// What it may contain; empty when RECORD gives no hash.
    pub(super) contents: Vec<ContentId>,
}

impl WantedFile {
    fn of(file: &Expected) -> Self {
        Self { path: file.path.to_string(), contents: file.claims().filter_map(|claim| claim.content).collect() }
    }

    /// Whether this content will do.
    pub(super) fn accepts(&self, id: &ContentId) -> bool {
        self.contents.is_empty() || self.contents.contains(id)
    }
}

/// Sorts what is damaged by the project that puts it back.
pub(super) fn jobs(examined: &Examined) -> Vec<Job> {
    let mut wanted: BTreeMap<usize, What> = BTreeMap::new();
    for (number, project) in examined.projects.iter().enumerate() {
        if project.rows.is_err() {
            wanted.insert(number, What::Everything);
        }
    }
    for damaged in &examined.damaged {
        let file = &examined.files[damaged.file];
        if matches!(damaged.problem, Problem::LeadsOut) {
            continue;
        }
        // Of several that record it, one that this program has installed: its wheel is known.
        let known = |project: usize| origin_of(examined, &examined.projects[project]).is_some();
        let by = file.claims().map(|claim| claim.project).find(|project| known(*project));
        if let What::Files(files) = wanted.entry(by.unwrap_or(file.claim.project)).or_insert(What::Files(Vec::new())) {
            files.push(WantedFile::of(file));
        }
    }
    let job = |(number, what): (usize, What)| {
        let project = &examined.projects[number];
        let origin = origin_of(examined, project).cloned();
        Job {
            name: project.name.clone(),
            version: project.version.clone(),
            folder: project.folder.clone(),
            origin,
            what,
        }
    };
    wanted.into_iter().map(job).collect()
}

/// The wheel that a project was installed from.
fn origin_of<'a>(examined: &'a Examined, project: &Project) -> Option<&'a Origin> {
    let origin = examined.origins.of(project.name.as_ref()?)?;
    // A RECORD that cannot be read says nothing about who wrote it.
    let record = project.record.filter(|_| project.rows.is_ok());
    project.version.as_ref().is_some_and(|version| origin.is_of(version, record)).then_some(origin)
}

/// What interrupted installers have left.
pub(super) fn leftovers(examined: &Examined) -> Vec<PathBuf> {
    let left = examined.verified.findings.iter().filter(|finding| finding.problem == Problem::Leftover);
    left.filter_map(|finding| finding.path.clone()).collect()
}
