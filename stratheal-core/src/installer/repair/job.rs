//! What has to be put back, by project. Pure.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;

use pep440_rs::Version;

use crate::index::ProjectName;
use crate::installer::installed::named_by;
use crate::installer::origin::Origin;
use crate::installer::verify::{Examined, Expected, Finding, Problem, Project, Remedy, Right, Standing, mender};
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
    /// What others put right, whose lists of files can be believed. Nothing is put there for the sake of a project whose list cannot.
    pub(super) spared: HashSet<PathBuf>,
    pub(super) what: What,
}

impl Job {
    /// Whether the name of its `.dist-info` says the same as its METADATA.
    pub(super) fn is_what_its_folder_says(&self, name: &ProjectName, version: &Version) -> bool {
        named_by(&self.folder) == (Some(name.clone()), Some(version.clone()))
    }
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
    fn of(file: &Expected, projects: &[Project]) -> Self {
        let claims = file.claims().filter(|claim| projects[claim.project].standing.counts());
        Self { path: file.path.to_string(), contents: claims.filter_map(|claim| claim.content).collect() }
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
        // Of one that is there several times it may be stale, and its files those of another version.
        if project.rows.is_err() && project.standing == Standing::Alone {
            wanted.insert(number, What::Everything);
        }
    }
    for damaged in &examined.damaged {
        let file = &examined.files[damaged.file];
        if matches!(damaged.problem, Problem::LeadsOut | Problem::Mode { .. }) {
            continue;
        }
        let by = mender(file, &damaged.problem, &examined.projects, &examined.origins);
        let what = by.map(|by| wanted.entry(by).or_insert(What::Files(Vec::new())));
        if let Some(What::Files(files)) = what {
            files.push(WantedFile::of(file, &examined.projects));
        }
    }
    let job = |(number, what): (usize, What)| {
        let project = &examined.projects[number];
        let origin = project.origin(&examined.origins).cloned();
        let spared = if what == What::Everything { claimed(examined) } else { HashSet::new() };
        Job {
            name: project.name.clone(),
            version: project.version.clone(),
            folder: project.folder.clone(),
            origin,
            spared,
            what,
        }
    };
    wanted.into_iter().map(job).collect()
}

/// All files that somebody lists whose word counts.
fn claimed(examined: &Examined) -> HashSet<PathBuf> {
    let counts = |file: &&Expected| file.claims().any(|claim| examined.projects[claim.project].standing.counts());
    examined.files.iter().filter(counts).map(|file| PathBuf::from(&*file.path)).collect()
}

/// Names of the interpreter that are links to nowhere, and can be links to its program again.
pub(super) fn dead_links(examined: &Examined) -> Vec<PathBuf> {
    let is_dead = |finding: &&Finding| {
        matches!(finding.problem, Problem::LinkGone { .. }) && finding.remedy == Some(Remedy::Repair)
    };
    examined.verified.findings.iter().filter(is_dead).filter_map(|finding| finding.path.clone()).collect()
}

/// Files whose mode can be set right, and what it lacks.
pub(super) fn modes(examined: &Examined) -> Vec<(PathBuf, Right)> {
    let each = examined.verified.findings.iter().filter(|finding| finding.remedy == Some(Remedy::Repair));
    let lacking = |finding: &Finding| match finding.problem {
        Problem::Mode { lacks } => Some((finding.path.clone()?, lacks)),
        _ => None,
    };
    each.filter_map(lacking).collect()
}

/// What interrupted installers have left.
pub(super) fn leftovers(examined: &Examined) -> Vec<PathBuf> {
    let left = examined.verified.findings.iter().filter(|finding| finding.problem == Problem::Leftover);
    left.filter_map(|finding| finding.path.clone()).collect()
}
