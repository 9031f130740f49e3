//! Projects that are there several times: which of them the files are of. Pure.
//!
//! An interrupted installer leaves the metadata of an old version beside the new one. What that says about files is explained by it being
//! stale: none of it is damage, and nothing of it is put back.

use std::collections::{BTreeMap, HashSet};

use super::expected::Claim;
use super::{Finding, Problem, Project, Remedy};
use crate::index::ProjectName;
use crate::installer::origin::Origins;

/// What a project is, where it is there several times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::installer) enum Standing {
    /// It is there once.
    Alone,
    /// The files are its files: this program has noted that it installed it.
    Noted,
    /// The files are mostly its files, and nobody has noted anything.
    Fitting,
    /// The files are those of another one.
    Superseded,
    /// Nobody knows which of them the files are of.
    Unclear,
}

impl Standing {
    /// Whether what it says about files counts.
    pub(in crate::installer) const fn counts(self) -> bool {
        matches!(self, Self::Alone | Self::Noted | Self::Fitting)
    }
}

/// How many of the files that a project claims are as it says, and how many are others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Fit {
    pub(super) right: usize,
    pub(super) wrong: usize,
}

impl Fit {
    pub(super) const fn add(&mut self, is_right: bool) {
        if is_right {
            self.right += 1;
        } else {
            self.wrong += 1;
        }
    }

    /// Whether at least half of them are right.
    const fn is_mostly_right(self) -> bool {
        self.right > 0 && self.right >= self.wrong
    }

    /// Whether a larger part of them is right. Who claims nothing is worse than anybody.
    const fn is_better_than(self, other: Self) -> bool {
        let (all, others) = (self.right + self.wrong, other.right + other.wrong);
        others == 0 || self.right * others > other.right * all
    }
}

/// Whether any project is there several times.
pub(super) fn has_twins(projects: &[Project]) -> bool {
    let mut seen: HashSet<&ProjectName> = HashSet::new();
    projects.iter().filter_map(|project| project.name.as_ref()).any(|name| !seen.insert(name))
}

/// Decides for all projects, and tells about those that are there several times. `fits` are in the order of the projects.
pub(super) fn settle(projects: &mut [Project], fits: &[Fit], origins: &Origins) -> Vec<Finding> {
    let mut groups: BTreeMap<ProjectName, Vec<usize>> = BTreeMap::new();
    for (number, project) in projects.iter().enumerate() {
        if let Some(name) = &project.name {
            groups.entry(name.clone()).or_default().push(number);
        }
    }
    let mut findings = Vec::new();
    for (name, group) in groups.into_iter().filter(|(_, group)| group.len() > 1) {
        let known = |test: &dyn Fn(usize) -> bool| {
            let mut found = group.iter().copied().filter(|one| projects[*one].rows.is_ok() && test(*one));
            found.next().filter(|_| found.next().is_none())
        };
        let right = if origins.of(&name).is_some() {
            known(&|one| projects[one].origin(origins).is_some()).map(|one| (one, Standing::Noted))
        } else {
            let others = |one: usize| group.iter().copied().filter(move |other| *other != one);
            let is_best = |one: usize| others(one).all(|other| fits[one].is_better_than(fits[other]));
            let is_fitting = |one: usize| projects[one].is_known() && fits[one].is_mostly_right() && is_best(one);
            known(&is_fitting).map(|one| (one, Standing::Fitting))
        };
        for number in &group {
            projects[*number].standing = match right {
                Some((one, standing)) if one == *number => standing,
                Some(_) => Standing::Superseded,
                None => Standing::Unclear,
            };
        }
        let shown = |number: &usize| {
            let project = &projects[*number];
            let folder = || project.folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
            project.version.as_ref().map_or_else(folder, ToString::to_string)
        };
        let versions = group.iter().map(shown).collect();
        findings.push(Finding::about(Some(&name), None, Problem::Duplicate { versions }));
    }
    findings
}

/// Whether anybody whose word counts claims a file.
pub(super) fn is_claimed<'a>(mut claims: impl Iterator<Item = &'a Claim>, projects: &[Project]) -> bool {
    claims.any(|claim| projects[claim.project].standing.counts())
}

/// What was found about metadata, where the project is there several times: nothing of it is put back, and what is stale goes with
/// the one finding about that.
pub(super) fn explained(findings: Vec<Finding>, projects: &[Project]) -> Vec<Finding> {
    let each = findings.into_iter().filter_map(|finding| {
        let is_metadata = matches!(finding.problem, Problem::Metadata { .. } | Problem::Record { .. });
        let is_it = |project: &&Project| finding.path.as_ref() == Some(&project.folder);
        match projects.iter().find(is_it).filter(|_| is_metadata).map(|project| project.standing) {
            Some(Standing::Superseded) => None,
            Some(Standing::Unclear) => Some(finding.with(Some(Remedy::Reinstall))),
            _ => Some(finding),
        }
    });
    each.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objects::ContentId;

    fn project(version: &str, is_known: bool) -> Project {
        Project {
            name: Some("a".parse().unwrap()),
            version: version.parse().ok(),
            folder: format!("lib/a-{version}.dist-info").into(),
            distribution: None,
            metadata: Ok(()),
            rows: if is_known { Ok(Vec::new()) } else { Err("it has no RECORD".to_owned()) },
            record: is_known.then(|| ContentId::of(version.as_bytes())),
            standing: Standing::Alone,
            is_linked: false,
        }
    }

    #[test]
    fn whose_files_they_are() {
        use Standing::{Alone, Fitting, Superseded, Unclear};
        let fit = |right, wrong| Fit { right, wrong };
        for (projects, fits, expected) in [
            (vec![project("1", true)], vec![fit(0, 9)], vec![Alone]),
            (vec![project("1", false), project("2", true)], vec![fit(0, 0), fit(9, 1)], vec![Superseded, Fitting]),
            // Its RECORD is all right, and its files are another version's.
            (vec![project("1", true), project("2", true)], vec![fit(6, 4), fit(9, 1)], vec![Superseded, Fitting]),
            (vec![project("1", true), project("2", false)], vec![fit(2, 8), fit(0, 0)], vec![Unclear, Unclear]),
            (vec![project("1", true), project("2", true)], vec![fit(8, 2), fit(4, 1)], vec![Unclear, Unclear]),
            (vec![project("1", false), project("2", false)], vec![fit(0, 0), fit(0, 0)], vec![Unclear, Unclear]),
        ] {
            let mut projects = projects;
            let told = settle(&mut projects, &fits, &Origins::default());
            assert_eq!(projects.iter().map(|one| one.standing).collect::<Vec<_>>(), expected);
            assert_eq!(told.len(), usize::from(projects.len() > 1));
        }
    }

    #[test]
    fn what_is_stale_is_told_once() {
        let mut projects = vec![project("1", false), project("2", true)];
        let told = settle(&mut projects, &[Fit::default(), Fit { right: 9, wrong: 0 }], &Origins::default());
        assert_eq!(told[0].message, "a is there 2 times (1, 2): `stratheal install --reinstall a` leaves one");
        let record = Finding::about(
            projects[0].name.as_ref(),
            Some(projects[0].folder.clone()),
            Problem::Record { reason: "x".to_owned() },
        );
        assert_eq!(explained(vec![record.clone()], &projects), []);
        projects[0].standing = Standing::Unclear;
        assert_eq!(explained(vec![record], &projects)[0].remedy, Some(Remedy::Reinstall));
    }
}
