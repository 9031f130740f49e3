//! Whether projects fit each other and the interpreter.

use std::collections::HashSet;
use std::path::Path;

use pep440_rs::Version;

use super::{Finding, Problem, Project, Standing};
use crate::base::fs::read_text;
use crate::index::{ProjectName, WheelTags};
use crate::installer::closure::{Asked, unmet};
use crate::installer::python::{Compatibility, Interpreter};
use crate::installer::requirement::satisfies;
use crate::installer::wheel::WheelFile;
use crate::objects::RecordRow;

/// The most tags of a wheel that are read.
const MOST_TAGS: usize = 1_000;

/// How the names of files end that run on one platform only.
const NATIVE: &[&str] = &["so", "pyd", "dll", "dylib"];

/// Everything that does not fit.
pub(super) fn conflicts(root: &Path, projects: &[Project], interpreter: &Interpreter) -> Vec<Finding> {
    let mut findings = Vec::new();
    let projects = || projects.iter().filter(|project| project.standing != Standing::Superseded);
    // Of several that may be meant the first is the newest that has a RECORD.
    let mut seen: HashSet<&ProjectName> = HashSet::new();
    let distributions = projects().filter_map(|project| project.distribution.as_ref());
    let distributions: Vec<_> = distributions.filter(|found| seen.insert(found.name())).collect();
    let distributions = || distributions.iter().copied();
    for one in unmet(distributions().map(|found| &found.fields), &Asked::new(), &interpreter.markers) {
        let installed = one.there.map(|version| version.to_string());
        let problem = Problem::Unmet { requirement: one.requirement.to_string(), installed };
        findings.push(Finding::about(Some(&one.by), None, problem));
    }
    let (major, minor, patch) = interpreter.version;
    let python = Version::new([u64::from(major), u64::from(minor), u64::from(patch)]);
    for found in distributions() {
        let wanted = found.fields.requires_python.as_ref().filter(|wanted| !satisfies(wanted, &python));
        if let Some(wanted) = wanted {
            let problem = Problem::RequiresPython { wanted: wanted.to_string(), python: python.to_string() };
            findings.push(Finding::about(Some(found.name()), None, problem));
        }
    }
    let accepts = Compatibility::of(interpreter);
    for project in projects() {
        let wheel = root.join(&project.folder).join("WHEEL");
        // One that is missing is told as a file that is missing.
        let Ok(text) = read_text(&wheel, WheelFile::LARGEST) else { continue };
        let tags = tags(&text);
        if !tags.is_empty() && tags.iter().all(|(_, tags)| accepts.rank(tags).is_none()) {
            let native = project.rows.as_ref().is_ok_and(|rows| rows.iter().any(is_native));
            let tags = tags.into_iter().take(3).map(|(text, _)| text).collect();
            findings.push(Finding::about(project.name.as_ref(), None, Problem::WrongPlatform { tags, native }));
        }
    }
    findings
}

fn is_native(row: &RecordRow) -> bool {
    let extension = Path::new(&row.path).extension().and_then(|extension| extension.to_str());
    // `libx.so.1` as well.
    extension.is_some_and(|extension| NATIVE.contains(&extension)) || row.path.contains(".so.")
}

/// The tags in a WHEEL, as written and taken apart.
fn tags(wheel: &str) -> Vec<(String, WheelTags)> {
    let lines = wheel.lines().filter_map(|line| line.split_once(':'));
    let written = lines.filter(|(name, _)| name.trim().eq_ignore_ascii_case("tag")).map(|(_, value)| value.trim());
    let read = |text: &str| {
        let mut parts = text.splitn(3, '-').map(|part| part.split('.').map(str::to_owned).collect());
        let (python, abi, platform) = (parts.next()?, parts.next()?, parts.next()?);
        Some((text.chars().take(200).collect(), WheelTags { build: None, python, abi, platform }))
    };
    written.take(MOST_TAGS).filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tags_are_read() {
        let found = tags("Wheel-Version: 1.0\nTag: py2.py3-none-any\ntag: cp312-abi3-manylinux_2_17_x86_64\nTag: x\n");
        let told: Vec<_> = found.iter().map(|(text, tags)| (text.as_str(), tags.python.len())).collect();
        assert_eq!(told, [("py2.py3-none-any", 2), ("cp312-abi3-manylinux_2_17_x86_64", 1)]);
    }

    proptest! {
        #[test]
        fn tags_never_panics(text in "(Tag|:|-|\\.|a|\n| ){0,30}") {
            tags(&text);
        }
    }
}
