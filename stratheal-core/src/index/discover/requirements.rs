//! Index options and direct references in requirements files (pip's "Requirements File Format").

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::finding::{Finding, Role};
use crate::index::surroundings::Surroundings;

/// The largest file that is read, in bytes.
const LARGEST: usize = 4 << 20;

/// The most files, with those that they include.
const MOST_FILES: usize = 100;

/// The most findings of all files together.
const MOST_FINDINGS: usize = 1000;

const OPTIONS: &[(&str, &str, Option<Role>)] = &[
    ("-i", "--index-url", Some(Role::Default)),
    ("", "--pypi-url", Some(Role::Default)),
    ("", "--extra-index-url", Some(Role::Extra)),
    ("-f", "--find-links", Some(Role::FindLinks)),
    ("", "--trusted-host", Some(Role::TrustedHost)),
    ("-e", "--editable", Some(Role::Direct)),
    ("-r", "--requirement", None),
    ("-c", "--constraint", None),
];

/// What one line says.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    Found(Role, String),
    Include(String),
}

/// The logical lines of a file: joined at `\`, without comments.
fn lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut joined = String::new();
    for line in text.lines() {
        let is_comment = line.trim_start().starts_with('#');
        if let Some(line) = line.strip_suffix('\\').filter(|_| !is_comment) {
            joined.push_str(line);
            continue;
        }
        joined.push_str(if is_comment { "" } else { line });
        let whole = std::mem::take(&mut joined);
        let end = whole.match_indices('#').find(|(at, _)| whole[..*at].ends_with(char::is_whitespace) || *at == 0);
        lines.push(whole[..end.map_or(whole.len(), |(at, _)| at)].trim().to_owned());
    }
    lines.push(joined.trim().to_owned());
    lines.retain(|line| !line.is_empty());
    lines
}

/// `${NAME}` from the environment, as pip replaces it: capital letters, digits and underscores only.
fn expand(line: &str, surroundings: &dyn Surroundings) -> String {
    let mut expanded = String::new();
    let mut rest = line;
    while let Some(at) = rest.find("${") {
        let end = rest[at..].find('}').map(|length| at + length);
        let name = end.map(|end| &rest[at + 2..end]);
        let is_name =
            |name: &&str| name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
        if let Some((value, end)) = name.filter(is_name).and_then(|name| surroundings.variable(name)).zip(end) {
            expanded.push_str(&rest[..at]);
            expanded.push_str(&value);
            rest = &rest[end + 1..];
        } else {
            expanded.push_str(&rest[..at + 2]);
            rest = &rest[at + 2..];
        }
    }
    expanded.push_str(rest);
    expanded
}

/// Reads one logical line.
fn parse_line(line: &str) -> Vec<Said> {
    if line.starts_with('-') {
        return options(line);
    }
    let requirement = line.split(" --").next().unwrap_or_default();
    let direct = requirement.split_once('@').map(|(_, target)| target.trim()).filter(|target| target.contains("://"));
    let is_path = requirement.starts_with(['.', '/']) || (requirement.contains("://") && direct.is_none());
    let target =
        direct.or_else(|| is_path.then_some(requirement)).map(|target| target.split(" ;").next().unwrap_or_default());
    target.map(|target| Said::Found(Role::Direct, target.trim().to_owned())).into_iter().collect()
}

fn options(line: &str) -> Vec<Said> {
    let mut said = Vec::new();
    let mut words = line.split_whitespace();
    while let Some(word) = words.next() {
        if word == "--no-index" {
            said.push(Said::Found(Role::NoIndex, "--no-index".to_owned()));
            continue;
        }
        let (name, value) = word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
        let long = OPTIONS.iter().find(|(short, long, _)| name == *long || (name == *short && value.is_none()));
        // `-ihttps://...`: a short option with its value in one word.
        let joined = || {
            let short = OPTIONS
                .iter()
                .find(|(short, ..)| !short.is_empty() && word.starts_with(short) && !word.starts_with("--"))?;
            Some((short, word[short.0.len()..].trim_start_matches('=')))
        };
        let (option, value) = match long {
            Some(option) => (option, value.or_else(|| words.next())),
            None => match joined() {
                Some((option, value)) => (option, Some(value)),
                None => continue,
            },
        };
        let Some(value) = value.map(|value| value.trim_matches(['"', '\'']).to_owned()) else { continue };
        said.push(option.2.map_or_else(|| Said::Include(value.clone()), |role| Said::Found(role, value.clone())));
    }
    said
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
        for line in lines(text.trim_start_matches('\u{feff}')) {
            for said in parse_line(&expand(&line, surroundings)) {
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
