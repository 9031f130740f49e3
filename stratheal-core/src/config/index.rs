//! `[index]`: where packages come from.
//!
//! Only what is written is read here. Which index is used when nothing is written, and who is believed about what, is decided where
//! packages are fetched.

use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use super::field::{Field, Kind};
use super::node::Value;
use super::reader::{Reader, join};
use crate::base::redact::safe_url;

/// `[index]`: where packages come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexSettings {
    /// The index. Without one, the user's own tools are asked.
    pub url: Option<String>,
    /// Places with the same content.
    pub mirrors: Vec<MirrorSettings>,
    /// Whether a file of the index may never change its content under the same name.
    pub immutable: bool,
    /// Indexes with other content, in the order in which they are asked, all of them before the default one.
    pub sources: Vec<SourceSettings>,
    /// How long one page or file may take without any progress.
    pub deadline: Option<Duration>,
    /// Certificates that are believed beside those of the system.
    pub ca_file: Option<PathBuf>,
    /// Whether the `keyring` command is asked for credentials.
    pub keyring: bool,
    /// The folder of the cache.
    pub cache_dir: Option<PathBuf>,
    /// How much the cache may take on disk before the files used longest ago are dropped.
    pub max_size: Option<u64>,
}

impl Default for IndexSettings {
    fn default() -> Self {
        Self {
            url: None,
            mirrors: Vec::new(),
            immutable: true,
            sources: Vec::new(),
            deadline: None,
            ca_file: None,
            keyring: false,
            cache_dir: None,
            max_size: None,
        }
    }
}

/// A place with the same content as the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MirrorSettings {
    /// The URL of its simple API.
    pub url: String,
    /// Whether it is believed about nothing: it serves files whose hash is known from elsewhere.
    pub files_only: bool,
}

/// `[index.sources.NAME]`: an index with other content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceSettings {
    /// What the configuration calls it.
    pub name: String,
    /// The URL of its simple API.
    pub url: String,
    /// Places with the same content.
    pub mirrors: Vec<MirrorSettings>,
    /// Only projects whose normalised name matches one of these patterns.
    pub only: Vec<String>,
    /// Whether its files may never change their content under the same name.
    pub immutable: bool,
}

const TRUST: &[&str] = &["pages", "files"];

const MIRROR: &[Field] = &[
    Field::new("url", Kind::Text, "The URL of the mirror's simple API."),
    Field::new("trust", Kind::Choice(TRUST), "\"files\": serves only files whose hash is known; default \"pages\"."),
];

const SOURCE: &[Field] = &[
    Field::new("url", Kind::Text, "The URL of the index's simple API."),
    Field::new("mirrors", Kind::TextsOr(MIRROR), "Mirrors with the same content: URLs, or tables."),
    Field::new("only", Kind::Texts, "Only projects that match one of these patterns, such as \"torch*\"."),
    Field::new("immutable", Kind::Boolean, "Whether a file never changes under the same name; default true."),
];

pub(super) const INDEX: &[Field] = &[
    Field::new("url", Kind::Text, "The URL of the index's simple API; default: the index your pip or uv uses."),
    Field::new("mirrors", Kind::TextsOr(MIRROR), "Mirrors with the same content: URLs, or tables."),
    Field::new("immutable", Kind::Boolean, "Whether a file never changes under the same name; default true."),
    Field::new(
        "sources",
        Kind::Tables(SOURCE),
        "Indexes with other content, asked before this one: [index.sources.NAME].",
    ),
    Field::new(
        "deadline",
        Kind::Duration,
        "How long a page or file may take without progress; default \"2m\", in CI \"10m\".",
    ),
    Field::new("ca_file", Kind::Text, "A PEM file with certificates that are believed beside those of the system."),
    Field::new("keyring", Kind::Boolean, "Whether the `keyring` command is asked for credentials; default false."),
    Field::new("cache_dir", Kind::Text, "The folder of the cache; default: that of the user."),
    Field::new("max_size", Kind::Size, "How much the cache may take on disk; default: no limit."),
];

/// As many mirrors of one index as make any sense.
const MOST_MIRRORS: usize = 32;

/// The longest deadline.
const LONGEST: Duration = Duration::from_hours(24);

