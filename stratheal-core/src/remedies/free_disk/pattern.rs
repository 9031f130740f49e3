//! [`NamePattern`]: the names of files that are meant, as in a shell: `*` is any text, `?` is any one byte.

use std::fmt;
use std::str::FromStr;

/// A pattern for a name, not a path. `*` is any text, `?` any one byte, everything else itself.
///
/// ```
/// use stratheal_core::remedies::free_disk::NamePattern;
/// let pattern: NamePattern = "app-*.log.?".parse().unwrap();
/// assert!(pattern.matches(b"app-web.log.1") && !pattern.matches(b"app-web.log"));
/// assert!("logs/*".parse::<NamePattern>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamePattern(String);

/// A text is no pattern for a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no pattern for a name: it must not be empty, longer than 255 bytes, or have a `/`")]
pub struct InvalidPattern(String);

impl NamePattern {
    /// Whether a name is meant.
    #[must_use]
    pub fn matches(&self, name: &[u8]) -> bool {
        let pattern = self.0.as_bytes();
        let (mut at, mut in_name) = (0, 0);
        // Where the last `*` stands, and how much of the name it takes so far.
        let mut star: Option<(usize, usize)> = None;
        while in_name < name.len() {
            match pattern.get(at) {
                Some(b'*') => {
                    star = Some((at, in_name));
                    at += 1;
                }
                Some(byte) if *byte == b'?' || *byte == name[in_name] => {
                    at += 1;
                    in_name += 1;
                }
                _ => {
                    let Some((place, taken)) = star else { return false };
                    star = Some((place, taken + 1));
                    at = place + 1;
                    in_name = taken + 1;
                }
            }
        }
        pattern[at..].iter().all(|byte| *byte == b'*')
    }

    /// The pattern itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for NamePattern {
    type Err = InvalidPattern;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() || text.len() > 255 || text.contains(['/', '\0']) {
            return Err(InvalidPattern(text.chars().take(64).collect()));
        }
        Ok(Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn patterns_match_whole_names() {
        for (pattern, name, is_match) in [
            ("*", "", true),
            ("*", "a\nb", true),
            ("*.log", "a.log", true),
            ("*.log", "a.log.1", false),
            ("*.log*", "a.log.1", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("a*b*c", "aXbXbXc", true),
            ("a*b*c", "aXbX", false),
            ("[a]", "[a]", true),
            ("a", "b", false),
        ] {
            assert_eq!(pattern.parse::<NamePattern>().unwrap().matches(name.as_bytes()), is_match, "{pattern} {name}");
        }
        assert!("*".parse::<NamePattern>().unwrap().matches(b"\xff\xfe"));
    }

    proptest! {
        #[test]
        fn never_panics(text in "[ab*?/]{0,12}", name in proptest::collection::vec(any::<u8>(), 0..20)) {
            if let Ok(pattern) = text.parse::<NamePattern>() {
                let _ = pattern.matches(&name);
                prop_assert!(text.contains(['*', '?']) || pattern.matches(text.as_bytes()));
            }
        }

        #[test]
        fn many_stars_cost_little(name in "a{200}") {
            let pattern: NamePattern = "*a".repeat(60).parse().unwrap();
            prop_assert!(pattern.matches(name.as_bytes()));
            let other = name + "b";
            prop_assert!(!pattern.matches(other.as_bytes()));
        }
    }
}
