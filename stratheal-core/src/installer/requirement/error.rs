//! What can be wrong with what is wanted.

use crate::base::class::ErrorClass;
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
