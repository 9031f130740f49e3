//! Which bytes of a file are asked for.
//!
//! RFC 9110 section 14. One range only: several at once are answered with the whole file, which the RFC allows and which no installer
//! ever asks for.

/// What to answer to a `Range` header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The whole file, status 200.
    Whole,
    /// `length` bytes from `start` on, status 206. Neither is out of the file, and `length` is not 0.
    Part {
        /// The first byte.
        start: u64,
        /// How many.
        length: u64,
    },
    /// Nothing of what is asked for is in the file: status 416.
    OutOfRange,
}

/// Decides what a request wants of a file of `size` bytes whose entity tag is `tag` (with its quotes).
///
/// A header that cannot be read is ignored, as the RFC says, and so is one whose `If-Range` names another file: a client that
/// continues something else must get all of it.
pub(super) fn wanted(range: Option<&str>, if_range: Option<&str>, tag: &str, size: u64) -> Wanted {
    let Some(range) = range else { return Wanted::Whole };
    // Dates are not given out, so one that is asked for is not of this file; weak tags never match here.
    if if_range.is_some_and(|known| known.trim() != tag) {
        return Wanted::Whole;
    }
    let Some((start, end)) = parse(range) else { return Wanted::Whole };
    match (start, end) {
        (Some(start), _) if start >= size => Wanted::OutOfRange,
        (Some(start), end) => {
            let last = end.unwrap_or(u64::MAX).min(size - 1);
            Wanted::Part { start, length: last - start + 1 }
        }
        (None, Some(0)) => Wanted::OutOfRange,
        (None, _) if size == 0 => Wanted::OutOfRange,
        (None, last) => {
            let length = last.unwrap_or(size).min(size);
            Wanted::Part { start: size - length, length }
        }
    }
}

/// Reads one range: first and last byte. Without the first one, the second is a count from the end.
fn parse(range: &str) -> Option<(Option<u64>, Option<u64>)> {
    let (unit, range) = range.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (first, last) = range.trim().split_once('-')?;
    let number = |text: &str| -> Option<Option<u64>> {
        if text.is_empty() {
            return Some(None);
        }
        // `parse` takes a sign, the RFC does not. A number beyond 64 bits is one beyond every file.
        let digits = text.bytes().all(|byte| byte.is_ascii_digit()) && text.len() <= 40;
        digits.then(|| Some(text.parse().unwrap_or(u64::MAX)))
    };
    let (first, last) = (number(first.trim())?, number(last.trim())?);
    match (first, last) {
        (None, None) => None,
        (Some(first), Some(last)) if last < first => None,
        both => Some(both),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn part(start: u64, length: u64) -> Wanted {
        Wanted::Part { start, length }
    }

    #[test]
    fn one_range_of_ten_bytes() {
        for (range, expected) in [
            ("bytes=0-", part(0, 10)),
            ("bytes=3-", part(3, 7)),
            ("bytes=3-4", part(3, 2)),
            ("bytes=3-99", part(3, 7)),
            ("Bytes = 3 - 4", part(3, 2)),
            ("bytes=9-9", part(9, 1)),
            ("bytes=10-", Wanted::OutOfRange),
            ("bytes=10-11", Wanted::OutOfRange),
            ("bytes=99999999999999999999999-", Wanted::OutOfRange),
            ("bytes=-3", part(7, 3)),
            ("bytes=-99", part(0, 10)),
            ("bytes=-0", Wanted::OutOfRange),
            ("bytes=4-3", Wanted::Whole),
            ("bytes=0-1,3-4", Wanted::Whole),
            ("bytes=-", Wanted::Whole),
            ("bytes=+1-2", Wanted::Whole),
            ("items=0-1", Wanted::Whole),
            ("bytes", Wanted::Whole),
        ] {
            assert_eq!(wanted(Some(range), None, "\"t\"", 10), expected, "{range}");
        }
        assert_eq!(wanted(None, None, "\"t\"", 10), Wanted::Whole);
        for range in ["bytes=0-", "bytes=-1"] {
            assert_eq!(wanted(Some(range), None, "\"t\"", 0), Wanted::OutOfRange);
        }
    }

    #[test]
    fn continues_only_the_same_file() {
        for (tag, expected) in
            [("\"t\"", part(3, 7)), ("\"u\"", Wanted::Whole), ("W/\"t\"", Wanted::Whole), ("Sat, 1 Jan", Wanted::Whole)]
        {
            assert_eq!(wanted(Some("bytes=3-"), Some(tag), "\"t\"", 10), expected, "{tag}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,30}", near in "bytes=[0-9]{0,20}-[0-9]{0,20}", size: u64) {
            for range in [text, near] {
                if let Wanted::Part { start, length } = wanted(Some(&range), None, "", size) {
                    prop_assert!(length > 0 && start.checked_add(length).is_some_and(|end| end <= size));
                }
            }
        }
    }
}
