//! Indexes in environment variables: those of uv, pip, pdm, pipenv, and of the mirror plugin of poetry.

use super::finding::{Finding, Role};
use crate::index::surroundings::Surroundings;

/// What separates several values.
#[derive(Clone, Copy)]
enum Several {
    No,
    Spaces,
    Commas,
}

/// The variables in the order of their weight.
const VARIABLES: &[(&str, Role, Several)] = &[
    ("UV_DEFAULT_INDEX", Role::Default, Several::No),
    ("UV_INDEX_URL", Role::Default, Several::No),
    ("PIP_INDEX_URL", Role::Default, Several::No),
    ("PDM_PYPI_URL", Role::Default, Several::No),
    ("PIPENV_PYPI_MIRROR", Role::Default, Several::No),
    ("POETRY_PYPI_MIRROR_URL", Role::Default, Several::No),
    ("UV_INDEX", Role::Extra, Several::Spaces),
    ("UV_EXTRA_INDEX_URL", Role::Extra, Several::Spaces),
    ("PIP_EXTRA_INDEX_URL", Role::Extra, Several::Spaces),
    ("UV_FIND_LINKS", Role::FindLinks, Several::Commas),
    ("PIP_FIND_LINKS", Role::FindLinks, Several::Spaces),
    ("UV_NO_INDEX", Role::NoIndex, Several::No),
    ("PIP_NO_INDEX", Role::NoIndex, Several::No),
    ("UV_INSECURE_HOST", Role::TrustedHost, Several::Spaces),
    ("PIP_TRUSTED_HOST", Role::TrustedHost, Several::Spaces),
    ("PIP_CERT", Role::Certificate, Several::No),
    ("SSL_CERT_FILE", Role::Certificate, Several::No),
    ("REQUESTS_CA_BUNDLE", Role::Certificate, Several::No),
    ("CURL_CA_BUNDLE", Role::Certificate, Several::No),
    ("PIP_PROXY", Role::Proxy, Several::No),
];

/// The most values of one variable.
const MOST_VALUES: usize = 100;

/// Whether a text switches something on, as uv and pip read it.
pub(super) fn is_true(text: &str) -> bool {
    matches!(text.trim().to_ascii_lowercase().as_str(), "1" | "true" | "t" | "yes" | "y" | "on")
}

/// `name=URL`, as uv writes it. An `=` inside a URL stands behind a `:`.
pub(super) fn named_url(text: &str) -> (Option<&str>, &str) {
    match text.split_once('=') {
        Some((name, url)) if !name.contains([':', '/', '?']) => (Some(name.trim()), url),
        _ => (None, text),
    }
}

pub(super) fn read(surroundings: &dyn Surroundings) -> Vec<Finding> {
    let mut findings = Vec::new();
    for &(variable, role, several) in VARIABLES {
        let Some(text) = surroundings.variable(variable).filter(|text| !text.trim().is_empty()) else { continue };
        if role == Role::NoIndex && !is_true(&text) {
            continue;
        }
        let values: Vec<&str> = match several {
            Several::No => vec![text.trim()],
            Several::Spaces => text.split_whitespace().collect(),
            Several::Commas => text.split(',').map(str::trim).filter(|value| !value.is_empty()).collect(),
        };
        for value in values.into_iter().take(MOST_VALUES) {
            let is_uv = variable.starts_with("UV_") && matches!(role, Role::Default | Role::Extra);
            let (name, value) = if is_uv { named_url(value) } else { (None, value) };
            findings.push(Finding::new(role, value, &format!("the variable {variable}")).named(name));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::index::surroundings::fake::Fake;

    #[test]
    fn variables() {
        let fake = Fake::new(
            &[
                ("PIP_INDEX_URL", " https://a.example/simple "),
                ("UV_INDEX", "x=https://b.example/?k=v https://c.example/?k=v"),
                ("PIP_NO_INDEX", "0"),
                ("UV_DEFAULT_INDEX", ""),
                ("UV_FIND_LINKS", "./wheels,https://d.example/"),
            ],
            &[],
        );
        let findings = read(&fake);
        let told: Vec<_> =
            findings.iter().map(|found| (found.role, found.name.as_deref(), found.text.expose().as_str())).collect();
        assert_eq!(
            told,
            [
                (Role::Default, None, "https://a.example/simple"),
                (Role::Extra, Some("x"), "https://b.example/?k=v"),
                (Role::Extra, None, "https://c.example/?k=v"),
                (Role::FindLinks, None, "./wheels"),
                (Role::FindLinks, None, "https://d.example/"),
            ]
        );
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,40}", near in "[a-z=:/ ,@]{0,30}") {
            for text in [&text, &near] {
                let _ = (named_url(text), read(&Fake::new(&[("UV_INDEX", text), ("UV_FIND_LINKS", text)], &[])));
            }
        }
    }
}
