//! `Retry-After`: seconds or a date (RFC 9110, 10.2.3), in whatever shape servers send it.

use std::time::{Duration, UNIX_EPOCH};

use jiff::Timestamp;

/// Who asks for more than this has a broken clock, not a plan: it is as if nothing had been said.
const ABSURD: Duration = Duration::from_hours(1);

/// How long to wait, at most `longest`. `None` when the value says nothing that can be understood, or something absurd.
///
/// Dates come as IMF-fixdate, in the form of RFC 850 or of asctime. One that has passed, and a negative number, mean "now".
pub(crate) fn parse_retry_after(value: &str, now: Timestamp, longest: Duration) -> Option<Duration> {
    let value = value.trim();
    let digits = value.strip_prefix('-').unwrap_or(value);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !whole.is_empty() && all_digits(whole) && all_digits(fraction) {
        if value.starts_with('-') {
            return Some(Duration::ZERO);
        }
        // What does not fit is larger than any limit.
        return believed(Duration::from_secs(whole.parse().unwrap_or(u64::MAX)), longest);
    }
    let at = httpdate::parse_http_date(value).ok()?.duration_since(UNIX_EPOCH).ok()?;
    let now = Duration::from_millis(u64::try_from(now.as_millisecond()).unwrap_or(0));
    believed(at.saturating_sub(now), longest)
}

/// What is made of a plain length of time.
fn believed(wait: Duration, longest: Duration) -> Option<Duration> {
    (wait <= ABSURD).then(|| wait.min(longest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LONGEST: Duration = Duration::from_mins(1);

    #[test]
    fn both_forms_and_what_servers_make_of_them() {
        // Sun, 06 Nov 1994 08:49:00 GMT
        let now = Timestamp::from_second(784_111_740).unwrap();
        for (value, expected) in [
            ("5", Some(5)),
            (" 5 ", Some(5)),
            ("0", Some(0)),
            ("-7", Some(0)),
            ("1.5", Some(1)),
            ("3600", Some(60)),
            ("86400", None),
            ("99999999999999999999999999", None),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(37)),
            ("Sunday, 06-Nov-94 08:49:37 GMT", Some(37)),
            ("Sun Nov  6 08:49:37 1994", Some(37)),
            ("Sun, 06 Nov 1994 08:48:00 GMT", Some(0)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", None),
            ("", None),
            ("-", None),
            (".", None),
            ("soon", None),
            ("5 minutes", None),
        ] {
            let expected = expected.map(Duration::from_secs);
            assert_eq!(parse_retry_after(value, now, LONGEST), expected, "{value}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,40}", near in "[-0-9. ]{0,30}|[A-Z][a-z]{2}, [0-9 ]{2} Nov [0-9]{4} [0-9:]{8} GMT", now: i32) {
            let now = Timestamp::from_second(i64::from(now)).unwrap();
            for value in [text, near] {
                prop_assert!(parse_retry_after(&value, now, LONGEST).is_none_or(|wait| wait <= LONGEST));
            }
        }
    }
}
