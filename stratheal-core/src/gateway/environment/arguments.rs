//! What the arguments of pip and uv say about indexes and direct references.

use super::client::{Client, Invocation};
use super::finding::Bypass;
use super::plan::Given;
use crate::base::redact::safe_url;

/// Options that name an index, or a file with such options, with the name they are treated under.
const WITH_VALUE: &[(&str, Meaning)] = &[
    ("-i", Meaning::Default),
    ("--index-url", Meaning::Default),
    ("--pypi-url", Meaning::Default),
    ("--default-index", Meaning::Default),
    ("--extra-index-url", Meaning::Extra),
    ("--index", Meaning::Extra),
    ("-f", Meaning::FindLinks),
    ("--find-links", Meaning::FindLinks),
    ("-r", Meaning::Requirements),
    ("--requirement", Meaning::Requirements),
    ("--requirements", Meaning::Requirements),
    ("-c", Meaning::Requirements),
    ("--constraint", Meaning::Requirements),
    ("--constraints", Meaning::Requirements),
    ("--build-constraint", Meaning::Requirements),
    ("--build-constraints", Meaning::Requirements),
    ("--override", Meaning::Requirements),
    ("--overrides", Meaning::Requirements),
    ("--proxy", Meaning::Proxy),
    ("--cert", Meaning::Certificate),
    ("-e", Meaning::Reference),
    ("--editable", Meaning::Reference),
    ("--with", Meaning::Reference),
    ("--from", Meaning::Reference),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Default,
    Extra,
    FindLinks,
    Requirements,
    Proxy,
    Certificate,
    Reference,
}

/// What an invocation says, beside what it goes past the gateway with.
pub(super) fn read(invocation: &Invocation<'_>) -> (Given, Vec<Bypass>) {
    let (mut given, mut found) = (Given::default(), Vec::new());
    if !matches!(
        invocation.client,
        Client::Pip | Client::UvPip | Client::Uv | Client::UvTool | Client::Pipx | Client::Poetry | Client::Pdm
    ) {
        return (given, found);
    }
    // Short options mean something else elsewhere: `poetry -C`, `pdm -p`.
    let pip_like = matches!(invocation.client, Client::Pip | Client::UvPip | Client::Uv | Client::UvTool);
    let mut words = invocation.before.iter().chain(&invocation.arguments).copied();
    while let Some(word) = words.next() {
        if word == "--" && invocation.client == Client::Uv {
            // What follows is a command of its own, which inherits the environment.
            break;
        }
        let (option, mut value) = match word.split_once('=') {
            Some((option, value)) if option.starts_with("--") => (option, Some(value)),
            _ => (word, None),
        };
        let mut meaning = WITH_VALUE.iter().find(|(name, _)| *name == option).map(|(_, meaning)| *meaning);
        if meaning.is_none() && pip_like && word.starts_with('-') && !word.starts_with("--") && word.is_char_boundary(2)
        {
            (meaning, value) = short(word);
        }
        if !pip_like && !option.starts_with("--") {
            meaning = None;
        }
        match (meaning, option) {
            (Some(meaning), _) => {
                if let Some(value) = value.or_else(|| words.next()) {
                    take(meaning, option, value, &mut given, &mut found);
                }
            }
            (None, "--no-index") => given.no_index = true,
            (None, "--isolated" | "--no-env") if invocation.client == Client::Pip => given.ignores_variables = true,
            (None, "--offline") => given.offline = true,
            (None, "--report") if invocation.client == Client::Pip => {
                given.writes_urls = true;
                words.next();
            }
            (None, "--emit-index-url" | "--emit-find-links") => given.writes_urls = true,
            (None, "--format" | "-o" | "--output-file" | "--output") => {
                let value = value.or_else(|| words.next()).unwrap_or_default();
                given.writes_urls |= value.contains("pylock");
            }
            (None, _) if option == "--report" => given.writes_urls = true,
            (None, _) if word.starts_with('-') => {}
            (None, _) => take(Meaning::Reference, "", word, &mut given, &mut found),
        }
    }
    (given, found)
}

/// `-rfile`, `-ihttps://...`, and `-qr file`, where switches stand before the option with a value.
fn short(word: &str) -> (Option<Meaning>, Option<&str>) {
    /// Those of pip and uv that take no value.
    const SWITCHES: [char; 7] = ['q', 'v', 'h', 'V', 'U', 'I', 'n'];
    let letters = word[1..].trim_start_matches(SWITCHES);
    let Some(letter) = letters.chars().next() else { return (None, None) };
    let glued = &letters[letter.len_utf8()..];
    let known =
        WITH_VALUE.iter().find(|(name, _)| name.strip_prefix('-').is_some_and(|name| name.chars().eq([letter])));
    (known.map(|(_, meaning)| *meaning), known.and(Some(glued)).filter(|glued| !glued.is_empty()))
}

fn take(meaning: Meaning, option: &str, value: &str, given: &mut Given, found: &mut Vec<Bypass>) {
    match meaning {
        Meaning::Default => given.default_index = Some(value.to_owned()),
        Meaning::Extra => given.extra_indexes.push(value.to_owned()),
        Meaning::Requirements => {
            if is_lock(value) {
                given.keeps_urls = true;
                given.locks.push(value.into());
            } else {
                given.requirement_files.push(value.into());
            }
        }
        Meaning::FindLinks => found.push(on_command_line(
            format!("{option} {}", safe_url(value)),
            "files from there are not checked by the gateway; a local folder needs no network",
        )),
        Meaning::Proxy => {
            given.own_proxy = true;
            found.push(on_command_line(
                format!("{option} {}", safe_url(value)),
                "the client would ask that proxy for the gateway: leave it away, and set HTTPS_PROXY, which the gateway uses",
            ));
        }
        Meaning::Certificate => given.certificates = Some(value.into()),
        Meaning::Reference => {
            if is_lock(value) {
                given.keeps_urls = true;
                given.locks.push(value.into());
            }
            found.extend(reference(value));
        }
    }
}

