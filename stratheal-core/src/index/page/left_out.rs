//! Entries of a page that were left out, counted, with the reasons of the first ones.

use std::borrow::Cow;
use std::collections::HashMap;

use url::Url;

use super::safe_name::{UnsafeName, check_file_name};
use super::{IndexFile, PageContext};

/// How many entries are remembered with their reason. The others are only counted.
const REMEMBERED: usize = 20;

/// How many characters of a name are shown.
const SHOWN: usize = 80;

/// What was left out of a page.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LeftOut {
    /// How many entries.
    pub count: usize,
    /// The first ones: the name, escaped so that it can be shown, and the reason.
    pub first: Vec<(String, LeftOutReason)>,
}

/// Why an entry was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LeftOutReason {
    /// Its name or its URL is missing.
    #[error("it has no name or no URL")]
    Incomplete,
    /// Its name could do harm.
    #[error("its name {0}")]
    Name(UnsafeName),
    /// Its URL cannot be understood.
    #[error("its URL is not valid")]
    Url,
    /// Its URL is neither `http` nor `https`.
    #[error("its URL is neither http nor https")]
    Scheme,
    /// What should be its SHA-256 is none. Without it nobody could tell whether the right bytes arrive.
    #[error("its sha256 is not 64 hexadecimal digits")]
    Hash,
    /// One of its texts is longer than the limit.
    #[error("one of its texts is too long")]
    TooLong,
    /// It is listed twice with different content, and nothing says which one is meant.
    #[error("it is listed twice with different hashes")]
    Ambiguous,
}

impl LeftOut {
    pub(super) fn add(&mut self, name: &str, reason: LeftOutReason) {
        self.count += 1;
        if self.first.len() < REMEMBERED {
            self.first.push((shown(name), reason));
        }
    }
}

/// A hostile text as it may be shown.
pub(super) fn shown(text: &str) -> String {
    text.chars().take(SHOWN).flat_map(char::escape_default).collect()
}

/// The URL of an entry, absolute and without its fragment, which is handed back beside it.
pub(super) fn url_of(text: &str, base: &Url, limit: usize) -> Result<(Url, Option<String>), LeftOutReason> {
    if text.len() > limit {
        return Err(LeftOutReason::TooLong);
    }
    let mut url = base.join(text.trim()).map_err(|_| LeftOutReason::Url)?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(LeftOutReason::Scheme);
    }
    let fragment = url.fragment().map(str::to_owned);
    if fragment.is_some() {
        url.set_fragment(None);
    }
    Ok((url, fragment))
}

/// The name of an entry, once it has been found harmless.
pub(super) fn name_of(name: Cow<'_, str>) -> Result<String, LeftOutReason> {
    check_file_name(&name).map_err(LeftOutReason::Name)?;
    Ok(name.into_owned())
}

/// Drops what is listed twice: the same content once more is no news, different content leaves nothing to believe.
pub(super) fn without_doubles(files: Vec<IndexFile>, context: &PageContext, left_out: &mut LeftOut) -> Vec<IndexFile> {
    debug_assert!(files.len() <= context.limits.entries, "the readers count");
    let mut first: HashMap<&str, usize> = HashMap::with_capacity(files.len());
    // What happens to each file; nothing is moved while names are borrowed.
    let mut keep = vec![true; files.len()];
    let mut ambiguous = Vec::new();
    for (at, file) in files.iter().enumerate() {
        let Some(&before) = first.get(file.name.as_str()) else {
            first.insert(&file.name, at);
            continue;
        };
        match (files[before].hashes.sha256, file.hashes.sha256) {
            (Some(a), Some(b)) if a != b => {
                keep[before] = false;
                keep[at] = false;
                ambiguous.push(before);
            }
            // The one that can be verified.
            (None, Some(_)) if keep[before] => {
                keep[before] = false;
                first.insert(&file.name, at);
            }
            _ => keep[at] = false,
        }
    }
    if keep.iter().all(|&keep| keep) {
        return files;
    }
    ambiguous.sort_unstable();
    ambiguous.dedup();
    for at in ambiguous {
        left_out.add(&files[at].name, LeftOutReason::Ambiguous);
    }
    files.into_iter().zip(keep).filter_map(|(file, keep)| keep.then_some(file)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_is_escaped_and_cut() {
        assert_eq!(shown("a\u{202e}b\x1b[2J"), "a\\u{202e}b\\u{1b}[2J");
        assert_eq!(shown(&"x".repeat(500)).len(), SHOWN);
    }

    #[test]
    fn urls() {
        let base = Url::parse("https://index.example/simple/six/").unwrap();
        let url = |text: &str| url_of(text, &base, 100).map(|(url, fragment)| (url.to_string(), fragment));
        assert_eq!(
            url("../../f/a.whl#sha256=1"),
            Ok(("https://index.example/f/a.whl".into(), Some("sha256=1".into())))
        );
        assert_eq!(url("//files.example/a"), Ok(("https://files.example/a".into(), None)));
        assert_eq!(url("http://files.example/a#"), Ok(("http://files.example/a".into(), Some(String::new()))));
        for text in ["file:///etc/passwd", "javascript:alert(1)", "data:,x", "ftp://a/b"] {
            assert_eq!(url(text), Err(LeftOutReason::Scheme), "{text}");
        }
        assert_eq!(url("http://[::1"), Err(LeftOutReason::Url));
        assert_eq!(url(&"a".repeat(101)), Err(LeftOutReason::TooLong));
    }
}