pub(super) fn read(reader: &mut Reader<'_, '_, '_>) -> IndexSettings {
    let url = url(reader, "url");
    let mirrors = mirrors(reader);
    if url.is_none() && !mirrors.is_empty() && !reader.has("url") {
        // Mirrors of "whatever pip uses" would be mirrors of another index on the next machine.
        reader.problem("mirrors", "are mirrors of which index? Write `url` beside it");
    }
    let deadline = reader.duration("deadline");
    if deadline.is_some_and(|deadline| deadline.is_zero() || deadline > LONGEST) {
        reader.problem("deadline", "must be more than nothing and at most 24h");
    }
    IndexSettings {
        url,
        mirrors,
        immutable: reader.boolean("immutable").unwrap_or(true),
        sources: reader.sections("sources", source).into_iter().flatten().collect(),
        deadline,
        ca_file: reader.path("ca_file"),
        keyring: reader.boolean("keyring").unwrap_or(false),
        cache_dir: reader.path("cache_dir"),
        max_size: reader.size("max_size"),
    }
}

fn source(name: &str, reader: &mut Reader<'_, '_, '_>) -> Option<SourceSettings> {
    let sound = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if name.is_empty() || name.len() > 64 || !name.bytes().all(sound) || name == "default" {
        reader
            .problem("", "cannot be the name of a source: 1 to 64 letters, digits, `-`, `_` or `.`, and not `default`");
    }
    reader.require("url");
    let url = url(reader, "url");
    let only = reader.texts("only").unwrap_or_default();
    for pattern in &only {
        if let Some(message) = wrong_pattern(pattern) {
            reader.problem("only", message);
        }
    }
    let mirrors = mirrors(reader);
    let immutable = reader.boolean("immutable").unwrap_or(true);
    Some(SourceSettings { name: name.to_owned(), url: url?, mirrors, only, immutable })
}

/// Patterns are compared with normalised names, so one that no such name can match would silently never apply.
fn wrong_pattern(pattern: &str) -> Option<String> {
    let normal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-*".contains(&byte);
    if !pattern.is_empty() && pattern.bytes().all(normal) {
        return None;
    }
    let near = pattern.to_lowercase().replace(['_', '.'], "-");
    let advice = if near != pattern && near.bytes().all(normal) && !near.is_empty() {
        format!(": write `{near}`")
    } else {
        ": write lower-case letters, digits and `-`, and `*` for any run of them".to_owned()
    };
    Some(format!("`{pattern}` matches no normalised project name{advice}"))
}

fn mirrors(reader: &mut Reader<'_, '_, '_>) -> Vec<MirrorSettings> {
    let read = |reader: &mut Reader<'_, '_, '_>| {
        reader.require("url");
        let files_only = reader.choice("trust", TRUST).is_some_and(|trust| trust == "files");
        url(reader, "url").map(|url| MirrorSettings { url, files_only })
    };
    let mirrors: Vec<_> = reader.items("mirrors", read).into_iter().flatten().collect();
    if mirrors.len() > MOST_MIRRORS {
        reader.problem("mirrors", format!("has {} mirrors, more than {MOST_MIRRORS}", mirrors.len()));
    }
    mirrors
}

fn url(reader: &mut Reader<'_, '_, '_>, key: &str) -> Option<String> {
    let text = reader.text(key)?;
    match wrong_url(&text) {
        None => Some(text),
        Some(message) => {
            reader.problem(key, message);
            None
        }
    }
}

fn wrong_url(text: &str) -> Option<String> {
    let shown = safe_url(text);
    let url = match Url::parse(text) {
        Ok(url) => url,
        Err(error) => {
            return Some(format!(
                "`{shown}` is not a URL ({error}): write for example \"https://packages.example.com/simple/\""
            ));
        }
    };
    if !matches!(url.scheme(), "https" | "http") || url.host().is_none() {
        return Some(format!("`{shown}` is not a URL that begins with https:// or http://"));
    }
    if url.password().is_some() {
        // This file is shown, shared and committed.
        return Some(
            "holds a password: leave it out here, and put it into ~/.netrc, a keyring or an environment variable"
                .to_owned(),
        );
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Some(format!("`{shown}` is not the URL of a simple API: it has a query or a fragment"));
    }
    None
}

