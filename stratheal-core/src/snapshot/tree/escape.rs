//! Paths as text, whatever bytes they are made of.
//!
//! A backslash is doubled; a byte that belongs to no UTF-8 is a backslash, `x` and two digits.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

#[cfg(unix)]
pub(in crate::snapshot) fn escape(path: &Path) -> Cow<'_, str> {
    use std::fmt::Write;
    let bytes = path.as_os_str().as_encoded_bytes();
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains('\\') => Cow::Borrowed(text),
        _ => {
            let mut text = String::with_capacity(bytes.len() + 8);
            for chunk in bytes.utf8_chunks() {
                text.push_str(&chunk.valid().replace('\\', "\\\\"));
                for byte in chunk.invalid() {
                    // Writing into a string does not fail.
                    let _ = write!(text, "\\x{byte:02x}");
                }
            }
            Cow::Owned(text)
        }
    }
}

/// `None` when it is not what [`escape`] writes.
#[cfg(unix)]
pub(in crate::snapshot) fn unescape(text: &str) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStringExt;
    if !text.contains('\\') {
        return Some(PathBuf::from(text));
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        bytes.extend_from_slice(before.as_bytes());
        if let Some(after) = after.strip_prefix('\\') {
            bytes.push(b'\\');
            rest = after;
        } else {
            let after = after.strip_prefix('x')?;
            bytes.push(u8::from_str_radix(after.get(..2)?, 16).ok()?);
            rest = after.get(2..)?;
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    let path = PathBuf::from(std::ffi::OsString::from_vec(bytes));
    (escape(&path) == text).then_some(path)
}

#[cfg(not(unix))]
pub(in crate::snapshot) fn escape(path: &Path) -> Cow<'_, str> {
    Cow::Owned(path.to_string_lossy().replace('\\', "/"))
}

#[cfg(not(unix))]
pub(in crate::snapshot) fn unescape(text: &str) -> Option<PathBuf> {
    Some(PathBuf::from(text))
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::ffi::OsStringExt;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_path_comes_back(bytes: Vec<u8>, text in "[a-z\\\\x0-9é]{0,12}") {
            for path in [PathBuf::from(std::ffi::OsString::from_vec(bytes)), PathBuf::from(text)] {
                prop_assert_eq!(unescape(&escape(&path)), Some(path));
            }
        }

        #[test]
        fn never_panics_and_has_one_form(text in "[\\\\x0-9a-fé]{0,8}") {
            if let Some(path) = unescape(&text) {
                prop_assert_eq!(escape(&path), text);
            }
        }
    }
}
