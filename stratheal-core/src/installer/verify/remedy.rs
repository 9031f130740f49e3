//! What puts an environment right, for people to type.

use std::collections::BTreeSet;

use serde::Serialize;

use super::{Problem, Verified};
use crate::index::ProjectName;

/// What puts a finding right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Remedy {
    /// `stratheal repair`.
    Repair,
    /// Installing the project once more, as if it were not there.
    Reinstall,
    /// Installing the project from where its sources are now, or uninstalling it.
    InstallOrUninstall,
    /// Making the environment anew.
    Rebuild,
}

impl Problem {
    /// What puts it right. Nothing where somebody has to look, or to choose.
    #[must_use]
    pub fn remedy(&self) -> Option<Remedy> {
        match self {
            // Nothing is put in the place of a folder, or through a link.
            Self::NotAFile { found } if *found == Self::FOLDER => None,
            Self::Missing
            | Self::Changed
            | Self::NotAFile { .. }
            | Self::Unreadable { .. }
            | Self::Mode { .. }
            | Self::Metadata { .. }
            | Self::MetadataGone
            | Self::Record { .. }
            | Self::LinkGone { .. }
            | Self::Leftover => Some(Remedy::Repair),
            Self::Duplicate { .. } | Self::WrongPlatform { .. } => Some(Remedy::Reinstall),
            Self::SourceGone { .. } => Some(Remedy::InstallOrUninstall),
            Self::InterpreterGone { .. }
            | Self::InterpreterFails { .. }
            | Self::InterpreterChanged { .. }
            | Self::ConfigurationGone
            | Self::Configuration { .. }
            | Self::Moved { .. } => Some(Remedy::Rebuild),
            _ => None,
        }
    }
}

impl Verified {
    /// What to type next, one command a line, so that everything is right that a command puts right. `environment` is how its user names
    /// it; one that installing finds by itself need not be named to it.
    #[must_use]
    pub fn next(&self, environment: &str, is_default: bool) -> Vec<String> {
        let findings =
            || self.findings.iter().filter(|finding| finding.counts() || finding.problem == Problem::Leftover);
        let names = |remedy: Remedy| {
            let meant = findings().filter(|finding| finding.remedy == Some(remedy));
            meant.filter_map(|finding| finding.project.as_ref()).map(ProjectName::as_str).collect::<BTreeSet<_>>()
        };
        let has = |remedy: Remedy| findings().any(|finding| finding.remedy == Some(remedy));
        let root = self.root.display();
        let python = if is_default { String::new() } else { format!(" --python {root}") };
        let mut next = Vec::new();
        if has(Remedy::Repair) {
            next.push(format!("stratheal repair {environment}"));
        }
        if has(Remedy::Rebuild) {
            next.push(format!("stratheal install --rebuild{python}"));
        } else {
            // Without its interpreter nothing else can be installed.
            let again: Vec<_> = names(Remedy::Reinstall).into_iter().collect();
            if !again.is_empty() {
                next.push(format!("stratheal install --reinstall{python} {}", again.join(" ")));
            }
        }
        for name in names(Remedy::InstallOrUninstall) {
            next.push(format!(
                "stratheal uninstall{python} {name}, or install it again from where its sources are now"
            ));
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::installer::verify::Finding;

    fn next(found: &[(&str, Problem)], is_default: bool) -> String {
        let about = |(name, problem): &(&str, Problem)| {
            Finding::about(name.parse().ok().as_ref(), Some("lib/x".into()), problem.clone())
        };
        let findings = found.iter().map(about).collect();
        let verified =
            Verified { root: "/env".into(), projects: 1, files: 1, hashed: 0, bytes_hashed: 0, findings, left_out: 0 };
        verified.next(".venv", is_default).join("; ")
    }

    #[test]
    fn what_helps_is_named() {
        let gone = || Problem::InterpreterGone { target: None };
        let source = || Problem::SourceGone { target: "/src".to_owned() };
        let twice = || Problem::Duplicate { versions: vec!["1".to_owned(), "2".to_owned()] };
        assert_eq!(next(&[("", gone())], true), "stratheal install --rebuild");
        assert_eq!(next(&[("", gone()), ("a", twice())], false), "stratheal install --rebuild --python /env");
        assert_eq!(
            next(&[("a", Problem::Missing), ("", gone())], true),
            "stratheal repair .venv; stratheal install --rebuild"
        );
        assert_eq!(next(&[("b", twice()), ("a", twice())], true), "stratheal install --reinstall a b");
        let told = next(&[("a", source())], false);
        assert_eq!(told, "stratheal uninstall --python /env a, or install it again from where its sources are now");
        assert_eq!(next(&[("", Problem::Leftover)], true), "stratheal repair .venv");
        let by_hand = [Problem::LeadsOut, Problem::NotAFile { found: Problem::FOLDER }, Problem::Egg];
        assert_eq!(next(&by_hand.map(|problem| ("a", problem)), true), "", "a person has to look");
    }
}
