//! Version specifiers (PEP 440) in a requirement, and which versions satisfy them.
//!
//! What satisfies what is decided as `packaging` does it, release candidates included. The ready-made answer of the version library
//! differs where a version is shorter than the prefix that it is compared with, and where the specifier itself is a pre-release.

use pep440_rs::{Operator, Version, VersionPattern, VersionSpecifier, VersionSpecifiers};

use super::cursor::Cursor;
use super::error::InvalidRequirement;

/// The most specifiers of one requirement.
const MOST: usize = 1000;

/// Reads specifiers with commas between them, as far as they go. They may stand in parentheses.
pub(super) fn read(cursor: &mut Cursor<'_>) -> Result<VersionSpecifiers, InvalidRequirement> {
    let opened = cursor.at();
    let in_parentheses = cursor.eat("(");
    let mut specifiers = Vec::new();
    loop {
        cursor.skip_blanks();
        match cursor.peek() {
            None | Some(')' | ';') => break,
            Some(_) if specifiers.len() == MOST => return Err(cursor.error("has too many version specifiers")),
            Some(_) => specifiers.push(read_one(cursor)?),
        }
        cursor.skip_blanks();
        if !cursor.eat(",") {
            break;
        }
    }
    if in_parentheses && !cursor.eat(")") {
        return Err(cursor.error_at(opened, "has a parenthesis that is not closed"));
    }
    Ok(specifiers.into_iter().collect())
}

fn read_one(cursor: &mut Cursor<'_>) -> Result<VersionSpecifier, InvalidRequirement> {
    let start = cursor.at();
    let operator = match cursor.take_while(|character| "=!~<>".contains(character)) {
        "" => return Err(cursor.error("needs `;` before a marker, or an operator such as `==` before a version")),
        "=" => return Err(cursor.error_at(start, "has `=` where `==` is meant")),
        text => text.parse().map_err(|_| cursor.error_at(start, "has an operator that PEP 440 does not know"))?,
    };
    cursor.skip_blanks();
    let at = cursor.at();
    let version = cursor.take_while(|character| !matches!(character, ' ' | '\t' | ',' | ';' | ')'));
    specifier(operator, version).map_err(|reason| cursor.error_at(at, reason))
}

/// One specifier of its parts.
pub(super) fn specifier(operator: Operator, version: &str) -> Result<VersionSpecifier, &'static str> {
    let is_equality = matches!(operator, Operator::Equal | Operator::NotEqual);
    if version.is_empty() {
        return Err("has an operator without a version");
    }
    if version.ends_with(".*") && !is_equality {
        return Err("has `.*` behind an operator other than `==` and `!=`");
    }
    let pattern: VersionPattern = version.parse().map_err(|_| "has no version as PEP 440 defines it")?;
    if pattern.version().is_local() && !is_equality && operator != Operator::ExactEqual {
        return Err("has a local version (`+`) behind an operator other than `==` and `!=`");
    }
    VersionSpecifier::from_pattern(operator, pattern).map_err(|_| "needs at least two numbers behind `~=`")
}

/// Whether a version satisfies all of the specifiers. Pre-releases are treated like any other version.
///
/// ```
/// use stratheal_core::installer::requirement::satisfies;
/// let specifiers = ">=3.9, !=3.11.*".parse()?;
/// assert!(satisfies(&specifiers, &"3.12".parse()?));
/// assert!(!satisfies(&specifiers, &"3.11.4".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn satisfies(specifiers: &VersionSpecifiers, version: &Version) -> bool {
    specifiers.iter().all(|specifier| matches(specifier, version))
}

pub(super) fn matches(specifier: &VersionSpecifier, version: &Version) -> bool {
    let wanted = specifier.version();
    let public = version.clone().without_local();
    // A local version counts only against a specifier that names one.
    let comparable = if wanted.is_local() { version } else { &public };
    match specifier.operator() {
        Operator::Equal => comparable == wanted,
        Operator::NotEqual => comparable != wanted,
        Operator::EqualStar => has_prefix(version, wanted, wanted.release().len()),
        Operator::NotEqualStar => !has_prefix(version, wanted, wanted.release().len()),
        Operator::ExactEqual => version.to_string().eq_ignore_ascii_case(&wanted.to_string()),
        Operator::TildeEqual => {
            public >= *wanted && has_prefix(version, wanted, wanted.release().len().saturating_sub(1))
        }
        Operator::LessThanEqual => public <= *wanted,
        Operator::GreaterThanEqual => public >= *wanted,
        Operator::LessThan if wanted.any_prerelease() => public < *wanted,
        // Pre-releases of the version itself are not below it.
        Operator::LessThan => public < wanted.clone().with_dev(Some(0)),
        Operator::GreaterThan => {
            public > *wanted && (wanted.is_post() || wanted.is_dev() || !is_post_of(version, wanted))
        }
    }
}

/// Whether the first numbers of both are the same. A number that is not there is 0.
fn has_prefix(version: &Version, wanted: &Version, length: usize) -> bool {
    let number = |version: &Version, at: usize| version.release().get(at).copied().unwrap_or_default();
    version.epoch() == wanted.epoch() && (0..length).all(|at| number(version, at) == number(wanted, at))
}

fn is_post_of(version: &Version, wanted: &Version) -> bool {
    let length = version.release().len().max(wanted.release().len());
    version.is_post() && version.pre() == wanted.pre() && has_prefix(version, wanted, length)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_satisfies_what() {
        for (specifiers, version, expected) in [
            ("==3.8.*", "3", false),
            ("==3.0.*", "3", true),
            ("!=3.8.*", "3", true),
            ("==1!2.*", "2.1", false),
            ("<1.0rc2", "1.0rc1", true),
            ("<1.0", "1.0rc1", false),
            ("<1.0", "1.0.dev3", false),
            ("<1.0", "0.9.post1", true),
            (">1.0", "1.0.post1", false),
            (">1.0", "1.0+local", false),
            (">1.0.post1", "1.0.post2", true),
            (">1.0.post1", "1.0.post1+local", false),
            (">1.0rc1", "1.0rc1.post1", false),
            (">1.0rc1", "1.0.post1", true),
            ("<1.0.post1", "1.0rc1", true),
            ("<1.0.post1", "1.0.post1.dev1", false),
            (">=1.0", "1.0+local", true),
            ("<=1.0", "1.0+local", true),
            ("==1.0", "1.0+local", true),
            ("==1.0+local", "1.0", false),
            ("!=1.0", "1.0+local", false),
            ("~=2.2", "2.10", true),
            ("~=2.2", "3.0", false),
            ("~=2.2.post3", "2.2", false),
            ("===1.0", "1.0.0", false),
            (">=3.9,<4", "3.13.0rc1", true),
            ("", "1", true),
        ] {
            let read = specifiers.parse().unwrap();
            assert_eq!(satisfies(&read, &version.parse().unwrap()), expected, "{version} in {specifiers}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(noise in "\\PC{0,30}", near in "[(=!~<>]{0,3} ?[0-9.*ab+,;) ]{0,12}", version in "[0-9]{1,2}([.!][0-9]|rc1|\\.dev1|\\+a){0,3}") {
            for text in [&noise, &near] {
                let Ok(mut cursor) = Cursor::new(text) else { continue };
                if let (Ok(read), Ok(version)) = (read(&mut cursor), version.parse()) {
                    let _ = satisfies(&read, &version);
                }
            }
        }
    }
}
