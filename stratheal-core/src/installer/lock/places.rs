//! Where the files of a lock are, and what they are called.

use crate::base::redact::Secret;
use crate::index::percent_decoded;

/// The last part of a path, or else of a URL.
pub(super) fn file_name(path: Option<&str>, url: Option<&Secret<String>>) -> Option<String> {
    let name = match (path, url) {
        // Locks written on Windows may have its separators.
        (Some(path), _) => path.rsplit(['/', '\\']).next().unwrap_or_default().to_owned(),
        (None, Some(url)) => {
            let place = url.expose().split(['?', '#']).next().unwrap_or_default();
            let place = place.split_once("://").map_or(place, |(_, rest)| rest);
            percent_decoded(place.rsplit_once('/').map_or("", |(_, name)| name)).into_owned()
        }
        (None, None) => return None,
    };
    (!name.is_empty()).then_some(name)
}

/// What is wrong with the path of a folder inside of a source tree.
pub(super) fn check_inside(path: &str) -> Result<(), &'static str> {
    let mut parts = path.split(['/', '\\']);
    if path.is_empty() || path.starts_with(['/', '\\']) || path.contains(':') || parts.any(|part| part == "..") {
        return Err("must be a path inside of the source tree");
    }
    check_text(path)
}

/// What is wrong with a path or a URL.
pub(super) fn check_text(text: &str) -> Result<(), &'static str> {
    if text.is_empty() {
        return Err("must not be empty");
    }
    if text.chars().any(char::is_control) {
        return Err("must not have control characters");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let url = |url: &str| file_name(None, Some(&Secret::new(url.to_owned())));
        for (place, expected) in [
            ("https://h.example/d/a%2B1.whl?x=/y#z/w", Some("a+1.whl")),
            ("https://h.example", None),
            ("https://h.example/", None),
            ("file:///d/a.whl", Some("a.whl")),
            ("", None),
        ] {
            assert_eq!(url(place).as_deref(), expected, "{place}");
        }
        assert_eq!(file_name(Some("..\\w/a.whl"), None).as_deref(), Some("a.whl"));
        assert_eq!(file_name(Some("w/"), None), None);
        for path in ["/a", "../a", "a/..", "a\\..\\b", "C:\\a", "", "a\n"] {
            assert!(check_inside(path).is_err(), "{path}");
        }
        assert_eq!(check_inside("a/b..c"), Ok(()));
    }
}
