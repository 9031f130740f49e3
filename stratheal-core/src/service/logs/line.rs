//! One line of a log.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Where a line came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
    /// A note of the keeper's.
    Log,
}

impl Origin {
    const fn word(self) -> &'static str {
        match self {
            Self::Out => "out",
            Self::Err => "err",
            Self::Log => "log",
        }
    }
}

/// One line of a log.
///
/// ```
/// use stratheal_core::service::logs::{Line, Origin};
/// let line = Line::parse("2026-01-31T12:34:56.789Z err it burns").unwrap();
/// assert_eq!((line.origin, line.text.as_str(), line.continued), (Origin::Err, "it burns", false));
/// assert_eq!(line.to_string(), "2026-01-31T12:34:56.789Z err it burns");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// When it was read.
    pub at: Timestamp,
    /// Where it came from.
    pub origin: Origin,
    /// Whether it goes on with the line before, which was too long.
    pub continued: bool,
    /// What was printed; control characters included.
    pub text: String,
}

impl Line {
    /// Reads a line; `None` when it is none of a log, for example because the disk was full in the middle of it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (at, rest) = text.split_once(' ')?;
        let (word, text) = rest.split_once(' ').unwrap_or((rest, ""));
        let (word, continued) = word.strip_suffix('+').map_or((word, false), |word| (word, true));
        let origin = [Origin::Out, Origin::Err, Origin::Log].into_iter().find(|origin| origin.word() == word)?;
        Some(Self { at: at.parse().ok()?, origin, continued, text: text.to_owned() })
    }

    /// The text as it may be shown on a terminal: what would move the cursor, change colours or ring is left out.
    ///
    /// ```
    /// use stratheal_core::service::logs::Line;
    /// let line = Line::parse("2026-01-31T12:34:56.789Z out \u{1b}[31mred\u{1b}[0m\u{7}").unwrap();
    /// assert_eq!(line.printable(), "red");
    /// ```
    #[must_use]
    pub fn printable(&self) -> String {
        printable(&self.text)
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let goes_on = if self.continued { "+" } else { "" };
        write!(f, "{:.3} {}{goes_on} {}", self.at, self.origin.word(), self.text)
    }
}

/// What stands before the text of a line.
pub(super) fn prefix(at: Timestamp, origin: Origin, continued: bool) -> String {
    let goes_on = if continued { "+" } else { "" };
    format!("{at:.3} {}{goes_on} ", origin.word())
}

/// Leaves out escape sequences (ECMA-48) and replaces every other control character, also those that turn text around (bidi).
fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\u{1b}' => match characters.next() {
                // CSI: parameters, then a letter or so.
                Some('[') => while characters.next().is_some_and(|next| !('@'..='~').contains(&next)) {},
                // OSC, DCS and the like: a text that ends with BEL or ESC \.
                Some(']' | 'P' | 'X' | '^' | '_') => {
                    while let Some(next) = characters.next() {
                        if next == '\u{7}' || (next == '\u{1b}' && characters.next_if_eq(&'\\').is_some()) {
                            break;
                        }
                    }
                }
                _ => {}
            },
            '\u{9b}' => while characters.next().is_some_and(|next| !('@'..='~').contains(&next)) {},
            '\t' => shown.push_str("    "),
            '\u{7}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {}
            other if other.is_control() => shown.push(' '),
            other => shown.push(other),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_reaches_a_terminal_raw() {
        for (text, shown) in [
            ("plain", "plain"),
            ("a\tb", "a    b"),
            ("\u{1b}[2J\u{1b}[1;31mred\u{1b}[0m", "red"),
            ("\u{1b}]0;title\u{7}after", "after"),
            ("\u{1b}]8;;x\u{1b}\\link", "link"),
            ("over\rwrite", "over write"),
            ("\u{9b}31mc1", "c1"),
            ("user\u{202e}txt.exe", "usertxt.exe"),
            ("\u{1b}", ""),
        ] {
            assert_eq!(printable(text), shown, "{text:?}");
        }
    }

    #[test]
    fn lines_are_read_as_written() {
        for text in
            ["2026-01-31T12:34:56.789Z out+ more", "2026-01-31T12:34:56.000Z log ", "2026-01-31T12:34:56.000Z err  x "]
        {
            assert_eq!(Line::parse(text).unwrap().to_string(), text);
        }
        for text in ["", "x", "2026-01-31T12:34:56.789Z", "2026-01-31T12:34:56.789Z oops x", "yesterday out x"] {
            assert_eq!(Line::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,60}", near in "(2026-01-31T12:34:56(.789)?Z )?(out|err\\+)? ?(\\PC|\u{1b}|\\[|;|[0-9a-z]){0,30}") {
            for text in [text, near] {
                let _ = Line::parse(&text);
                prop_assert!(!printable(&text).chars().any(char::is_control));
            }
        }
    }
}
