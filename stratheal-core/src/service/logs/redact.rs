//! Masking what must not be written.

use std::borrow::Cow;

use regex::bytes::Regex;

use crate::base::redact::{MASK, Secret};

/// Shorter texts are no secrets: masking each `1` would leave nothing to read.
const SHORTEST: usize = 4;
/// The longest secret for which a piece of a line is held back, so that it is not cut in two.
const LONGEST: usize = 4096;
/// Parts of names of variables that hold secrets.
const SOUNDS_SECRET: &[&str] = &["KEY", "TOKEN", "SECRET", "PASS", "CREDENTIAL", "DSN", "PRIVATE", "AUTH"];

/// User-info in a URL. The second form is a password with a `/`, `?` or `#` in it.
const USER_INFO: &str = r#"(?-u)://(?:[^\s"'<>/?#@]*|[^\s"'<>/?#@:]+:[^\s"'<>@]*)@"#;

/// Masks secrets.
///
/// ```
/// use stratheal_core::base::redact::Secret;
/// use stratheal_core::service::logs::Redactor;
/// let redactor = Redactor::new(&[Secret::new("hunter2".to_owned())], &["card [0-9]+".to_owned()]).unwrap();
/// let line = b"hunter2 paid with card 1234 at http://me:pw@shop/";
/// assert_eq!(redactor.redact(line).as_ref(), b"*** paid with *** at http://***@shop/");
/// ```
#[derive(Debug, Clone)]
pub struct Redactor {
    secrets: Option<Regex>,
    patterns: Vec<Regex>,
    user_info: Option<Regex>,
    longest: usize,
}

impl Redactor {
    /// A redactor for these secrets and regular expressions.
    ///
    /// # Errors
    /// What is wrong with an expression, or that they are too large together.
    pub fn new(secrets: &[Secret<String>], patterns: &[String]) -> Result<Self, regex::Error> {
        // A secret of several lines is looked for line by line, as it is printed.
        let texts = secrets.iter().flat_map(|secret| secret.expose().lines());
        let mut texts: Vec<&str> = texts.map(str::trim).filter(|text| text.len() >= SHORTEST).collect();
        // The longest first: one may begin as another does.
        texts.sort_unstable_by_key(|text| (std::cmp::Reverse(text.len()), *text));
        texts.dedup();
        let alternatives: Vec<String> = texts.iter().map(|text| regex::escape(text)).collect();
        Ok(Self {
            secrets: if texts.is_empty() { None } else { Some(Regex::new(&alternatives.join("|"))?) },
            patterns: patterns.iter().map(|pattern| Regex::new(pattern)).collect::<Result<_, _>>()?,
            user_info: Some(Regex::new(USER_INFO)?),
            longest: texts.first().map_or(0, |text| text.len().min(LONGEST)),
        })
    }

    /// The line without secrets.
    #[must_use]
    pub fn redact<'a>(&self, line: &'a [u8]) -> Cow<'a, [u8]> {
        let mut line = Cow::Borrowed(line);
        for expression in self.secrets.iter().chain(&self.patterns) {
            line = replaced(line, expression, MASK.as_bytes());
        }
        // Most lines hold no URL, and looking for two slashes is cheap.
        if let Some(user_info) = &self.user_info
            && line.contains(&b'@')
        {
            line = replaced(line, user_info, format!("://{MASK}@").as_bytes());
        }
        line
    }

    /// A text without secrets.
    pub(in crate::service) fn redact_text(&self, text: &str) -> String {
        String::from_utf8_lossy(&self.redact(text.as_bytes())).into_owned()
    }

    /// Where a line may be cut near `wanted` without cutting a secret in two.
    pub(super) fn cut_near(&self, line: &[u8], wanted: usize) -> usize {
        let found = self.secrets.iter().flat_map(|secrets| secrets.find_iter(line));
        found.take_while(|found| found.start() < wanted).map(|found| found.end()).fold(wanted, usize::max)
    }

    /// How many bytes beyond a cut have to be known.
    pub(super) const fn overlap(&self) -> usize {
        self.longest
    }
}