/// Whether a file is a lock with URLs in it (PEP 751).
fn is_lock(path: &str) -> bool {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    name.strip_suffix(".toml").is_some_and(|name| name == "pylock" || name.starts_with("pylock."))
}

/// Whether a requirement names a place of its own.
fn reference(requirement: &str) -> Option<Bypass> {
    let (before, _) = requirement.split_once("://")?;
    // `name@URL` and `name @ URL`: the scheme is what stands behind the `@`.
    let scheme = before.rsplit(['@', ' ']).next().unwrap_or(before).to_ascii_lowercase();
    let version_control = ["git", "hg", "svn", "bzr"].iter().find(|name| scheme.starts_with(*name));
    let meaning = match version_control {
        Some(name) => format!("{name} fetches it itself: no mirror, no retry, no cache of the gateway"),
        None if matches!(&*scheme, "http" | "https") => {
            "fetched by the client itself: no index vouches for a direct URL; the proxy passes it on untouched"
                .to_owned()
        }
        None => return None,
    };
    Some(Bypass { what: safe_url(requirement), place: "the command line".to_owned(), meaning })
}

fn on_command_line(what: String, meaning: &str) -> Bypass {
    Bypass { what, place: "the command line".to_owned(), meaning: meaning.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use proptest::prelude::*;

    use super::super::client::recognise;
    use super::*;

    fn of(line: &str) -> (Given, Vec<Bypass>) {
        let argv: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
        read(&recognise(&argv))
    }

    #[test]
    fn indexes_and_files() {
        let (given, found) = of(
            "pip install -ihttps://a.example/simple --extra-index-url=https://b.example/ --extra-index-url https://c.example \
             -rone.txt -r two.txt --constraint=three.txt --no-index six",
        );
        assert_eq!(given.default_index.as_deref(), Some("https://a.example/simple"));
        assert_eq!(given.extra_indexes, ["https://b.example/", "https://c.example"]);
        assert_eq!(given.requirement_files, ["one.txt", "two.txt", "three.txt"].map(std::path::PathBuf::from));
        for line in
            ["pip install -qr r.txt", "pip install -qvUrr.txt", "uv pip install -nqr r.txt", "pip install -rr.txt"]
        {
            assert_eq!(of(line).0.requirement_files, [std::path::PathBuf::from("r.txt")], "{line}");
        }
        assert_eq!(of("pip install -t r.txt -qU -tr.txt").0, Given::default());
        assert!(given.no_index && !given.writes_urls && found.is_empty());
        assert!(of("pip --isolated install six").0.ignores_variables);
        assert!(of("pip install --report x.json six").0.writes_urls);
        assert!(of("pip install --report=x.json six").0.writes_urls);
        assert!(of("uv pip compile x -o pylock.toml").0.writes_urls);
        assert!(of("uv pip sync a/pylock.dev.toml").0.keeps_urls);
        assert_eq!(of("pip install --cert=ca.pem six").0.certificates, Some("ca.pem".into()));
        let locked = of("pip install -r a/pylock.toml -r r.txt").0;
        assert!(locked.keeps_urls);
        assert_eq!((locked.locks, locked.requirement_files), (vec!["a/pylock.toml".into()], vec!["r.txt".into()]));
        assert!(!of("pip install -r requirements.txt").0.keeps_urls);
        assert_eq!(
            of("uv add --default-index https://a.example six").0.default_index.as_deref(),
            Some("https://a.example")
        );
        assert_eq!(of("uv run -- pip install -i https://a.example").0.default_index, None);
    }

    #[test]
    fn direct_references() {
        for (argument, meaning) in [
            ("git+https://git.example/x", "git fetches it itself"),
            ("x@git+ssh://git@git.example/x", "git fetches it itself"),
            ("https://files.example/x.whl", "fetched by the client itself"),
            ("x@https://me:hunter2@files.example/x.whl", "fetched by the client itself"),
            ("--find-links=https://me:hunter2@files.example/", "not checked"),
            ("--proxy=http://me:hunter2@proxy.example:1", "would ask that proxy"),
        ] {
            let (_, found) = of(&format!("pip install {argument}"));
            assert_eq!(found.len(), 1, "{argument} {found:?}");
            assert!(found[0].meaning.contains(meaning), "{found:?}");
            assert!(!found[0].to_string().contains("hunter2"), "{found:?}");
        }
        for argument in ["six", "six==1.0", "./six", "six[a]>=1", "file:///x.whl", "-e ."] {
            assert_eq!(of(&format!("pip install {argument}")).1, [], "{argument}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(words in prop::collection::vec("(-i|-r|--report|--[a-z]{0,8}=?|\\PC{0,6}|[a-z]{0,3}@?git\\+[a-z]://@x)", 0..6)) {
            let mut argv = vec![OsString::from("pip"), "install".into()];
            argv.extend(words.into_iter().map(OsString::from));
            read(&recognise(&argv));
        }
    }
}
