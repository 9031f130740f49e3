//! What the head of an answer is good for: which bytes follow, or why none of them may be used.
//!
//! Rules: RFC 9110, sections 13.1.5 (If-Range), 14.4 (Content-Range), 15.3.7 (206) and 15.5.17 (416).

use super::content_range::{self, ContentRange};

/// What was asked, and what is known.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Asked {
    /// The first byte that is wanted; `None` without a range.
    pub(super) start: Option<u64>,
    /// The byte after the last one that is wanted, if there is one.
    pub(super) end: Option<u64>,
    /// The size of the whole, as the index says or as an earlier answer said.
    pub(super) total: Option<u64>,
}

/// The parts of a head that matter here.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Head<'a> {
    pub(super) status: u16,
    pub(super) length: Option<u64>,
    pub(super) content_range: Option<&'a str>,
    pub(super) content_type: Option<&'a str>,
    pub(super) content_encoding: Option<&'a str>,
}

/// What to do with an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Use {
    /// The body begins with this byte and ends before that one, where it is known. `total` is the size of the whole, if it said.
    Body {
        /// The first byte.
        start: u64,
        /// The byte after the last one.
        end: Option<u64>,
        /// The size of the whole.
        total: Option<u64>,
    },
    /// It does not know ranges, and sends everything from the first byte on.
    WholeInstead {
        /// The size of the whole.
        total: Option<u64>,
    },
    /// It answers ranges wrongly: what was asked for must not be asked of it again in this way.
    NoRanges(String),
    /// It has another file: another size than the one that is known.
    OtherFile(String),
    /// There is nothing at or behind the byte that was asked for: the whole has this size, if it said.
    NothingThere(Option<u64>),
    /// A status that is no success.
    Status(u16),
}

/// Decides about an answer.
pub(super) fn judge(asked: &Asked, head: &Head<'_>) -> Use {
    match (head.status, asked.start) {
        (200 | 203, start) => judge_whole(asked, head, start.is_some_and(|start| start > 0)),
        (206, None) => Use::NoRanges("sent a part though the whole was asked for".to_owned()),
        (206, Some(start)) => judge_part(asked, head, start),
        (416, Some(_)) => match head.content_range.and_then(content_range::parse) {
            Some(ContentRange::Unsatisfied { total }) => Use::NothingThere(Some(total)),
            _ => Use::NothingThere(None),
        },
        (status, _) => Use::Status(status),
    }
}

fn judge_whole(asked: &Asked, head: &Head<'_>, was_for_a_part: bool) -> Use {
    if let Some(known) = asked.total
        && let Some(length) = head.length
        && length > known
    {
        return Use::OtherFile(format!("sends {length} bytes where {known} are expected"));
    }
    // Servers call a `.tar.gz` packed that is not, or rather is the file; but with another length it is another thing.
    let packed = head.content_encoding.map(str::trim).filter(|encoding| !encoding.is_empty());
    if let Some(packed) = packed.filter(|encoding| !encoding.eq_ignore_ascii_case("identity"))
        && asked.total.is_some()
        && asked.total != head.length
    {
        return Use::OtherFile(format!("packs the file as {}, though asked not to", shown(packed)));
    }
    // A body that is too short is used as far as it goes; the rest is asked for as after a cut.
    let total = asked.total.or(head.length);
    if was_for_a_part { Use::WholeInstead { total } } else { Use::Body { start: 0, end: head.length.or(total), total } }
}

fn judge_part(asked: &Asked, head: &Head<'_>, wanted: u64) -> Use {
    if head.content_type.is_some_and(|kind| kind.trim_start().to_ascii_lowercase().starts_with("multipart/")) {
        return Use::NoRanges("sent several parts where one was asked for".to_owned());
    }
    let Some(value) = head.content_range else {
        return Use::NoRanges("sent a part without saying which".to_owned());
    };
    let Some(ContentRange::Part { range, total }) = content_range::parse(value) else {
        return Use::NoRanges(format!("sent a part with an impossible range: {}", shown(value)));
    };
    if range.start != wanted {
        return Use::NoRanges(format!("sent bytes from {} on where {wanted} was asked for", range.start));
    }
    if let (Some(known), Some(total)) = (asked.total, total)
        && known != total
    {
        // Whether its file is another one is seen when all of it is asked for; that its ranges are of no use is certain.
        return Use::NoRanges(format!("has a file of {total} bytes where {known} are expected"));
    }
    let most = asked.end.or(asked.total);
    if most.is_some_and(|most| range.end > most) {
        return Use::NoRanges(format!("sent bytes up to {} where {} was asked for", range.end, most.unwrap_or(0)));
    }
    if head.length.is_some_and(|length| length != range.end - range.start) {
        return Use::NoRanges("sent a part whose length is not that of its range".to_owned());
    }
    Use::Body { start: wanted, end: Some(range.end), total: total.or(asked.total) }
}

