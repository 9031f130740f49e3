//! Index options and direct references in requirements files (pip's "Requirements File Format").

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::finding::{Finding, Role};
use crate::index::requirements_syntax::{FileOption, Piece, divided, expanded, logical_lines, options};
use crate::index::surroundings::Surroundings;

/// The largest file that is read, in bytes.
const LARGEST: usize = 4 << 20;

/// The most files, with those that they include.
const MOST_FILES: usize = 100;

/// The most findings of all files together.
const MOST_FINDINGS: usize = 1000;

/// What one line says.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    Found(Role, String),
    Include(String),
}

/// Reads one logical line.
fn parse_line(line: &str) -> Vec<Said> {
    let (requirement, said) = divided(line);
    if requirement.is_empty() {
        return options(said).into_iter().filter_map(parse_option).collect();
    }
    let direct = requirement.split_once('@').map(|(_, target)| target.trim()).filter(|target| target.contains("://"));
    let is_path = requirement.starts_with(['.', '/']) || (requirement.contains("://") && direct.is_none());
    let target =
        direct.or_else(|| is_path.then_some(requirement)).map(|target| target.split(" ;").next().unwrap_or_default());
    target.map(|target| Said::Found(Role::Direct, target.trim().to_owned())).into_iter().collect()
}

/// What an option says about where packages come from. What cannot be understood is the installer's to complain about.
fn parse_option(piece: Piece) -> Option<Said> {
    let Piece::Option { option, value, .. } = piece else { return None };
    if option == FileOption::NoIndex {
        return Some(Said::Found(Role::NoIndex, option.name().to_owned()));
    }
    let role = match option {
        FileOption::IndexUrl => Role::Default,
        FileOption::ExtraIndexUrl => Role::Extra,
        FileOption::FindLinks => Role::FindLinks,
        FileOption::TrustedHost => Role::TrustedHost,
        FileOption::Editable => Role::Direct,
        FileOption::Requirement | FileOption::Constraint => return value.map(Said::Include),
        _ => return None,
    };
    Some(Said::Found(role, value?))
}

/// Reads requirements files and what they include.
pub(super) fn read(paths: &[PathBuf], surroundings: &dyn Surroundings) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut seen: HashSet<PathBuf> = HashSet::new();
    let mut waiting: Vec<PathBuf> = paths.iter().rev().cloned().collect();
    while let Some(path) = waiting.pop() {
        if seen.len() >= MOST_FILES || findings.len() >= MOST_FINDINGS || !seen.insert(path.clone()) {
            continue;
        }
        let from = path.display().to_string();
        let text = match surroundings.read(&path, LARGEST) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) => {
                findings.push(Finding::new(Role::Damaged, &error.to_string(), &from));
                continue;
            }
        };
        for line in logical_lines(text.trim_start_matches('\u{feff}')) {
            for said in parse_line(&expanded(&line.text, surroundings)) {
                match said {
                    Said::Found(role, text) => findings.push(Finding::new(role, &text, &from)),
                    Said::Include(text) if text.contains("://") => {
                        findings.push(Finding::new(Role::Direct, &text, &from));
                    }
                    Said::Include(text) => waiting.push(path.parent().unwrap_or(Path::new("")).join(text)),
                }
            }
        }
    }
    findings.truncate(MOST_FINDINGS);
    findings
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::index::surroundings::fake::Fake;

    #[test]
    fn files() {
        let fake = Fake::new(
            &[("TOKEN", "t0ken")],
            &[
                (
                    "/p/requirements.txt",
                    "# -i https://no.example/\n-i https://${TOKEN}:@a.example/simple # why\n--extra-index-url=https://b.example/${nope}\n\
                     --find-links \\\n  ./wheels\n--no-index\n-fhttps://c.example/\n-r sub/more.txt\n-r requirements.txt\n-c https://d.example/c.txt\n\
                     six==1.0 --hash=sha256:00\npkg[x] @ git+https://git.example/pkg@v1 ; python_version > '3'\nname @ https://e.example/n.whl#sha256=0\n\
                     https://f.example/f-1.whl\n./local\n-e .\ngit+ssh://git@g.example/x\n--trusted-host h.example --pre\n",
                ),
                ("/p/sub/more.txt", "\u{feff}--index-url 'https://i.example/'"),
            ],
        );
        let findings = read(&["/p/requirements.txt".into(), "/p/absent.txt".into()], &fake);
        let told: Vec<_> = findings.iter().map(|found| (found.role, found.text.expose().as_str())).collect();
        assert_eq!(
            told,
            [
                (Role::Default, "https://t0ken:@a.example/simple"),
                (Role::Extra, "https://b.example/${nope}"),
                (Role::FindLinks, "./wheels"),
                (Role::NoIndex, "--no-index"),
                (Role::FindLinks, "https://c.example/"),
                (Role::Direct, "https://d.example/c.txt"),
                (Role::Direct, "git+https://git.example/pkg@v1"),
                (Role::Direct, "https://e.example/n.whl#sha256=0"),
                (Role::Direct, "https://f.example/f-1.whl"),
                (Role::Direct, "./local"),
                (Role::Direct, "."),
                (Role::Direct, "git+ssh://git@g.example/x"),
                (Role::TrustedHost, "h.example"),
                (Role::Default, "https://i.example/"),
                (Role::Damaged, "entity not found"),
            ]
        );
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,60}", near in "(-i|-r|--index-url|=|\\$\\{|\\}|A|@|://|#| |\\\\|\n|é|'){0,30}") {
            for text in [&text, &near] {
                let fake = Fake::new(&[("A", "${A}")], &[("/r.txt", text)]);
                let _ = read(&["/r.txt".into()], &fake);
            }
        }
    }
}
