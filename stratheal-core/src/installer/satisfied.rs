//! Whether what is wanted is installed already. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::installed::{Distribution, Installed};
use super::requirement::{
    Choice, ExtraName, MarkerEnvironment, Requirement, RequirementSource, Wanted, What, satisfies,
};
use crate::index::ProjectName;

/// Whether everything that is wanted is there, with all that it requires in turn. What cannot be judged is not: editables, paths,
/// URLs, and projects that are there twice.
pub(super) fn is_satisfied(wanted: &Wanted, installed: &Installed, environment: &MarkerEnvironment) -> bool {
    let mut open: Vec<Requirement> = Vec::new();
    for one in &wanted.requirements {
        let What::Named(requirement) = &one.what else { return false };
        if one.is_editable || matches!(requirement.source, RequirementSource::Url(_)) {
            return false;
        }
        match requirement.applies(environment, &Choice::default()) {
            Ok(true) => open.push(requirement.clone()),
            Ok(false) => {}
            Err(_) => return false,
        }
    }
    let mut constraints: BTreeMap<&ProjectName, Vec<&Requirement>> = BTreeMap::new();
    for one in &wanted.constraints {
        if let What::Named(requirement) = &one.what {
            constraints.entry(&requirement.name).or_default().push(requirement);
        }
    }
    let twice: BTreeSet<&ProjectName> = installed.duplicates.iter().map(Distribution::name).collect();
    let mut seen: BTreeSet<(ProjectName, Vec<ExtraName>)> = BTreeSet::new();
    while let Some(requirement) = open.pop() {
        let Some(there) = installed.distributions.get(&requirement.name) else { return false };
        let holds = |wanted: &Requirement| match &wanted.source {
            RequirementSource::Versions(versions) => satisfies(versions, there.version()),
            RequirementSource::Url(_) => false,
        };
        let held = constraints.get(&requirement.name).is_none_or(|all| all.iter().all(|one| holds(one)));
        if !held || !holds(&requirement) || twice.contains(&requirement.name) || !there.fields.unreadable.is_empty() {
            return false;
        }
        if !seen.insert((requirement.name.clone(), requirement.extras.clone())) {
            continue;
        }
        let choice = Choice { extras: &requirement.extras, groups: &[] };
        for needed in &there.fields.requires {
            match needed.applies(environment, &choice) {
                Ok(true) => open.push(needed.clone()),
                Ok(false) => {}
                Err(_) => return false,
            }
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::ThisProcess;
    use crate::installer::requirement::{WantedSources, linux};
    use crate::installer::wheel::parse_metadata;

    fn installed() -> Installed {
        let all = [
            "Name: a\nVersion: 1.5\nRequires-Dist: b>=2\nRequires-Dist: missing; extra == 'x'\nRequires-Dist: a; python_version < '3'\n",
            "Name: b\nVersion: 2.0\nRequires-Dist: a\n",
            "Name: lonely\nVersion: 1.0\nRequires-Dist: missing\n",
        ];
        let of = |text: &&str| {
            let fields = parse_metadata(text).unwrap();
            (fields.name.clone(), Distribution { folder: "/nowhere".into(), fields })
        };
        Installed { distributions: all.iter().map(of).collect(), ..Installed::default() }
    }

    fn satisfied(arguments: &[&str]) -> bool {
        let arguments: Vec<String> = arguments.iter().map(|text| (*text).to_owned()).collect();
        let sources = WantedSources {
            requirements: &[],
            constraints: &[],
            arguments: &arguments,
            editables: &[],
            folder: std::path::Path::new("/"),
        };
        is_satisfied(&Wanted::read(&sources, &ThisProcess).unwrap(), &installed(), &linux())
    }

    #[test]
    fn tables() {
        for yes in [&["a"][..], &["a>=1", "b==2.*"], &["missing; python_version < '3'"], &["a", "b"], &[]] {
            assert!(satisfied(yes), "{yes:?}");
        }
        for no in [
            &["a>=2"][..],
            &["missing"],
            &["a[x]"],
            &["lonely"],
            &["a", "./path"],
            &["a @ https://h/a-1.5-py3-none-any.whl"],
        ] {
            assert!(!satisfied(no), "{no:?}");
        }
    }
}
