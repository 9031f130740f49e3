//! One requirement: a project, and which of its versions (PEP 508, "Dependency specifiers" of the packaging specifications).

use std::fmt;
use std::str::FromStr;

use pep440_rs::{Operator, Version, VersionSpecifiers};

use super::cursor::Cursor;
use super::error::InvalidRequirement;
use super::marker::{Choice, Marker, MarkerEnvironment, UndefinedComparison};
use super::{ExtraName, specifier};
use crate::base::redact::{Secret, safe_url};
use crate::index::ProjectName;

/// The most extras of one requirement.
const MOST_EXTRAS: usize = 1000;

/// A project that is wanted.
///
/// `Display` writes it as it was read, except that the secrets of a URL are masked; [`Requirement::exposed`] keeps them.
///
/// ```
/// use stratheal_core::installer::requirement::Requirement;
/// let wanted: Requirement = "Requests [socks] (>=2.31, <3) ; python_version < '4'".parse()?;
/// assert_eq!(wanted.to_string(), "requests[socks]>=2.31,<3; python_version < \"4\"");
/// # Ok::<(), stratheal_core::installer::requirement::InvalidRequirement>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// The project.
    pub name: ProjectName,
    /// Its extras, sorted, each once.
    pub extras: Vec<ExtraName>,
    /// Where it comes from.
    pub source: RequirementSource,
    /// Where it is wanted; everywhere without one.
    pub marker: Option<Marker>,
}

/// Where a required project comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequirementSource {
    /// From an index, in one of these versions.
    Versions(VersionSpecifiers),
    /// From this URL, which may hold a password.
    Url(Secret<String>),
}

impl Requirement {
    /// Whether it is wanted in an environment.
    ///
    /// # Errors
    /// [`UndefinedComparison`] when the marker compares what cannot be compared.
    pub fn applies(&self, environment: &MarkerEnvironment, choice: &Choice<'_>) -> Result<bool, UndefinedComparison> {
        self.marker.as_ref().map_or(Ok(true), |marker| marker.evaluate(environment, choice))
    }

    /// The only version that will do: of one specifier, with `==` and without `.*`.
    #[must_use]
    pub fn pinned(&self) -> Option<&Version> {
        let RequirementSource::Versions(specifiers) = &self.source else { return None };
        let [only] = &specifiers[..] else { return None };
        matches!(only.operator(), Operator::Equal | Operator::ExactEqual).then(|| only.version())
    }

    /// The requirement as text, with the secrets of its URL: for the input of another installer, never for people.
    #[must_use]
    pub fn exposed(&self) -> String {
        self.text(str::to_owned)
    }

    fn text(&self, url: impl Fn(&str) -> String) -> String {
        let mut text = self.name.to_string();
        if !self.extras.is_empty() {
            let extras: Vec<_> = self.extras.iter().map(ExtraName::as_str).collect();
            text.extend(["[", &extras.join(","), "]"]);
        }
        match &self.source {
            RequirementSource::Versions(specifiers) => {
                let specifiers: Vec<_> = specifiers.iter().map(ToString::to_string).collect();
                text.push_str(&specifiers.join(","));
            }
            RequirementSource::Url(target) => text.extend([" @ ", &url(target.expose())]),
        }
        if let Some(marker) = &self.marker {
            // Without the space the semicolon would belong to the URL.
            let gap = if matches!(self.source, RequirementSource::Url(_)) { " ; " } else { "; " };
            text.extend([gap, &marker.to_string()]);
        }
        text
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(safe_url))
    }
}

impl FromStr for Requirement {
    type Err = InvalidRequirement;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut cursor = Cursor::new(text)?;
        let start = cursor.at();
        let name = cursor.take_while(is_name).parse();
        let name = name.map_err(|_| cursor.error_at(start, "does not begin with the name of a project"))?;
        cursor.skip_blanks();
        let extras = if cursor.peek() == Some('[') { read_extras(&mut cursor)? } else { Vec::new() };
        cursor.skip_blanks();
        let (source, has_marker) = if cursor.eat("@") {
            read_url(&mut cursor)?
        } else {
            let specifiers = specifier::read(&mut cursor)?;
            cursor.skip_blanks();
            (RequirementSource::Versions(specifiers), cursor.eat(";"))
        };
        let marker = if has_marker { Some(Marker::read(&mut cursor)?) } else { None };
        cursor.end("has something behind it that belongs to no requirement")?;
        Ok(Self { name, extras, source, marker })
    }
}

fn is_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.')
}

/// Reads extras in brackets.
pub(super) fn read_extras(cursor: &mut Cursor<'_>) -> Result<Vec<ExtraName>, InvalidRequirement> {
    let opened = cursor.at();
    let unclosed = |cursor: &Cursor<'_>| cursor.error_at(opened, "has a bracket that is not closed");
    let mut extras = Vec::new();
    if !cursor.eat("[") {
        return Ok(extras);
    }
    cursor.skip_blanks();
    while !cursor.eat("]") {
        let start = cursor.at();
        let extra = cursor.take_while(is_name).parse();
        if cursor.rest().is_empty() {
            return Err(unclosed(cursor));
        }
        extras.push(extra.map_err(|_| cursor.error_at(start, "has no name of an extra there"))?);
        if extras.len() > MOST_EXTRAS {
            return Err(cursor.error("has too many extras"));
        }
        cursor.skip_blanks();
        if cursor.eat(",") {
            cursor.skip_blanks();
            if cursor.peek() == Some(']') {
                return Err(cursor.error("has a comma without an extra behind it"));
            }
        } else if cursor.peek() != Some(']') {
            return Err(cursor.error("needs a comma between extras, and `]` behind the last"));
        }
    }
    extras.sort_unstable();
    extras.dedup();
    Ok(extras)
}

/// Reads a URL, and whether a marker follows.
fn read_url(cursor: &mut Cursor<'_>) -> Result<(RequirementSource, bool), InvalidRequirement> {
    cursor.skip_blanks();
    let start = cursor.at();
    let mut url = cursor.take_while(|character| !matches!(character, ' ' | '\t'));
    cursor.skip_blanks();
    let has_marker = match url.strip_suffix(';') {
        // Everybody but the specification reads this semicolon so.
        Some(before) if !cursor.rest().is_empty() => {
            url = before;
            true
        }
        _ => cursor.eat(";"),
    };
    let scheme = url.split_once(':').map(|(scheme, _)| scheme);
    let is_scheme = |scheme: &str| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    };
    if !scheme.is_some_and(is_scheme) || url.chars().any(char::is_control) {
        return Err(cursor.error_at(start, "needs a URL behind `@`, such as `https://` or `file:///`"));
    }
    Ok((RequirementSource::Url(Secret::new(url.to_owned())), has_marker))
}

#[cfg(test)]
mod tests;
