//! Names that are checked once and then trusted.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The most bytes an id may have.
pub const MAX_ID_LEN: usize = 128;

/// A text cannot be an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` cannot be an id: use 1 to {MAX_ID_LEN} letters, digits, `.`, `_`, `-` or `/`, beginning with a letter or digit"
)]
pub struct InvalidId {
    text: String,
}

fn validate(text: &str) -> Result<(), InvalidId> {
    let mut bytes = text.bytes();
    let starts_well = bytes.next().is_some_and(|first| first.is_ascii_alphanumeric());
    let goes_on_well = bytes.all(|byte| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte));
    if starts_well && goes_on_well && text.len() <= MAX_ID_LEN {
        return Ok(());
    }
    Err(InvalidId { text: text.chars().take(MAX_ID_LEN).collect() })
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks and takes a name.
            ///
            /// # Errors
            /// [`InvalidId`] when the text is empty, too long or has other characters than an id may have.
            pub fn new(text: &str) -> Result<Self, InvalidId> {
                validate(text)?;
                Ok(Self(Arc::from(text)))
            }

            /// The name itself.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                Self::new(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0.as_ref().to_owned()
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}

id! {
    /// The name of a check, unique in one engine. Cloning shares the text.
    ///
    /// ```
    /// use stratheal_core::model::CheckId;
    /// assert!(CheckId::new("api/latency").is_ok());
    /// assert!(CheckId::new("no spaces").is_err());
    /// ```
    CheckId
}

id! {
    /// The name of a remedy. Cloning shares the text.
    RemedyId
}

id! {
    /// The name of a service. Cloning shares the text.
    ServiceId
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,200}") {
            if let Ok(id) = CheckId::new(&text) {
                prop_assert_eq!(id.as_str(), text);
            }
        }
    }
}