fn replaced<'a>(line: Cow<'a, [u8]>, expression: &Regex, by: &[u8]) -> Cow<'a, [u8]> {
    match expression.replace_all(&line, regex::bytes::NoExpand(by)) {
        Cow::Borrowed(_) => line,
        Cow::Owned(changed) => Cow::Owned(changed),
    }
}

/// Whether a value only switches something, as in `TOKENIZERS_PARALLELISM=false`: words that logs are full of, and no secret.
fn is_a_switch(value: &str) -> bool {
    ["", "0", "1", "true", "false", "yes", "no", "on", "off", "none"].contains(&value.to_ascii_lowercase().as_str())
}

/// What of a variable must not be written: its value if its name sounds so, and the password of a URL in it.
pub(in crate::service) fn secrets_of(name: &str, value: &Secret<String>) -> Vec<Secret<String>> {
    let upper = name.to_ascii_uppercase();
    let mut found = Vec::new();
    if SOUNDS_SECRET.iter().any(|part| upper.contains(part)) && !is_a_switch(value.expose()) {
        found.push(value.clone());
    }
    let authority = value.expose().split_once("://").map(|(_, rest)| rest);
    let user_info = authority.and_then(|rest| rest.rsplit_once('@')).map(|(user_info, _)| user_info);
    if let Some((_, password)) = user_info.and_then(|user_info| user_info.split_once(':')) {
        found.push(Secret::new(password.to_owned()));
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn redactor(secrets: &[&str]) -> Redactor {
        let secrets: Vec<_> = secrets.iter().map(|text| Secret::new((*text).to_owned())).collect();
        Redactor::new(&secrets, &[]).unwrap()
    }

    fn shown(redactor: &Redactor, line: &str) -> String {
        String::from_utf8_lossy(&redactor.redact(line.as_bytes())).into_owned()
    }

    #[test]
    fn secrets_are_masked() {
        let redactor = redactor(&["abcdef", "abcdefghi", "1", "first line\nsecond line", "a.c+"]);
        assert_eq!(shown(&redactor, "xabcdefghix abcdefx 1"), "x***x ***x 1");
        assert_eq!(shown(&redactor, "first line"), "***");
        assert_eq!(shown(&redactor, "a.c+ abc"), "*** abc");
        assert_eq!(
            shown(&redactor, "to postgres://me:p/w#@db/x and me@example"),
            "to postgres://***@db/x and me@example"
        );
    }

    #[test]
    fn a_secret_is_not_cut_in_two() {
        let redactor = redactor(&["topsecret"]);
        let line = [&[b'x'; 95][..], b"topsecret", &[b'y'; 50]].concat();
        assert_eq!(redactor.cut_near(&line, 100), 104);
        assert_eq!(redactor.cut_near(&line, 90), 90);
        assert_eq!(redactor.overlap(), 9);
    }

    #[test]
    fn variables_that_sound_secret_are() {
        let secrets = |name: &str, value: &str| -> Vec<String> {
            secrets_of(name, &Secret::new(value.to_owned())).iter().map(|secret| secret.expose().clone()).collect()
        };
        assert_eq!(secrets("API_TOKEN", "abc"), ["abc"]);
        assert_eq!(secrets("DATABASE_URL", "postgres://me:p@ss@db/x"), ["p@ss"]);
        assert!(secrets("PORT", "8080").is_empty() && secrets("HOME_URL", "http://example/").is_empty());
    }

    proptest! {
        #[test]
        fn never_panics(line in "\\PC{0,80}", near in "(http|://|@|:|/|[a-z]){0,30}", cut in 0_usize..100) {
            let redactor = redactor(&["secret", "http"]);
            for line in [line, near] {
                prop_assert!(!shown(&redactor, &line).contains("secret"));
                let _ = redactor.cut_near(line.as_bytes(), cut);
            }
        }
    }
}