/// What a server wrote, short and harmless on a terminal.
fn shown(text: &str) -> String {
    text.chars().take(60).map(|character| if character.is_control() { '?' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WHOLE: Asked = Asked { start: None, end: None, total: Some(100) };
    const REST: Asked = Asked { start: Some(40), end: None, total: Some(100) };
    const MIDDLE: Asked = Asked { start: Some(40), end: Some(60), total: Some(100) };

    fn head(status: u16, length: Option<u64>, content_range: Option<&str>) -> Head<'_> {
        Head { status, length, content_range, ..Head::default() }
    }

    #[test]
    fn what_may_be_used() {
        let body = |start, end, total| Use::Body { start, end, total };
        let unknown = Asked::default();
        for (asked, head, expected) in [
            (WHOLE, head(200, Some(100), None), body(0, Some(100), Some(100))),
            (WHOLE, head(200, None, None), body(0, Some(100), Some(100))),
            (WHOLE, head(200, Some(80), None), body(0, Some(80), Some(100))),
            (unknown, head(200, Some(80), None), body(0, Some(80), Some(80))),
            (unknown, head(200, None, None), body(0, None, None)),
            (REST, head(206, Some(60), Some("bytes 40-99/100")), body(40, Some(100), Some(100))),
            (REST, head(206, None, Some("bytes 40-99/*")), body(40, Some(100), Some(100))),
            (REST, head(206, None, Some("bytes 40-79/100")), body(40, Some(80), Some(100))),
            (MIDDLE, head(206, Some(20), Some("bytes 40-59/100")), body(40, Some(60), Some(100))),
            (REST, head(200, Some(100), None), Use::WholeInstead { total: Some(100) }),
            (REST, head(416, None, Some("bytes */40")), Use::NothingThere(Some(40))),
            (REST, head(416, None, None), Use::NothingThere(None)),
            (WHOLE, head(416, None, None), Use::Status(416)),
            (WHOLE, head(503, None, None), Use::Status(503)),
            (WHOLE, head(204, None, None), Use::Status(204)),
        ] {
            assert_eq!(judge(&asked, &head), expected, "{asked:?} {head:?}");
        }
        // The first byte of all is no part: a server without ranges gives the same.
        let from_zero = Asked { start: Some(0), ..WHOLE };
        assert_eq!(judge(&from_zero, &head(200, Some(100), None)), body(0, Some(100), Some(100)));
    }

    #[test]
    fn what_must_not_be_used() {
        for (asked, head, expected) in [
            (WHOLE, head(200, Some(101), None), "sends 101 bytes where 100 are expected"),
            (REST, head(206, None, Some("bytes 40-100/101")), "has a file of 101 bytes where 100 are expected"),
            (REST, head(206, None, None), "without saying which"),
            (REST, head(206, None, Some("bytes 39-99/100")), "from 39 on where 40"),
            (REST, head(206, None, Some("bytes x")), "impossible range: bytes x"),
            (REST, head(206, None, Some("bytes */100")), "impossible range"),
            (REST, head(206, Some(59), Some("bytes 40-99/100")), "length is not that of its range"),
            (MIDDLE, head(206, None, Some("bytes 40-99/100")), "up to 100 where 60"),
            (WHOLE, head(206, None, Some("bytes 0-99/100")), "though the whole was asked for"),
        ] {
            match judge(&asked, &head) {
                Use::OtherFile(why) | Use::NoRanges(why) => assert!(why.contains(expected), "{why}"),
                other => panic!("{asked:?} {head:?} gave {other:?}"),
            }
        }
        let several = Head { content_type: Some("multipart/byteranges; boundary=x"), ..head(206, None, None) };
        assert!(matches!(judge(&REST, &several), Use::NoRanges(_)));
        let packed = |length| Head { content_encoding: Some("gzip"), ..head(200, length, None) };
        assert!(matches!(judge(&WHOLE, &packed(Some(80))), Use::OtherFile(_)));
        assert!(matches!(judge(&WHOLE, &packed(None)), Use::OtherFile(_)));
        assert!(matches!(judge(&WHOLE, &packed(Some(100))), Use::Body { .. }));
    }

    proptest! {
        /// Whatever a server says, a body is only used at the place that was asked for and within the size that is known.
        #[test]
        fn a_judgement_never_panics_and_never_leads_astray(
            status in prop::sample::select(vec![200u16, 203, 204, 206, 416, 503]),
            length: Option<u64>,
            first in 0u64..120, last in 0u64..120, size in 0u64..120,
            start in prop::option::of(0u64..100),
        ) {
            let value = format!("bytes {first}-{last}/{size}");
            let asked = Asked { start, end: None, total: Some(100) };
            let found = judge(&asked, &head(status, length, Some(&value)));
            if let Use::Body { start: used, end, total } = found {
                prop_assert_eq!(used, start.unwrap_or(0));
                prop_assert!(end.is_some_and(|end| end <= 100) && total == Some(100));
            }
        }
    }
}
