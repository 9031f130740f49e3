//! Sources and chains.
//!
//! A source is one logical index with any number of members that hold the same content. A chain is an ordered list of sources
//! with different content: the first one that knows a project is the only one that is asked about it.

use url::Url;

use super::ProjectName;

/// One logical index.
#[derive(Debug, Clone)]
pub struct Source {
    /// A short name for people and for files: `default`, or what the configuration calls it.
    pub name: String,
    /// Where it is served: at least one member, the primary one first. Members are equals for reachability.
    pub members: Vec<Member>,
    /// Only projects whose normalised name matches one of these patterns (`torch*`). Empty: all.
    pub only: Vec<String>,
    /// Whether a file of this source may never change its content under the same name. `true` by default.
    pub immutable: bool,
}

/// One place where a source is served.
#[derive(Debug, Clone)]
pub struct Member {
    /// The base URL of its Simple API, ending in `/`. Without credentials.
    pub url: Url,
    /// What it is believed about.
    pub trust: Trust,
}

/// What a member is believed about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Trust {
    /// Which files there are and what their hashes are. The default for what a user lists.
    #[default]
    Pages,
    /// Nothing: it serves bytes whose hash is known from elsewhere.
    Files,
}

impl Source {
    /// Whether this source is asked about a project at all.
    #[must_use]
    pub fn is_asked_about(&self, project: &ProjectName) -> bool {
        self.only.is_empty() || self.only.iter().any(|pattern| matches(pattern.as_bytes(), project.as_str().as_bytes()))
    }
}

/// Sources in the order in which they are asked. Extra indexes come before the default one.
#[derive(Debug, Clone, Default)]
pub struct Chain {
    /// The sources.
    pub sources: Vec<Source>,
}

/// Whether a name matches a pattern in which `*` stands for any run of characters. Takes as many steps as the product of both
/// lengths at most.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut at, mut in_name) = (0, 0);
    // Where the last star stands, and where the rest of the name begins if it takes one character more.
    let mut star = None;
    while in_name < name.len() {
        if pattern.get(at) == Some(&b'*') {
            star = Some((at, in_name));
            at += 1;
        } else if pattern.get(at) == Some(&name[in_name]) {
            at += 1;
            in_name += 1;
        } else if let Some((star_at, taken)) = star {
            star = Some((star_at, taken + 1));
            at = star_at + 1;
            in_name = taken + 1;
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|&rest| rest == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, name, expected) in [
            ("torch*", "torchvision", true),
            ("torch*", "pytorch", false),
            ("*", "", true),
            ("a*c", "abc", true),
            ("a*b*c", "abbcbc", true),
            ("a", "ab", false),
        ] {
            assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), expected, "{pattern} {name}");
        }
    }
}
