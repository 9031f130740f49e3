//! Threshold ranges of the Nagios plugin protocol.
//!
//! Source: Monitoring Plugins Development Guidelines, "Threshold and Ranges". `10` alerts outside 0 to 10, `10:` below
//! 10, `~:10` above 10, `10:20` outside 10 to 20, `@10:20` inside 10 to 20.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A range of values and which side of it alerts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Range {
    /// Lower end, included; negative infinity when there is none.
    pub start: f64,
    /// Upper end, included; infinity when there is none.
    pub end: f64,
    /// Whether values inside the range alert, rather than those outside.
    pub inside: bool,
}

/// A text is no range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a threshold range: write for example 10, 10:, ~:10, 10:20 or @10:20")]
pub struct InvalidRange(String);

impl Range {
    /// Alerts above `limit`.
    #[must_use]
    pub const fn above(limit: f64) -> Self {
        Self { start: f64::NEG_INFINITY, end: limit, inside: false }
    }

    /// Alerts below `limit`.
    #[must_use]
    pub const fn below(limit: f64) -> Self {
        Self { start: limit, end: f64::INFINITY, inside: false }
    }

    /// Whether a value alerts. A value that is no number always does.
    ///
    /// ```
    /// use stratheal_core::model::Range;
    /// let range: Range = "10:20".parse().unwrap();
    /// assert!(range.alerts(9.9) && !range.alerts(10.0) && range.alerts(f64::NAN));
    /// ```
    #[must_use]
    pub fn alerts(&self, value: f64) -> bool {
        let within = value >= self.start && value <= self.end;
        value.is_nan() || within == self.inside
    }
}

impl FromStr for Range {
    type Err = InvalidRange;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidRange(text.chars().take(64).collect());
        let number = |part: &str| part.parse::<f64>().ok().filter(|n| n.is_finite()).ok_or_else(invalid);
        let trimmed = text.trim();
        let (inside, body) = trimmed.strip_prefix('@').map_or((false, trimmed), |body| (true, body));
        let (start, end) = match body.split_once(':') {
            None => (0.0, number(body)?),
            Some((start, end)) => (
                match start {
                    "~" => f64::NEG_INFINITY,
                    "" => 0.0,
                    start => number(start)?,
                },
                if end.is_empty() { f64::INFINITY } else { number(end)? },
            ),
        };
        if start > end {
            return Err(invalid());
        }
        Ok(Self { start, end, inside })
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.inside {
            f.write_str("@")?;
        }
        if self.start == f64::NEG_INFINITY {
            f.write_str("~:")?;
        } else if self.start != 0.0 || self.end.is_infinite() {
            write!(f, "{}:", self.start)?;
        }
        if self.end.is_finite() {
            write!(f, "{}", self.end)?;
        }
        Ok(())
    }
}

impl TryFrom<String> for Range {
    type Error = InvalidRange;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Range> for String {
    fn from(range: Range) -> Self {
        range.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn follows_the_table_of_the_guidelines() {
        for (text, alerting, quiet) in [
            ("10", vec![-1.0, 10.1], vec![0.0, 10.0]),
            ("10:", vec![9.9], vec![10.0, 1e9]),
            ("~:10", vec![10.1], vec![-1e9, 10.0]),
            ("10:20", vec![9.9, 20.1], vec![10.0, 20.0]),
            ("@10:20", vec![10.0, 20.0], vec![9.9, 20.1]),
        ] {
            let range: Range = text.parse().unwrap();
            assert!(alerting.iter().all(|value| range.alerts(*value)), "{text}");
            assert!(!quiet.iter().any(|value| range.alerts(*value)), "{text}");
            assert_eq!(range.to_string(), text);
        }
        for text in ["", "x", "20:10", "1:2:3", "@", "NaN", ":x"] {
            assert!(text.parse::<Range>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,24}", numbers in "@?(~|[-+0-9.e]{0,6})?:?[-+0-9.e]{0,6}", value: f64) {
            for text in [text, numbers] {
                if let Ok(range) = text.parse::<Range>() {
                    let _ = range.alerts(value);
                }
            }
        }

        #[test]
        fn text_round_trips(start in -1e6..1e6_f64, length in 0.0..1e6_f64, inside: bool, open_start: bool, open_end: bool) {
            let range = Range {
                start: if open_start { f64::NEG_INFINITY } else { start },
                end: if open_end { f64::INFINITY } else { start + length },
                inside,
            };
            prop_assert_eq!(range.to_string().parse::<Range>().unwrap(), range);
        }
    }
}
