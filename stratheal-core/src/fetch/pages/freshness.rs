//! How long a page may be used without asking again: `Cache-Control` (RFC 9111), within limits of our own.

use std::time::Duration;

/// The longest a page is used without asking: an index that says a year has not seen how fast projects release.
pub(super) const LONGEST: Duration = Duration::from_mins(10);
/// For a page about which the index says nothing. Short, because a release that was just uploaded must be found.
pub(super) const UNSAID: Duration = Duration::from_secs(10);
/// For "there is no such project".
pub(super) const MISSING: Duration = Duration::from_mins(1);

/// How long a page is fresh, after its `Cache-Control` and `Age`.
pub(super) fn fresh_for(cache_control: Option<&str>, age: Option<&str>) -> Duration {
    let Some(text) = cache_control else { return UNSAID };
    let mut longest = None;
    for directive in text.split(',') {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        match name.trim().to_ascii_lowercase().as_str() {
            "no-store" | "no-cache" => return Duration::ZERO,
            // What does not fit is larger than any limit; what is no number means "do not rely on it".
            "max-age" => {
                let value = value.trim().trim_matches('"');
                let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
                let seconds = if is_number { value.parse().unwrap_or(u64::MAX) } else { 0 };
                longest = Some(Duration::from_secs(seconds));
            }
            _ => {}
        }
    }
    let age = age.and_then(|age| age.trim().parse().ok()).map_or(Duration::ZERO, Duration::from_secs);
    longest.map_or(UNSAID, |longest| longest.saturating_sub(age).min(LONGEST))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_indexes_say() {
        for (cache_control, age, expected) in [
            (None, None, 10),
            (Some("public"), None, 10),
            (Some("max-age=600, public"), None, 600),
            (Some("public, Max-Age=300"), None, 300),
            (Some("max-age=600"), Some("550"), 50),
            (Some("max-age=600"), Some("999"), 0),
            (Some("max-age=600"), Some("x"), 600),
            (Some("max-age=31536000, immutable"), None, 600),
            (Some("max-age=99999999999999999999999"), None, 600),
            (Some("max-age=0"), None, 0),
            (Some("max-age=-1"), None, 0),
            (Some("max-age"), None, 0),
            (Some("no-cache"), None, 0),
            (Some("max-age=600, no-store"), None, 0),
        ] {
            assert_eq!(fresh_for(cache_control, age).as_secs(), expected, "{cache_control:?} {age:?}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,30}", near in "(max-age|no-cache|,|=| |\"|[0-9]{0,25}){0,8}", age in "[-0-9]{0,25}") {
            for text in [text, near] {
                prop_assert!(fresh_for(Some(&text), Some(&age)) <= LONGEST);
            }
        }
    }
}
