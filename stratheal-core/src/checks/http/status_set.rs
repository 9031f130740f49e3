//! Which HTTP statuses are as expected: `200`, `2xx`, `200-299`.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// A set of HTTP statuses. By default all from 200 to 399.
///
/// ```
/// use stratheal_core::checks::http::StatusSet;
/// let set: StatusSet = "2xx, 404".parse().unwrap();
/// assert!(set.contains(204) && set.contains(404) && !set.contains(301));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusSet {
    ranges: Vec<RangeInclusive<u16>>,
}

/// A text is no set of statuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no HTTP status: write for example 200, 2xx or 200-299, from 100 to 599")]
pub struct InvalidStatusSet(String);

impl StatusSet {
    /// The union of several parts, each as in [`FromStr`].
    ///
    /// # Errors
    /// [`InvalidStatusSet`] when a part is none, or when there is none at all.
    pub fn of<'a>(parts: impl IntoIterator<Item = &'a str>) -> Result<Self, InvalidStatusSet> {
        let ranges = parts
            .into_iter()
            .flat_map(|part| part.split(','))
            .map(|part| range(part.trim()).ok_or_else(|| InvalidStatusSet(part.chars().take(64).collect())))
            .collect::<Result<Vec<_>, _>>()?;
        if ranges.is_empty() {
            return Err(InvalidStatusSet(String::new()));
        }
        Ok(Self { ranges })
    }

    /// Whether a status is one of them.
    #[must_use]
    pub fn contains(&self, status: u16) -> bool {
        self.ranges.iter().any(|range| range.contains(&status))
    }
}

fn range(text: &str) -> Option<RangeInclusive<u16>> {
    let status = |text: &str| {
        let plain = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u16>().ok().filter(|status| plain && (100..600).contains(status))
    };
    if let Some(class) = text.strip_suffix("xx").or_else(|| text.strip_suffix("XX")) {
        let first = status(&format!("{class}00"))?;
        return Some(first..=first + 99);
    }
    let (start, end) = text.split_once('-').unwrap_or((text, text));
    let (start, end) = (status(start.trim())?, status(end.trim())?);
    (start <= end).then_some(start..=end)
}

impl Default for StatusSet {
    fn default() -> Self {
        Self { ranges: vec![200..=399] }
    }
}

impl FromStr for StatusSet {
    type Err = InvalidStatusSet;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::of([text])
    }
}

impl fmt::Display for StatusSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, range) in self.ranges.iter().enumerate() {
            f.write_str(if index > 0 { ", " } else { "" })?;
            if range.start() == range.end() {
                write!(f, "{}", range.start())?;
            } else {
                write!(f, "{}-{}", range.start(), range.end())?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_codes_classes_and_ranges() {
        for (text, shown, within, without) in [
            ("200", "200", vec![200], vec![199, 201]),
            ("2xx", "200-299", vec![200, 299], vec![199, 300]),
            ("200-204, 3XX", "200-204, 300-399", vec![204, 399], vec![205, 400]),
        ] {
            let set: StatusSet = text.parse().unwrap();
            assert_eq!(set.to_string(), shown);
            assert!(within.into_iter().all(|status| set.contains(status)));
            assert!(!without.into_iter().any(|status| set.contains(status)));
        }
        for text in ["", "20", "2000", "xx", "6xx", "0xx", "299-200", "200-", "-200", "+20", "ok", "200;300", "2xx,"] {
            assert!(text.parse::<StatusSet>().is_err(), "{text}");
        }
        assert!(StatusSet::of([]).is_err());
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,12}") {
            let _ = text.parse::<StatusSet>();
        }
    }
}
