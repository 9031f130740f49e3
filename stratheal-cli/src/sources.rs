//! Which sources are used: options before configuration before what the user's own tools use.

use stratheal_core::base::redact::safe_url;
use stratheal_core::config::{IndexSettings, MirrorSettings};
use stratheal_core::doctor::Finding;
use stratheal_core::fetch::{Credentials, Login};
use stratheal_core::index::{Chain, Member, Source, Trust};
use url::{Origin, Url};

use crate::args::Packages;
use crate::failure::Failure;
use crate::fetching::Setup;

/// The name of the source that is asked last.
const DEFAULT: &str = "default";

/// The sources, and where they were found.
#[derive(Debug)]
pub(crate) struct Sources {
    /// In the order in which they are asked.
    pub(crate) chain: Chain,
    /// Who knows passwords.
    pub(crate) credentials: Credentials,
    /// Where the default index was found: an option, a file, a tool.
    pub(crate) found: String,
    /// What the user should know about how they were found.
    pub(crate) notes: Vec<String>,
    /// What is left out of the chain although something names it.
    pub(crate) bypasses: Vec<String>,
}

/// What a command line says about indexes by itself, which counts more than what is configured.
#[derive(Debug, Default)]
pub(crate) struct Named {
    /// Instead of the default index.
    pub(crate) index: Option<String>,
    /// Before the default index.
    pub(crate) extra: Vec<String>,
}

impl Sources {
    /// Finds the sources.
    pub(crate) fn find(setup: &Setup, packages: &Packages, named: &Named) -> Result<Self, Failure> {
        let settings = setup.index();
        let mut logins = Vec::new();
        let (url, found) = default_index(&settings, packages, named).ok_or_else(|| {
            Failure::Usage("no index is known: name one with --index, or `url` under [index]".to_owned())
        })?;
        let mut sources = Vec::new();
        for (at, url) in named.extra.iter().enumerate() {
            let name = format!("extra-{}", at + 1);
            sources.push(source(&name, url, &[], Vec::new(), true, &mut logins)?);
        }
        for extra in &settings.sources {
            let only = extra.only.clone();
            sources.push(source(&extra.name, &extra.url, &extra.mirrors, only, extra.immutable, &mut logins)?);
        }
        let mirrors = mirrors(&settings, packages, named);
        sources.push(source(DEFAULT, &url, &mirrors, Vec::new(), settings.immutable, &mut logins)?);
        let credentials = Credentials::new(move |url| known(&logins, url));
        Ok(Self { chain: Chain { sources }, credentials, found, notes: Vec::new(), bypasses: Vec::new() })
    }

    /// What a doctor says about them.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        let sources = self.chain.sources.iter().filter_map(|source| {
            let primary = source.members.first()?;
            let from = if source.name == DEFAULT { format!(", from {}", self.found) } else { String::new() };
            let mirrors = source.members.len() - 1;
            let what = format!("{}: {}{from}; {mirrors} mirrors", source.name, safe_url(primary.url.as_str()));
            Some(Finding::healthy("index", what).with("found", self.found.as_str()))
        });
        sources.collect()
    }
}

fn default_index(settings: &IndexSettings, packages: &Packages, named: &Named) -> Option<(String, String)> {
    let said = |url: &Option<String>, from: &str| url.clone().map(|url| (url, from.to_owned()));
    said(&named.index, "the command line")
        .or_else(|| said(&packages.index, "--index or STRATHEAL_INDEX"))
        .or_else(|| said(&settings.url, "the configuration"))
}

/// Mirrors belong to the index they were written beside: under another one they would be another index.
fn mirrors(settings: &IndexSettings, packages: &Packages, named: &Named) -> Vec<MirrorSettings> {
    if named.index.is_some() {
        return Vec::new();
    }
    let given = packages.mirror.iter().map(|url| MirrorSettings { url: url.clone(), files_only: false });
    let configured = if packages.index.is_none() { settings.mirrors.clone() } else { Vec::new() };
    given.chain(configured).collect()
}

type Logins = Vec<(Origin, Login)>;

fn source(
    name: &str,
    url: &str,
    mirrors: &[MirrorSettings],
    only: Vec<String>,
    immutable: bool,
    logins: &mut Logins,
) -> Result<Source, Failure> {
    let mut members = vec![Member { url: base(url, logins)?, trust: Trust::Pages }];
    for mirror in mirrors {
        let trust = if mirror.files_only { Trust::Files } else { Trust::Pages };
        members.push(Member { url: base(&mirror.url, logins)?, trust });
    }
    Ok(Source { name: name.to_owned(), members, only, immutable })
}

/// The base of a Simple API: with a slash at its end, and without the password, which goes to the logins.
fn base(text: &str, logins: &mut Logins) -> Result<Url, Failure> {
    let wrong = |why: &str| Failure::Usage(format!("`{}` is not the URL of an index: {why}", safe_url(text)));
    let mut url = Url::parse(text).map_err(|error| wrong(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(wrong("it must begin with https:// or http://"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("it has a query or a fragment"));
    }
    if let Some(login) = Login::of_url(&url) {
        logins.push((url.origin(), login));
        // Setting them fails only for URLs without a host, which were refused above.
        let _ = (url.set_username(""), url.set_password(None));
    }
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    Ok(url)
}

/// A host gets its own password and never that of another one.
fn known(logins: &Logins, url: &Url) -> Option<Login> {
    logins.iter().find(|(origin, _)| *origin == url.origin()).map(|(_, login)| login.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_leave_the_url_and_stay_with_their_host() {
        let mut logins = Vec::new();
        let url = base("https://me:p%40w@packages.example.com:8443/simple", &mut logins).unwrap();
        assert_eq!(url.as_str(), "https://packages.example.com:8443/simple/");
        let login = known(&logins, &url).unwrap();
        assert_eq!((login.user.as_str(), login.password.expose().as_str()), ("me", "p@w"));
        for other in ["https://packages.example.com/simple/", "http://packages.example.com:8443/", "https://h:8443/"] {
            assert_eq!(known(&logins, &other.parse().unwrap()), None, "{other}");
        }
        for wrong in ["packages", "ftp://h/", "https://h/?a=hunter2", "file:///x"] {
            let error = base(wrong, &mut logins).unwrap_err().to_string();
            assert!(error.contains("is not the URL of an index") && !error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn mirrors_stay_with_their_index() {
        let mirror = |url: &str| MirrorSettings { url: url.to_owned(), files_only: false };
        let settings = IndexSettings {
            url: Some("https://a/".to_owned()),
            mirrors: vec![mirror("https://b/")],
            ..IndexSettings::default()
        };
        let mut packages = Packages {
            index: None,
            mirror: vec!["https://c/".to_owned()],
            offline: false,
            cache_dir: None,
            python: None,
            deadline: None,
        };
        assert_eq!(mirrors(&settings, &packages, &Named::default()).len(), 2);
        packages.index = Some("https://other/".to_owned());
        assert_eq!(mirrors(&settings, &packages, &Named::default()), [mirror("https://c/")]);
        let named = Named { index: Some("https://x/".to_owned()), ..Named::default() };
        assert!(mirrors(&settings, &packages, &named).is_empty());
    }
}
