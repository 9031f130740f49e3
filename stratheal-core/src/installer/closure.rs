//! Whether the projects of an environment have everything that they require. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::requirement::{Choice, ExtraName, MarkerEnvironment, Requirement, RequirementSource, satisfies};
use super::wheel::CoreFields;
use crate::index::ProjectName;

/// A requirement that is not met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unmet {
    /// Who requires it.
    pub(super) by: ProjectName,
    /// What is required.
    pub(super) requirement: Requirement,
    /// The version that is there, if there is one.
    pub(super) there: Option<pep440_rs::Version>,
}

/// Extras that somebody asked for, by project.
pub(super) type Asked<'a> = BTreeMap<&'a ProjectName, &'a [ExtraName]>;

/// What these projects require and do not have, with the extras that are asked for and those that they ask of each other.
pub(super) fn unmet<'a>(
    projects: impl Iterator<Item = &'a CoreFields>,
    asked: &Asked<'_>,
    environment: &MarkerEnvironment,
) -> Vec<Unmet> {
    let all: BTreeMap<&ProjectName, &CoreFields> = projects.map(|fields| (&fields.name, fields)).collect();
    let known = asked.iter().filter_map(|(name, extras)| Some((*all.get_key_value(name)?.0, extras)));
    let mut extras: BTreeMap<&ProjectName, BTreeSet<ExtraName>> =
        known.map(|(name, extras)| (name, extras.iter().cloned().collect())).collect();
    let mut waiting: Vec<&ProjectName> = all.keys().copied().collect();
    let mut found: BTreeMap<(ProjectName, String), Unmet> = BTreeMap::new();
    while let Some(name) = waiting.pop() {
        let fields = all[name];
        let active: Vec<ExtraName> = extras.get(name).into_iter().flatten().cloned().collect();
        let choice = Choice { extras: &active, groups: &[] };
        for requirement in &fields.requires {
            // A marker that cannot be judged says nothing about what is missing.
            if !requirement.applies(environment, &choice).unwrap_or(false) {
                continue;
            }
            let there = all.get_key_value(&requirement.name);
            let is_met = there.is_some_and(|(_, there)| match &requirement.source {
                RequirementSource::Versions(versions) => satisfies(versions, &there.version),
                RequirementSource::Url(_) => true,
            });
            if !is_met {
                let version = there.map(|(_, there)| there.version.clone());
                let one = Unmet { by: name.clone(), requirement: requirement.clone(), there: version };
                found.insert((name.clone(), requirement.to_string()), one);
            }
            if let Some((other, _)) = there {
                let known = extras.entry(other).or_default();
                let before = known.len();
                known.extend(requirement.extras.iter().cloned());
                if known.len() > before {
                    waiting.push(other);
                }
            }
        }
    }
    found.into_values().collect()
}

/// Whether a project requires something from a place of its own, which its version alone does not tell.
pub(super) fn asks_for_a_url(fields: &CoreFields) -> bool {
    fields.requires.iter().any(|one| matches!(one.source, RequirementSource::Url(_)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::installer::requirement::linux;
    use crate::installer::wheel::parse_metadata;

    #[test]
    fn what_is_missing_is_found_through_extras() {
        let texts = [
            "Name: a\nVersion: 1\nRequires-Dist: b[x]>=1\nRequires-Dist: absent; sys_platform == 'win32'\nRequires-Dist: c>=2\n",
            "Name: b\nVersion: 1\nRequires-Dist: d; extra == 'x'\nRequires-Dist: e; extra == 'y'\n",
            "Name: c\nVersion: 1\n",
        ];
        let projects: Vec<_> = texts.iter().map(|text| parse_metadata(text).unwrap()).collect();
        let names: Vec<ProjectName> = ["b", "absent"].iter().map(|name| name.parse().unwrap()).collect();
        let extras: Vec<ExtraName> = vec!["y".parse().unwrap()];
        let asked: Asked<'_> = names.iter().map(|name| (name, extras.as_slice())).collect();
        assert_eq!(unmet(projects.iter(), &asked, &linux()).len(), 3);
        let told: Vec<_> = unmet(projects.iter(), &Asked::new(), &linux())
            .into_iter()
            .map(|one| {
                format!(
                    "{} {} {}",
                    one.by,
                    one.requirement,
                    one.there.map_or("-".to_owned(), |there| there.to_string())
                )
            })
            .collect();
        assert_eq!(told, ["a c>=2 1", "b d; extra == \"x\" -"]);
    }
}
