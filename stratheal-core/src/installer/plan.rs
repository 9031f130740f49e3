//! What a lock changes in an environment. Pure.

use std::collections::{BTreeMap, BTreeSet};

use pep440_rs::Version;
use serde::Serialize;

use super::installed::{Distribution, Installed};
use crate::index::ProjectName;

/// Installers themselves. They stay where they are unless somebody names them, because an environment without them surprises people.
const INSTALLERS: &[&str] = &["pip", "setuptools", "wheel", "uv"];

/// What is done with one project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "action")]
#[non_exhaustive]
pub enum Action {
    /// It is new.
    Install {
        /// The version.
        #[serde(serialize_with = "shown")]
        version: Version,
    },
    /// Another version of it is installed, or the same one from elsewhere.
    Replace {
        /// The version that is installed.
        #[serde(serialize_with = "shown")]
        old: Version,
        /// The version that is to be.
        #[serde(serialize_with = "shown")]
        version: Version,
    },
    /// It goes.
    Remove {
        /// The version that is installed.
        #[serde(serialize_with = "shown")]
        old: Version,
    },
}

fn shown<S: serde::Serializer>(version: &Version, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(version)
}

/// What is done, by project. What stays as it is, is not mentioned.
pub type Actions = BTreeMap<ProjectName, Action>;

/// How what is wanted meets what is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a choice of its own")]
pub struct PlanOptions {
    /// What is not wanted goes, but for installers.
    pub exact: bool,
    /// What is there as it should be is installed anew all the same.
    pub reinstall: bool,
    /// The environment is made anew: nothing of what is there stays but what is wanted.
    pub rebuild: bool,
    /// Everything that is required has to be among what is wanted or there, as where hashes are named for everything.
    pub closed: bool,
}

/// A project that is wanted.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::installer) struct Locked<'a> {
    pub(in crate::installer) name: &'a ProjectName,
    pub(in crate::installer) version: &'a Version,
    /// Where it comes from, when that is no index.
    pub(in crate::installer) direct_url: Option<&'a serde_json::Value>,
    /// Whether the same version of it may be another wheel.
    pub(in crate::installer) may_differ: bool,
}

/// Decides what has to be done so that everything wanted is installed.
pub(in crate::installer) fn plan(wanted: &[Locked<'_>], installed: &Installed, options: PlanOptions) -> Actions {
    let mut actions = Actions::new();
    let twice: BTreeSet<&ProjectName> = installed.duplicates.iter().map(Distribution::name).collect();
    for locked in wanted {
        let version = locked.version.clone();
        match installed.distributions.get(locked.name) {
            None => drop(actions.insert(locked.name.clone(), Action::Install { version })),
            Some(there)
                if !options.reinstall
                    && !options.rebuild
                    && !twice.contains(locked.name)
                    && is_as_wanted(there, locked) => {}
            Some(there) => {
                let old = there.version().clone();
                actions.insert(locked.name.clone(), Action::Replace { old, version });
            }
        }
    }
    if options.exact || options.rebuild {
        let is_wanted = |name: &ProjectName| wanted.iter().any(|locked| locked.name == name);
        for (name, there) in &installed.distributions {
            if !is_wanted(name) && (options.rebuild || !INSTALLERS.contains(&name.as_str())) {
                actions.insert(name.clone(), Action::Remove { old: there.version().clone() });
            }
        }
    }
    actions
}

fn is_as_wanted(there: &Distribution, locked: &Locked<'_>) -> bool {
    !locked.may_differ && there.version() == locked.version && there.direct_url().as_ref() == locked.direct_url
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::installer::wheel::parse_metadata;

    fn installed(names: &[(&str, &str)]) -> Installed {
        let of = |(name, version): &(&str, &str)| {
            let fields = parse_metadata(&format!("Name: {name}\nVersion: {version}\n")).unwrap();
            (name.parse().unwrap(), Distribution { folder: "/nowhere".into(), fields })
        };
        Installed { distributions: names.iter().map(of).collect(), ..Installed::default() }
    }

    fn planned(wanted: &[(&str, &str)], installed: &Installed, options: PlanOptions) -> String {
        let parsed: Vec<(ProjectName, Version)> =
            wanted.iter().map(|(name, version)| (name.parse().unwrap(), version.parse().unwrap())).collect();
        let locked: Vec<_> = parsed
            .iter()
            .map(|(name, version)| Locked { name, version, direct_url: None, may_differ: false })
            .collect();
        let shown = |(name, action): (&ProjectName, &Action)| match action {
            Action::Install { version } => format!("+{name} {version}"),
            Action::Replace { old, version } => format!("~{name} {old} {version}"),
            Action::Remove { old } => format!("-{name} {old}"),
        };
        plan(&locked, installed, options).iter().map(shown).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn tables() {
        let there = installed(&[("a", "1.0"), ("b", "1"), ("pip", "26")]);
        let plain = PlanOptions::default();
        let exact = PlanOptions { exact: true, ..plain };
        let reinstall = PlanOptions { reinstall: true, ..plain };
        assert_eq!(
            planned(&[("a", "1"), ("b", "1"), ("c", "1")], &there, plain),
            "+c 1",
            "1.0 and 1 are the same version"
        );
        assert_eq!(planned(&[("a", "2")], &there, plain), "~a 1.0 2");
        assert_eq!(planned(&[("a", "1")], &there, exact), "-b 1", "installers stay");
        assert_eq!(planned(&[("a", "1")], &there, reinstall), "~a 1.0 1");
        let rebuild = PlanOptions { rebuild: true, ..plain };
        assert_eq!(planned(&[("a", "1")], &there, rebuild), "~a 1.0 1, -b 1, -pip 26");
        let mut twice = there.clone();
        twice.duplicates.push(there.distributions.values().next().unwrap().clone());
        assert_eq!(planned(&[("a", "1")], &twice, plain), "~a 1.0 1", "one that is there twice is put in order");
    }
}
