//! Project names, normalised as PEP 503 says: lower case, with single hyphens for runs of `-`, `_` and `.`.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};

/// The longest name that is taken, in bytes. The longest one in use has about 80.
const LONGEST: usize = 200;

/// A normalised project name.
///
/// ```
/// use stratheal_core::index::ProjectName;
/// let name: ProjectName = "Zope.Interface".parse()?;
/// assert_eq!(name.as_str(), "zope-interface");
/// # Ok::<(), stratheal_core::index::InvalidProjectName>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct ProjectName(Arc<str>);

/// A text is no project name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no project name: letters, digits, `-`, `_` and `.` only, with a letter or digit at both ends")]
pub struct InvalidProjectName(String);

impl ProjectName {
    /// The normalised text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ProjectName {
    type Err = InvalidProjectName;

    /// Normalises a name. Rule: the names and normalisation specification of the packaging user guide.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_end = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        let bytes = text.as_bytes();
        let inner = bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte));
        if !inner || !is_end(bytes.first()) || !is_end(bytes.last()) || bytes.len() > LONGEST {
            return Err(InvalidProjectName(text.chars().take(80).collect()));
        }
        let mut name = String::with_capacity(text.len());
        for character in text.chars() {
            match character {
                '-' | '_' | '.' if name.ends_with('-') => {}
                '-' | '_' | '.' => name.push('-'),
                other => name.push(other.to_ascii_lowercase()),
            }
        }
        Ok(Self(name.into()))
    }
}

impl fmt::Display for ProjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ProjectName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spellings_of_one_name() {
        for text in ["Foo_Bar", "foo.bar", "FOO-_.bar", "foo-bar"] {
            assert_eq!(text.parse::<ProjectName>().map(|name| name.to_string()), Ok("foo-bar".to_owned()));
        }
        for text in ["", "-a", "a-", "..", "a/b", "a b", "é", "a\0"] {
            assert!(text.parse::<ProjectName>().is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,40}", near in "[a-zA-Z0-9._-]{0,12}") {
            let _ = text.parse::<ProjectName>();
            if let Ok(name) = near.parse::<ProjectName>() {
                prop_assert_eq!(name.as_str().parse(), Ok(name.clone()));
            }
        }
    }
}
