//! Names of extras (PEP 685) and of dependency groups (PEP 735). Both are normalised like the names of projects.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

use crate::index::ProjectName;

macro_rules! name {
    ($name:ident, $error:ident, $what:literal) => {
        #[doc = concat!("The normalised name of ", $what, ".")]
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
        #[serde(transparent)]
        pub struct $name(ProjectName);

        #[doc = concat!("A text is no name of ", $what, ".")]
        #[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
        #[error("`{0}` is no name of {what}: letters, digits, `-`, `_` and `.` only, with a letter or digit at both ends", what = $what)]
        pub struct $error(String);

        impl $name {
            /// The normalised text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }
        }

        impl FromStr for $name {
            type Err = $error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let shown = || text.chars().take(80).flat_map(char::escape_debug).collect();
                text.parse().map(Self).map_err(|_| $error(shown()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

name!(ExtraName, InvalidExtraName, "an extra");
name!(GroupName, InvalidGroupName, "a dependency group");

/// Any text in the form that names are compared in. In a marker stands whatever somebody wrote there.
pub(super) fn normalised(text: &str) -> String {
    let mut name = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '-' | '_' | '.' if name.ends_with('-') => {}
            '-' | '_' | '.' => name.push('-'),
            other => name.extend(other.to_lowercase()),
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names() {
        assert_eq!("Dev_Tools".parse::<ExtraName>().unwrap().as_str(), "dev-tools");
        let error = "-x\u{7}".parse::<GroupName>().unwrap_err().to_string();
        assert!(error.starts_with("`-x\\u{7}` is no name of a dependency group"), "{error}");
        assert_eq!(normalised("A__b é-."), "a-b é-");
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,40}|[a-zA-Z0-9._-]{0,12}") {
            if let Ok(name) = text.parse::<ExtraName>() {
                prop_assert_eq!(name.as_str(), normalised(&text));
            }
            let _ = text.parse::<GroupName>();
        }
    }
}
