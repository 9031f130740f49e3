//! `Content-Range`, as RFC 9110, section 14.4 has it.

use std::ops::Range;

/// What a `Content-Range` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ContentRange {
    /// These bytes follow, of so many if the server knows.
    Part {
        /// From the first byte up to the one after the last.
        range: Range<u64>,
        /// The size of the whole.
        total: Option<u64>,
    },
    /// What was asked for is not there; the whole has this size.
    Unsatisfied {
        /// The size of the whole.
        total: u64,
    },
}

/// Reads a value such as `bytes 0-99/1234`, `bytes 0-99/*` or `bytes */1234`. `None` for everything that is invalid: such an answer
/// must not be taken for the bytes that were asked for.
pub(super) fn parse(value: &str) -> Option<ContentRange> {
    let (unit, rest) = value.trim().split_once(' ')?;
    if !unit.eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (range, total) = rest.trim_start().split_once('/')?;
    if range == "*" {
        return Some(ContentRange::Unsatisfied { total: number(total)? });
    }
    let (first, last) = range.split_once('-')?;
    let (first, last) = (number(first)?, number(last)?);
    let total = if total == "*" { None } else { Some(number(total)?) };
    // A size that is not beyond the last byte is invalid, and so is the largest number: the byte after it has none.
    let end = last.checked_add(1)?;
    (first <= last && total.is_none_or(|total| end <= total)).then_some(ContentRange::Part { range: first..end, total })
}

/// Digits only: the standard parser takes a sign as well.
fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_valid_and_what_is_not() {
        let part = |range, total| Some(ContentRange::Part { range, total });
        for (value, expected) in [
            ("bytes 0-99/1234", part(0..100, Some(1234))),
            ("BYTES 5-5/6", part(5..6, Some(6))),
            ("bytes 5-9/*", part(5..10, None)),
            ("bytes */0", Some(ContentRange::Unsatisfied { total: 0 })),
            ("bytes */*", None),
            ("bytes 9-5/10", None),
            ("bytes 0-10/10", None),
            ("bytes +0-9/10", None),
            ("bytes -9/10", None),
            ("bytes 0-/10", None),
            ("bytes 0-9", None),
            ("bytes=0-9/10", None),
            ("items 0-9/10", None),
            ("bytes 0-18446744073709551615/*", None),
            ("bytes 0-9/18446744073709551616", None),
            ("", None),
        ] {
            assert_eq!(parse(value), expected, "{value}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,40}", near in "bytes [-*/0-9]{0,50}") {
            for value in [text, near] {
                if let Some(ContentRange::Part { range, total }) = parse(&value) {
                    prop_assert!(!range.is_empty() && total.is_none_or(|total| range.end <= total));
                }
            }
        }

        #[test]
        fn what_was_written_is_read(start in 0u64..1 << 40, length in 1u64..1 << 40, more in 0u64..9) {
            let (end, total) = (start + length, start + length + more);
            let value = format!("bytes {start}-{}/{total}", end - 1);
            prop_assert_eq!(parse(&value), Some(ContentRange::Part { range: start..end, total: Some(total) }));
        }
    }
}