impl<'b, 'text> Reader<'_, 'b, 'text> {
    /// Reads each item of a list: a table, or a text that stands for the first field. A single text counts as a list of one.
    fn items<T>(&mut self, key: &str, mut read: impl FnMut(&mut Reader<'_, 'b, 'text>) -> T) -> Vec<T> {
        let Some(entry) = self.entry(key) else { return Vec::new() };
        let Some(Kind::TextsOr(fields)) = self.kind(key) else { return Vec::new() };
        let nodes = match entry.node.value {
            Value::Array(items) => items,
            Value::Text(_) => vec![entry.node],
            _ => {
                self.wrong(key, &entry.node, "a list of texts or tables");
                return Vec::new();
            }
        };
        let path = join(&self.path, key);
        let mut found = Vec::with_capacity(nodes.len());
        for node in nodes {
            let table = match &node.value {
                Value::Table(table) => table.clone(),
                Value::Text(_) => super::reader::short(fields, &node),
                _ => {
                    let message = format!("holds {}, but must be a list of texts or tables", node.kind());
                    self.context.problems.add(&node.span, &path, message);
                    continue;
                }
            };
            found.push(read(&mut Reader::new(&mut *self.context, path.clone(), node.span.clone(), &table, fields)));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Lookup, Source, parse};
    use super::*;

    fn read(text: &str) -> Result<IndexSettings, String> {
        let lookup = Lookup { variable: &|_| None, cache: None };
        let source = Source { file: PathBuf::from("stratheal.toml"), text: text.to_owned() };
        parse(&source, None, &lookup).map(|config| config.index).map_err(|error| error.to_string())
    }

    #[test]
    fn a_whole_section_is_read_in_order() {
        let index = read(
            r#"
            [index]
            url = "https://packages.example.com/simple/"
            mirrors = ["https://a.example.com/simple", { url = "http://b.example.com/", trust = "files" }]
            deadline = "5m"
            keyring = true
            max_size = "10GiB"
            ca_file = "corporate.pem"
            [index.sources.zeta]
            url = "https://zeta.example.com/simple/"
            only = ["torch*", "nvidia-*"]
            mirrors = "https://zeta-mirror.example.com/simple/"
            [index.sources.alpha]
            url = "https://alpha.example.com/simple/"
            immutable = false
            "#,
        )
        .unwrap();
        assert_eq!(index.mirrors.iter().map(|mirror| mirror.files_only).collect::<Vec<_>>(), [false, true]);
        assert_eq!(index.sources.iter().map(|source| source.name.as_str()).collect::<Vec<_>>(), ["zeta", "alpha"]);
        assert_eq!((index.sources[0].only.len(), index.sources[0].mirrors.len()), (2, 1));
        assert_eq!((index.immutable, index.sources[1].immutable), (true, false));
        assert_eq!((index.deadline, index.max_size), (Some(Duration::from_mins(5)), Some(10 << 30)));
        assert!(index.keyring && index.ca_file.is_some_and(|file| file.ends_with("corporate.pem")));
    }

    #[test]
    fn each_mistake_says_what_to_do() {
        for (text, words) in [
            ("[index]\nmirors = []", "index.mirors: unknown key: did you mean `mirrors`?"),
            ("[index]\nurl = \"packages.example.com\"", "is not a URL"),
            ("[index]\nurl = \"ftp://h/\"", "begins with https://"),
            ("[index]\nurl = \"https://me:hunter2@h/\"", "index.url: holds a password"),
            ("[index]\nurl = \"https://h/?q=hunter2\"", "has a query"),
            ("[index]\nmirrors = [\"https://h/\"]", "mirrors of which index?"),
            ("[index]\nurl = \"https://h/\"\nmirrors = [{ url = \"https://m/\", trust = \"all\" }]", "pages, files"),
            ("[index]\nurl = \"https://h/\"\nmirrors = [{ trust = \"files\" }]", "`url` is missing"),
            ("[index]\nurl = \"https://h/\"\nmirrors = [5]", "holds a whole number"),
            ("[index]\nmirrors = 5", "a list of texts or tables"),
            ("[index]\ndeadline = \"0s\"", "more than nothing"),
            ("[index.sources.a]\nonly = \"x\"", "index.sources.a: `url` is missing"),
            ("[index.sources.a]\nurl = \"https://h/\"\nonly = \"My_Lib*\"", "write `my-lib*`"),
            ("[index.sources.a]\nurll = \"https://h/\"", "did you mean `url`?"),
            ("[index.sources.\"a b\"]\nurl = \"https://h/\"", "cannot be the name"),
            ("[index.sources]\na = 5", "must be a table"),
            ("[index]\nsources = []", "[index.sources.NAME]"),
        ] {
            let found = read(text).unwrap_err();
            assert!(found.contains(words), "{text}\n=> {found}");
            assert!(!found.contains("hunter2"), "{found}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,40}", near in "(https?://)?([a-z:@/?#*.]){0,20}") {
            for text in [text, near] {
                let _ = (wrong_url(&text), wrong_pattern(&text));
            }
        }
    }
}
