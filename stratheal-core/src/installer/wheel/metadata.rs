//! Core metadata, as far as an installer needs it ("Core metadata specifications"): name, version, what it requires.

use pep440_rs::{Version, VersionSpecifiers};

use crate::index::ProjectName;
use crate::installer::requirement::Requirement;

/// The most requirements of one project.
const MOST_REQUIREMENTS: usize = 10_000;

/// What core metadata says.
#[derive(Debug, Clone, PartialEq)]
pub struct CoreFields {
    /// The project.
    pub name: ProjectName,
    /// Its name as it is written.
    pub display_name: String,
    /// The version.
    pub version: Version,
    /// Which versions of Python it is for.
    pub requires_python: Option<VersionSpecifiers>,
    /// What it requires. What cannot be read is in `unreadable`.
    pub requires: Vec<Requirement>,
    /// Its extras, as written.
    pub extras: Vec<String>,
    /// Requirements that cannot be read, with the reason.
    pub unreadable: Vec<(String, String)>,
}

/// A text is no core metadata.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the metadata cannot be read: {0}")]
pub struct InvalidMetadata(String);

/// The fields before the first empty line: names and values, continued lines joined.
pub(super) fn headers(text: &str) -> impl Iterator<Item = (&str, String)> {
    let mut lines = text.trim_start_matches('\u{feff}').lines().peekable();
    let mut is_over = false;
    std::iter::from_fn(move || {
        while !is_over {
            let line = lines.next()?;
            if line.trim().is_empty() {
                // What follows is the description, however long.
                is_over = true;
                return None;
            }
            let Some((name, value)) = line.split_once(':').filter(|(name, _)| !name.starts_with([' ', '\t'])) else {
                continue;
            };
            let mut value = value.trim().to_owned();
            while let Some(more) = lines.next_if(|next| next.starts_with([' ', '\t']) && !next.trim().is_empty()) {
                value.push('\n');
                value.push_str(more.trim());
            }
            return Some((name.trim(), value));
        }
        None
    })
}

/// Reads core metadata.
///
/// # Errors
/// [`InvalidMetadata`] without a readable name or version. A requirement that cannot be read is no error: an installed project is not
/// gone because of it.
pub fn parse_metadata(text: &str) -> Result<CoreFields, InvalidMetadata> {
    let (mut name, mut version) = (None, None);
    let (mut requires_python, mut requires, mut extras, mut unreadable) = (None, Vec::new(), Vec::new(), Vec::new());
    for (field, value) in headers(text) {
        let is = |wanted: &str| field.eq_ignore_ascii_case(wanted);
        if is("Name") {
            name = name.or(Some(value));
        } else if is("Version") {
            version = version.or(Some(value));
        } else if is("Requires-Python") {
            match value.parse::<VersionSpecifiers>() {
                Ok(specifiers) => requires_python = Some(specifiers),
                Err(error) => {
                    unreadable.push((format!("Requires-Python: {}", shown(&value)), first_line(&error.to_string())));
                }
            }
        } else if is("Provides-Extra") && extras.len() < MOST_REQUIREMENTS {
            extras.push(value);
        } else if is("Requires-Dist") && requires.len() + unreadable.len() < MOST_REQUIREMENTS {
            match value.parse::<Requirement>() {
                Ok(requirement) => requires.push(requirement),
                Err(error) => unreadable.push((shown(&value), first_line(&error.to_string()))),
            }
        }
    }
    let display_name = name.ok_or_else(|| InvalidMetadata("it names no project".to_owned()))?;
    let version = version.ok_or_else(|| InvalidMetadata("it names no version".to_owned()))?;
    Ok(CoreFields {
        name: display_name.parse().map_err(|error| InvalidMetadata(format!("{error}")))?,
        version: version.parse().map_err(|_| InvalidMetadata(format!("`{}` is no version", shown(&version))))?,
        display_name,
        requires_python,
        requires,
        extras,
        unreadable,
    })
}

impl CoreFields {
    /// The largest METADATA of a wheel that is read, in bytes.
    pub(in crate::installer) const LARGEST: u64 = 16 << 20;
}

fn shown(text: &str) -> String {
    text.chars().take(120).flat_map(char::escape_default).collect()
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn fields() {
        let text = "Metadata-Version: 2.1\nName: Zope.Interface\nVersion: 5.0\nDescription: many\n        lines\nRequires-Dist: idna>=2 ; extra == 'x'\n\
                    requires-dist: not a requirement!\nProvides-Extra: x\nRequires-Python: >=3.8\n\nName: not this\n";
        let found = parse_metadata(text).unwrap();
        assert_eq!((found.name.as_str(), found.display_name.as_str()), ("zope-interface", "Zope.Interface"));
        assert_eq!(found.version.to_string(), "5.0");
        assert_eq!(
            (found.requires.len(), found.unreadable.len(), found.extras.as_slice()),
            (1, 1, &["x".to_owned()][..])
        );
        assert!(found.requires_python.is_some());
        assert!(parse_metadata("Name: a\n").unwrap_err().to_string().contains("no version"));
        assert!(parse_metadata("\n\nName: a\nVersion: 1\n").is_err());
        assert!(parse_metadata("Name: a\nVersion: new\n").is_err());
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,80}", near in "(Name|Version|Requires-Dist|:| |a|1|\n|\t|;|>=){0,40}") {
            let _ = (parse_metadata(&text), parse_metadata(&near));
        }
    }
}
