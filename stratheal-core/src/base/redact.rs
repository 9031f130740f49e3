//! Keeping secrets out of whatever a person or a log can read.

use std::fmt;
use std::sync::LazyLock;

use regex::{Captures, Regex};
use serde::{Serialize, Serializer};

/// What stands where a secret stood.
pub const MASK: &str = "***";

/// A value that prints as `***`.
///
/// ```
/// use stratheal_core::base::redact::Secret;
/// let token = Secret::new("hunter2".to_owned());
/// assert_eq!(format!("{token:?} {token}"), "*** ***");
/// assert_eq!(token.expose(), "hunter2");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    /// Wraps a value.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself; the name makes every use easy to find in a review.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl<T> fmt::Display for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl<T> Serialize for Secret<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(MASK)
    }
}

/// Where the authority ends: at the first `/`, `?` or `#`. But a password with a `/` in it is no rarity, so where what stands
/// before that is neither a host nor a host and a port, it goes on to the `@` that ends the user-info.
fn end_of_authority(rest: &str) -> usize {
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let odd_port = |port: &str| !port.bytes().all(|byte| byte.is_ascii_digit());
    let is_odd = !rest[..end].contains('@')
        && rest[..end].rsplit_once(':').is_some_and(|(host, port)| !host.starts_with('[') && odd_port(port));
    let user_info = rest[end..].find('@').filter(|_| is_odd);
    user_info.map_or(end, |at| {
        let host = end + at;
        rest[host..].find(['/', '?', '#']).map_or(rest.len(), |length| host + length)
    })
}

/// A URL as it may be shown: user-info and the values of its query are masked.
///
/// Works on any text, because what is not a valid URL may hold a password all the same.
///
/// ```
/// use stratheal_core::base::redact::safe_url;
/// assert_eq!(safe_url("http://me:pw@host/p?token=x&v"), "http://***@host/p?token=***&v");
/// assert_eq!(safe_url("http://me:p/w@host/p"), "http://***@host/p");
/// assert_eq!(safe_url("http://host:80/@scope/name"), "http://host:80/@scope/name");
/// ```
#[must_use]
pub fn safe_url(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").map_or(("", url), |(s, r)| (s, r));
    let end = end_of_authority(rest);
    let (authority, tail) = rest.split_at(end);
    let mut safe = String::with_capacity(url.len());
    if !scheme.is_empty() {
        safe.push_str(scheme);
        safe.push_str("://");
    }
    match authority.rsplit_once('@') {
        Some((_, host)) => {
            safe.push_str(MASK);
            safe.push('@');
            safe.push_str(host);
        }
        None => safe.push_str(authority),
    }
    let (tail, fragment) = tail.split_once('#').map_or((tail, None), |(t, _)| (t, Some(MASK)));
    let (path, query) = tail.split_once('?').map_or((tail, None), |(p, q)| (p, Some(q)));
    safe.push_str(path);
    if let Some(query) = query {
        safe.push('?');
        for (index, pair) in query.split('&').enumerate() {
            if index > 0 {
                safe.push('&');
            }
            match pair.split_once('=') {
                Some((key, _)) => {
                    safe.push_str(key);
                    safe.push('=');
                    safe.push_str(MASK);
                }
                None => safe.push_str(pair),
            }
        }
    }
    if let Some(fragment) = fragment {
        safe.push('#');
        safe.push_str(fragment);
    }
    safe
}

/// A text as it may be shown: every URL in it as [`safe_url`] has it, and what stands behind a word such as `password=` masked.
///
/// It is the last fence and no guarantee: what is secret is best not put into texts at all.
///
/// ```
/// use stratheal_core::base::redact::safe_text;
/// assert_eq!(safe_text("get 'http://me:pw@host/p?k=v' failed"), "get 'http://***@host/p?k=***' failed");
/// assert_eq!(safe_text("DB_PASSWORD=hunter2 Authorization: Bearer abc"), "DB_PASSWORD=*** Authorization: Bearer ***");
/// ```
#[must_use]
pub fn safe_text(text: &str) -> String {
    static URL: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r#"[A-Za-z][A-Za-z0-9+.-]*://[^\s"'<>`]+"#).expect("invariant: the expression is valid")
    });
    static NAMED: LazyLock<Regex> = LazyLock::new(|| {
        let named = r#"(?i)([\w-]*(?:password|passwd|secret|token|api[_-]?key|authorization)["']?\s*[=:]\s*["']?(?:bearer\s+|basic\s+)?)[^\s"'&,;]+"#;
        Regex::new(named).expect("invariant: the expression is valid")
    });
    let without_urls = URL.replace_all(text, |found: &Captures<'_>| safe_url(&found[0]));
    NAMED.replace_all(&without_urls, |found: &Captures<'_>| format!("{}{MASK}", &found[1])).into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,60}", near in "([a-z]{0,5}(://|:|//))?([a-z:@/?#&=%]){0,20}") {
            let _ = (safe_url(&text), safe_url(&near), safe_text(&text), safe_text(&near));
        }

        #[test]
        fn a_password_does_not_survive(password in "[A-Z]{6,12}", host in "[a-z]{1,8}", path in "(/[a-z@]{0,5}){0,3}") {
            let url = format!("http://user:{password}@{host}{path}?token={password}#{password}");
            prop_assert!(!safe_url(&url).contains(&password), "{}", safe_url(&url));
            let text = safe_text(&format!("cannot get {url}, my_token: \"{password}\""));
            prop_assert!(!text.contains(&password), "{text}");
        }
    }
}
