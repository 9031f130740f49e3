//! Indexes in the configuration files of pip (pip's user guide, "Configuration"): INI as Python's `RawConfigParser` reads it.
//!
//! pip takes `[global]` of all files first, later files over earlier ones, and then `[install]` of all files over that.

use std::collections::BTreeMap;

use super::environment::is_true;
use super::finding::{Finding, Role};

const KEYS: &[(&str, Role)] = &[
    ("index-url", Role::Default),
    ("extra-index-url", Role::Extra),
    ("find-links", Role::FindLinks),
    ("no-index", Role::NoIndex),
    ("trusted-host", Role::TrustedHost),
    ("cert", Role::Certificate),
    ("proxy", Role::Proxy),
];

/// The most values of one key.
const MOST_VALUES: usize = 100;

/// The sections of a file: section to key to value. Several lines of a value are joined by line feeds.
type Sections = BTreeMap<String, BTreeMap<String, String>>;

/// Reads an INI file. What is no line of one is passed over, as a damaged line must not hide the index of the others.
pub(super) fn parse(text: &str) -> Sections {
    let mut sections = Sections::new();
    let (mut section, mut key) = (None::<String>, None::<String>);
    for line in text.trim_start_matches('\u{feff}').lines() {
        let content = line.trim();
        if content.is_empty() || content.starts_with(['#', ';']) {
            continue;
        }
        let is_continuation = line.starts_with([' ', '\t']);
        if let (true, Some(section), Some(key)) = (is_continuation, &section, &key) {
            let value = sections.entry(section.clone()).or_default().entry(key.clone()).or_default();
            value.push('\n');
            value.push_str(content);
        } else if let Some(name) = content.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            section = Some(name.trim().to_owned());
            key = None;
        } else if let Some((name, value)) = content.split_once(['=', ':'])
            && let Some(section) = &section
        {
            // pip takes `index_url` and `--index-url` for the same.
            let name = name.trim().to_lowercase().replace('_', "-").trim_start_matches("--").to_owned();
            sections.entry(section.clone()).or_default().insert(name.clone(), value.trim().to_owned());
            key = Some(name);
        }
    }
    sections
}

/// What several files say together. They come in the order in which pip reads them: the last one weighs most.
pub(super) fn read(files: &[(String, String)]) -> Vec<Finding> {
    let parsed: Vec<(&str, Sections)> = files.iter().map(|(from, text)| (from.as_str(), parse(text))).collect();
    let mut findings = Vec::new();
    for &(key, role) in KEYS {
        let value = ["install", "global"].into_iter().find_map(|section| {
            let with_key = |(from, sections): &(&str, Sections)| {
                let value = sections.get(section)?.get(key)?.clone();
                Some((format!("{from}, [{section}] {key}"), value))
            };
            parsed.iter().rev().find_map(with_key)
        });
        let Some((from, value)) = value else { continue };
        if role == Role::NoIndex {
            findings.extend(is_true(&value).then(|| Finding::new(role, "no-index", &from)));
            continue;
        }
        let values: Vec<&str> = match role {
            Role::Extra | Role::FindLinks | Role::TrustedHost => value.split_whitespace().take(MOST_VALUES).collect(),
            _ => vec![value.trim()],
        };
        let values = values.into_iter().filter(|value| !value.is_empty());
        findings.extend(values.map(|value| Finding::new(role, value, &from)));
    }
    findings
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn told(files: &[&str]) -> Vec<(Role, String)> {
        let files: Vec<_> =
            files.iter().enumerate().map(|(at, text)| (format!("file {at}"), (*text).to_owned())).collect();
        read(&files).into_iter().map(|found| (found.role, found.text.expose().clone())).collect()
    }

    #[test]
    fn files() {
        let text = "\u{feff}; comment\n[global]\nIndex_URL = https://a.example/simple?x=%20y ; kept\nextra-index-url =\n    https://b.example/\n\n    \
            # comment\n    https://c.example/\ntrusted-host: d.example e.example\nno-index = false\n[other]\ncert = /x\n";
        assert_eq!(
            told(&[text]),
            [
                (Role::Default, "https://a.example/simple?x=%20y ; kept".to_owned()),
                (Role::Extra, "https://b.example/".to_owned()),
                (Role::Extra, "https://c.example/".to_owned()),
                (Role::TrustedHost, "d.example".to_owned()),
                (Role::TrustedHost, "e.example".to_owned()),
            ]
        );
    }

    #[test]
    fn which_file_and_section_weighs_more() {
        let (global, install) = ("[global]\nindex-url=https://g/\n", "[install]\nindex-url=https://i/\n");
        let default = |files: &[&str]| told(files).into_iter().map(|(_, text)| text).collect::<Vec<_>>();
        assert_eq!(default(&[global, "[global]\nindex-url=https://h/\n"]), ["https://h/"]);
        assert_eq!(default(&[install, global]), ["https://i/"]);
        assert_eq!(default(&["index-url=https://x/", "[global]\nno-index=on"]), ["no-index"]);
        assert_eq!(default(&["[global]\nindex-url=\n"]), [""; 0]);
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,60}", near in "(\\[|\\]|=|:|global|install|index-url| |\n|#|x){0,30}") {
            for text in [text, near] {
                let _ = read(&[("file".to_owned(), text)]);
            }
        }
    }
}
