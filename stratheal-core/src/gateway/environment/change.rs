//! The environment of a child, and each difference from its parent's.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;

use crate::base::redact::{MASK, safe_url};

/// The environment of a process.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Environment(BTreeMap<OsString, OsString>);

impl Environment {
    /// The value of a variable that is set, is text and is not empty.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(OsStr::new(name)).and_then(|value| value.to_str()).filter(|value| !value.is_empty())
    }

    /// The value of a variable, whatever it is.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&OsStr> {
        self.0.get(OsStr::new(name)).map(OsString::as_os_str)
    }

    /// The same with these changes.
    #[must_use]
    pub fn with(mut self, changes: &[Change]) -> Self {
        for change in changes {
            match &change.value {
                Some(value) => self.0.insert(change.name.into(), value.clone()),
                None => self.0.remove(OsStr::new(change.name)),
            };
        }
        self
    }

    /// All of it.
    pub fn iter(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.0.iter().map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }
}

impl<N: Into<OsString>, V: Into<OsString>> FromIterator<(N, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(variables: I) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

impl fmt::Debug for Environment {
    /// Names only: an environment is full of secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// One variable that a child has otherwise than its parent.
#[derive(Clone, PartialEq, Eq)]
pub struct Change {
    /// The name of the variable.
    pub name: &'static str,
    /// What the child has. `None`: it is taken away.
    pub value: Option<OsString>,
    /// What the parent has.
    pub before: Option<OsString>,
    /// Why.
    pub why: &'static str,
}

fn shown(value: &OsStr) -> String {
    let Some(text) = value.to_str() else { return MASK.to_owned() };
    text.split_whitespace().map(safe_url).collect::<Vec<_>>().join(" ")
}

impl fmt::Display for Change {
    /// One line for people. Secrets in URLs are masked.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "{}={}", self.name, shown(value))?,
            None => write!(f, "{} is taken away", self.name)?,
        }
        if let Some(before) = &self.before {
            write!(f, " (was {})", shown(before))?;
        }
        write!(f, ": {}", self.why)
    }
}

impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_no_secrets() {
        let change = Change {
            name: "PIP_INDEX_URL",
            value: Some("http://stratheal:hunter2@127.0.0.1:1/simple/".into()),
            before: Some("https://me:hunter2@index.example/ https://you:hunter2@other.example/".into()),
            why: "the gateway",
        };
        let text = format!("{change} {change:?}");
        assert!(!text.contains("hunter2"), "{text}");
        assert!(text.contains("index.example") && text.contains("127.0.0.1:1"), "{text}");
        let environment = Environment::from_iter([("TOKEN", "hunter2")]);
        assert!(!format!("{environment:?}").contains("hunter2"));
        assert_eq!(environment.text("TOKEN"), Some("hunter2"));
    }
}
