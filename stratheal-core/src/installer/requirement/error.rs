//! What can be wrong with what is wanted.

use std::io;
use std::path::PathBuf;

use super::file::Origin;
use super::{ExtraName, GroupName, UndefinedComparison};
use crate::base::class::{self, ErrorClass};
use crate::base::redact::safe_url;

/// The most characters of a text that an error shows.
const MOST_SHOWN: usize = 120;

/// A text is no requirement, or no marker.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` {reason}, at character {at}")]
pub struct InvalidRequirement {
    text: String,
    at: usize,
    reason: &'static str,
}

impl InvalidRequirement {
    pub(super) fn new(text: &str, at: usize, reason: &'static str) -> Self {
        Self { text: shown(text), at, reason }
    }

    /// The place of the trouble, in characters from 1.
    #[must_use]
    pub const fn at(&self) -> usize {
        self.at
    }

    /// What is wrong there.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        self.reason
    }

    /// The class of this error.
    #[must_use]
    pub const fn class(&self) -> ErrorClass {
        ErrorClass::Usage
    }
}

/// What is wanted cannot be told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequirementError {
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file is not in an encoding that is known.
    #[error("{} {problem}: write it in UTF-8", path.display())]
    Encoding {
        /// The file.
        path: PathBuf,
        /// What is wrong with its encoding.
        problem: String,
    },
    /// A line cannot be understood.
    #[error("{origin}: `{line}` {problem}")]
    Line {
        /// Where it stands.
        origin: Origin,
        /// The line as it may be shown.
        line: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A line has an option that no requirements file can have.
    #[error("{origin}: a requirements file has no option `{option}`{}", did_you_mean(*nearest))]
    UnknownOption {
        /// Where it stands.
        origin: Origin,
        /// The option, without its value.
        option: String,
        /// The option that may be meant.
        nearest: Option<&'static str>,
    },
    /// A file includes one that is not on this machine.
    #[error("{origin}: {url} is not on this machine: fetch it, look at it, and include the copy")]
    RemoteInclude {
        /// Where it is included.
        origin: Origin,
        /// What is included, safe to show.
        url: String,
    },
    /// A file includes itself, through others or at once.
    #[error("{origin}: {} includes itself", path.display())]
    IncludesItself {
        /// Where it is included again.
        origin: Origin,
        /// The file.
        path: PathBuf,
    },
    /// There is more of something than is read.
    #[error("there are more than {most} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The limit.
        most: usize,
    },
    /// Hashes are required, and one requirement cannot be checked against any.
    #[error("{origin}: `{requirement}` {problem}, and hashes are required of all or none")]
    NotHashed {
        /// Where it stands.
        origin: Origin,
        /// The requirement as it may be shown.
        requirement: String,
        /// What it lacks.
        problem: &'static str,
    },
    /// A marker has no answer.
    #[error("{origin}: the marker has no answer")]
    Marker {
        /// Where it stands.
        origin: Origin,
        /// Why.
        source: UndefinedComparison,
    },
    /// A `pyproject.toml` is not what the specifications describe.
    #[error("{}: {problem}", path.display())]
    Project {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A project has no such extra.
    #[error("{} has no extra `{extra}`: {}", path.display(), listed(known))]
    NoSuchExtra {
        /// The file.
        path: PathBuf,
        /// The extra.
        extra: ExtraName,
        /// Those it has.
        known: Vec<String>,
    },
    /// A project has no such dependency group.
    #[error("{} has no dependency group `{group}`: {}", path.display(), listed(known))]
    NoSuchGroup {
        /// The file.
        path: PathBuf,
        /// The group.
        group: GroupName,
        /// Those it has.
        known: Vec<String>,
    },
}

impl RequirementError {
    /// The class of this error.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Unreadable { source, .. } => class::of_io(source),
            Self::Encoding { .. } => ErrorClass::Corrupt,
            Self::Marker { source, .. } => source.class(),
            Self::Line { .. }
            | Self::UnknownOption { .. }
            | Self::RemoteInclude { .. }
            | Self::IncludesItself { .. }
            | Self::TooMany { .. }
            | Self::NotHashed { .. }
            | Self::Project { .. }
            | Self::NoSuchExtra { .. }
            | Self::NoSuchGroup { .. } => ErrorClass::Usage,
        }
    }
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map(|nearest| format!(": did you mean `{nearest}`?")).unwrap_or_default()
}

fn listed(known: &[String]) -> String {
    if known.is_empty() { "it has none".to_owned() } else { format!("it has {}", known.join(", ")) }
}

/// The beginning of a text as it may be shown: without passwords, and in one line.
pub(super) fn shown(text: &str) -> String {
    let safe = |word: &str| {
        let may_be_url = word.contains("://") || (word.contains('@') && word.contains(':'));
        if may_be_url { safe_url(word) } else { word.to_owned() }
    };
    let words: Vec<String> = text.split(' ').map(safe).collect();
    let words = words.join(" ");
    let mut shown: String = words.chars().take(MOST_SHOWN).flat_map(char::escape_debug).collect();
    // What `escape_debug` does to quotes helps nobody here.
    shown = shown.replace("\\'", "'").replace("\\\"", "\"");
    if words.chars().nth(MOST_SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_not_shown() {
        for (text, expected) in [
            ("a @ https://me:pw@h.example/x", "a @ https://***@h.example/x"),
            ("a@git+https://me:pw@h.example/x", "a@git+https://***@h.example/x"),
            ("a == '1' ; b == \"c\"\n", "a == '1' ; b == \"c\"\\n"),
            ("me:pw@h.example", "***@h.example"),
        ] {
            assert_eq!(shown(text), expected);
        }
        assert_eq!(shown(&"x".repeat(200)).chars().count(), 121);
    }
}
