//! Which snapshot is meant.

use std::convert::Infallible;
use std::fmt;
use std::path::Path;
use std::str::FromStr;

use super::{Snapshot, SnapshotError};

/// Which snapshot is meant: a number, a label, `last-good` or `newest`.
///
/// ```
/// use stratheal_core::snapshot::Selector;
/// assert_eq!("12".parse(), Ok(Selector::Number(12)));
/// assert_eq!("#12".parse(), Ok(Selector::Number(12)));
/// assert_eq!("last-good".parse(), Ok(Selector::LastGood));
/// assert_eq!("before-django-5".parse(), Ok(Selector::Label("before-django-5".to_owned())));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    /// The one with this number.
    Number(u64),
    /// The newest one with this label.
    Label(String),
    /// The newest one whose checks passed.
    LastGood,
    /// The newest one.
    Newest,
}

impl FromStr for Selector {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let number = text.strip_prefix('#').unwrap_or(text).parse();
        Ok(match text {
            "last-good" => Self::LastGood,
            "newest" => Self::Newest,
            _ => number.map_or_else(|_| Self::Label(text.to_owned()), Self::Number),
        })
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Label(label) => write!(f, "labelled `{}`", label.escape_debug()),
            Self::LastGood => f.write_str("that is known to be good"),
            Self::Newest => f.write_str("of this environment"),
        }
    }
}

impl Selector {
    /// Chooses among snapshots, which are in the order of their numbers. Words mean those of this environment; a number means one of any.
    ///
    /// # Errors
    /// [`SnapshotError::Unknown`].
    pub fn choose<'a>(&self, snapshots: &'a [Snapshot], root: Option<&Path>) -> Result<&'a Snapshot, SnapshotError> {
        let mut own = snapshots.iter().rev().filter(|one| root.is_none_or(|root| one.root == root));
        let found = match self {
            Self::Number(number) => snapshots.iter().find(|one| one.number == *number),
            Self::Label(label) => own.find(|one| one.label.as_ref() == Some(label)),
            Self::LastGood => own.find(|one| one.good.is_some()),
            Self::Newest => own.next(),
        };
        found.ok_or_else(|| SnapshotError::Unknown { wanted: self.to_string() })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::snapshot::catalog::tests::snapshot;

    #[test]
    fn words_mean_the_newest_one_of_the_environment() {
        let mut all: Vec<Snapshot> = (1..=4).map(snapshot).collect();
        all[0].label = Some("a".to_owned());
        all[1].label = Some("a".to_owned());
        all[3].root = "/other".into();
        let choose = |text: &str, root: &str| {
            let selector: Selector = text.parse().unwrap();
            selector.choose(&all, Some(Path::new(root))).map(|one| one.number).map_err(|error| error.to_string())
        };
        assert_eq!(choose("4", "/env"), Ok(4));
        assert_eq!(choose("a", "/env"), Ok(2));
        assert_eq!(choose("newest", "/env"), Ok(3));
        assert_eq!(choose("newest", "/other"), Ok(4));
        assert!(choose("last-good", "/env").unwrap_err().contains("known to be good"));
        assert!(choose("7", "/env").unwrap_err().contains("snapshot 7"));
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,20}|#{0,2}[0-9]{0,25}") {
            let parsed: Result<Selector, Infallible> = text.parse();
            let _ = parsed.map(|selector| selector.to_string());
        }
    }
}
