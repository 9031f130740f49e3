//! What was found, made into a chain.

use std::path::PathBuf;

use url::Url;

use super::finding::{Finding, Note, NoteKind, Role};
use crate::base::redact::{Secret, safe_url};
use crate::index::credentials::{Basic, Credentials};
use crate::index::surroundings::Surroundings;
use crate::index::{Chain, Member, Source, Trust};

/// Which indexes are asked, and everything else that was found on the way.
#[derive(Debug, Clone)]
pub struct Discovered {
    /// The sources in the order in which they are asked. Holds no credentials.
    pub chain: Chain,
    /// Where the default index was found.
    pub default_from: String,
    /// The credentials for the chain.
    pub credentials: Credentials,
    /// What tools are told about the network.
    pub network: NetworkHints,
    /// What became of each finding, in the order of their weight.
    pub notes: Vec<Note>,
    /// The indexes that the project names for poetry or pdm.
    pub project: Vec<ProjectIndex>,
}

/// An index that poetry or pdm ask because their project names it, whatever a variable says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectIndex {
    /// Where it is, without credentials and with a `/` at its end.
    pub url: Url,
    /// The file, and the table in it.
    pub from: String,
}

/// What the configuration of other tools says about the network. Somebody else decides what to do with it.
#[derive(Debug, Clone, Default)]
pub struct NetworkHints {
    /// Files with certificates that are to be trusted, the most important one first.
    pub certificates: Vec<PathBuf>,
    /// A proxy, with what it needs to be used.
    pub proxy: Option<Secret<String>>,
    /// Where in a file of pip a proxy is named. No empty variable takes that away, so pip asks it for whatever it wants.
    pub proxy_of_pip: Option<String>,
    /// Hosts (`host` or `host:port`) whose certificate is not to be checked.
    pub trusted_hosts: Vec<String>,
}

/// Which index is asked cannot be told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DiscoverError {
    /// No default index was found anywhere.
    #[error(
        "no package index was found in options, settings, environment or the files of pip and uv, and there is no pip whose default \
         could be taken: name one with `--index https://packages.example.com/simple/`, as `url` in the section [index] of \
         stratheal.toml, or in the variable PIP_INDEX_URL"
    )]
    NoIndex,
    /// The default index, or a mirror, is none that can be used. What weighs less is not taken instead: it may be the wrong one.
    #[error("`{what}` ({from}) cannot be used as an index: {why}")]
    Unusable {
        /// Where it was found.
        from: String,
        /// What it is, safe to show.
        what: String,
        /// Why not.
        why: &'static str,
    },
}

/// Collects a chain.
pub(super) struct Assembly<'s> {
    surroundings: &'s dyn Surroundings,
    explicit: Vec<Source>,
    extra: Vec<Source>,
    default: Option<(Source, String)>,
    last: Vec<Source>,
    credentials: Credentials,
    network: NetworkHints,
    notes: Vec<Note>,
    project: Vec<ProjectIndex>,
}

impl<'s> Assembly<'s> {
    pub(super) fn new(surroundings: &'s dyn Surroundings) -> Self {
        Self {
            surroundings,
            explicit: Vec::new(),
            extra: Vec::new(),
            default: None,
            last: Vec::new(),
            credentials: Credentials::default(),
            network: NetworkHints::default(),
            notes: Vec::new(),
            project: Vec::new(),
        }
    }

    /// Remembers what the project of poetry or pdm names, whatever becomes of it.
    pub(super) fn of_project(&mut self, found: &Finding) {
        if matches!(found.role, Role::Default | Role::Extra | Role::Last | Role::Explicit)
            && let Ok(mut url) = usable(found.text.expose())
        {
            // Neither fails for a URL with a host.
            if url.set_username("").is_ok() && url.set_password(None).is_ok() {
                self.project.push(ProjectIndex { url, from: found.from.clone() });
            }
        }
    }

    /// Remembers that pip reads a proxy from a file.
    pub(super) fn of_pip(&mut self, found: &Finding) {
        if found.role == Role::Proxy {
            self.network.proxy_of_pip = Some(found.from.clone());
        }
    }

    pub(super) const fn has_default(&self) -> bool {
        self.default.is_some()
    }

    pub(super) fn note(&mut self, note: Note) {
        self.notes.push(note);
    }

    pub(super) const fn credentials(&mut self) -> &mut Credentials {
        &mut self.credentials
    }

    /// Adds a finding. What was added before weighs more. `is_direct`: tools that read the place of the finding go there past
    /// everything that a variable can set.
    pub(super) fn add(&mut self, found: Finding, is_direct: bool) -> Result<(), DiscoverError> {
        match found.role {
            Role::Default => self.add_default(&found, is_direct)?,
            Role::Extra | Role::Last | Role::Explicit => self.add_source(&found, is_direct)?,
            Role::Certificate => self.network.certificates.push(found.text.expose().into()),
            Role::TrustedHost => self.network.trusted_hosts.push(found.text.expose().clone()),
            Role::Proxy => self.network.proxy = self.network.proxy.take().or(Some(found.text)),
            Role::FindLinks => self.note(found.note(
                NoteKind::Bypass,
                "links are no index: tools take files from there directly, unverified and uncached; serve them as an index to include them",
            )),
            Role::NoIndex => self.note(found.note(
                NoteKind::Bypass,
                "tools that read this ask no index at all, and so neither the chain; remove it to let them",
            )),
            Role::Direct => self.note(found.note(
                NoteKind::Bypass,
                "it is no file of an index: tools get it directly, without mirrors, retries or cache",
            )),
            Role::Damaged => self.note(found.note(NoteKind::Damaged, "it was passed over; what it says about indexes is not known")),
        }
        Ok(())
    }

    fn add_default(&mut self, found: &Finding, is_direct: bool) -> Result<(), DiscoverError> {
        let url = usable(found.text.expose()).map_err(|why| unusable(found, found.text.expose(), why))?;
        if let Some((default, from)) = &self.default {
            if !same(&default.members[0].url, &url) {
                let meaning = format!("the default index is already known from {from}");
                self.notes.push(found.note(if is_direct { NoteKind::Bypass } else { NoteKind::NotUsed }, meaning));
            }
            return Ok(());
        }
        let source = self.source(found, url, "default")?;
        self.default = Some((source, found.from.clone()));
        self.used(found, is_direct, "the default index");
        Ok(())
    }

    fn add_source(&mut self, found: &Finding, is_direct: bool) -> Result<(), DiscoverError> {
        if found.role == Role::Explicit && found.only.is_empty() {
            self.note(found.note(NoteKind::NotUsed, "it is only asked about projects that name it, and none does"));
            return Ok(());
        }
        let url = match usable(found.text.expose()) {
            Ok(url) => url,
            Err(why) => {
                self.note(found.note(NoteKind::Bypass, format!("{why}: tools that read this use it directly")));
                return Ok(());
            }
        };
        let known = self.explicit.iter().chain(&self.extra).chain(&self.last);
        let is_known = known.clone().any(|source| same(&source.members[0].url, &url) && source.only == found.only);
        if is_known {
            return Ok(());
        }
        let number = known.count() + 1;
        let source = self.source(found, url, &format!("extra-{number}"))?;
        let (list, meaning) = match found.role {
            Role::Explicit => (&mut self.explicit, "asked first about the projects that name it"),
            Role::Last => (&mut self.last, "asked after the default index"),
            _ => (&mut self.extra, "asked before the default index"),
        };
        list.push(source);
        self.used(found, is_direct, meaning);
        Ok(())
    }

    fn used(&mut self, found: &Finding, is_direct: bool, meaning: &str) {
        let note = if is_direct {
            let meaning =
                format!("{meaning}; but tools that read this file go there directly, past what variables set");
            found.note(NoteKind::Bypass, meaning)
        } else {
            found.note(NoteKind::Used, meaning)
        };
        self.notes.push(note);
    }

    fn source(&mut self, found: &Finding, url: Url, otherwise: &str) -> Result<Source, DiscoverError> {
        let mut members = vec![Member { url: self.credentials.take_from(url), trust: Trust::Pages }];
        for (mirror, trust) in &found.mirrors {
            let url = usable(mirror).map_err(|why| unusable(found, mirror, why))?;
            let url = self.credentials.take_from(url);
            if members.iter().all(|member| member.url != url) {
                members.push(Member { url, trust: *trust });
            }
        }
        let basic = found.basic.clone().or_else(|| found.name.as_deref().and_then(|name| self.of_variables(name)));
        if let Some(basic) = basic {
            self.credentials.insert(&members[0].url, basic);
        }
        let name = found.name.clone().filter(|name| self.is_free(name)).unwrap_or_else(|| otherwise.to_owned());
        Ok(Source { name, members, only: found.only.clone(), immutable: !found.is_mutable })
    }

    /// Whether a name can be that of a source: it goes into messages and into names of files.
    fn is_free(&self, name: &str) -> bool {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        let mut sources = self.explicit.iter().chain(&self.extra).chain(&self.last);
        let is_taken = name == "default" || name.starts_with("extra-") || sources.any(|source| source.name == name);
        (1..=64).contains(&name.len()) && name.bytes().all(plain) && !is_taken
    }

    /// What uv and poetry take from variables for an index with a name.
    fn of_variables(&self, name: &str) -> Option<Basic> {
        let name: String =
            name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect();
        ["UV_INDEX_", "POETRY_HTTP_BASIC_"].into_iter().find_map(|prefix| {
            let value = |what| self.surroundings.variable(&format!("{prefix}{name}_{what}"));
            let (user, password) = (value("USERNAME"), value("PASSWORD"));
            (user.is_some() || password.is_some()).then(|| Basic {
                user: Secret::new(user.unwrap_or_default()),
                password: Secret::new(password.unwrap_or_default()),
            })
        })
    }

    pub(super) fn finish(mut self) -> Result<Discovered, DiscoverError> {
        let (default, default_from) = self.default.take().ok_or(DiscoverError::NoIndex)?;
        // An extra index that is the default one, too, would be asked twice. One that is asked about a few projects only stays.
        let repeats = |source: &Source| same(&source.members[0].url, &default.members[0].url) && source.only.is_empty();
        self.extra.retain(|source| !repeats(source));
        self.last.retain(|source| !repeats(source));
        let sources = [self.explicit, self.extra, vec![default], self.last].concat();
        Ok(Discovered {
            chain: Chain { sources },
            default_from,
            credentials: self.credentials,
            network: self.network,
            notes: self.notes,
            project: self.project,
        })
    }
}

/// The base URL of a Simple API, with a `/` at its end.
fn usable(text: &str) -> Result<Url, &'static str> {
    if !text.contains("://") {
        return Err("it is no absolute URL");
    }
    let mut url = Url::parse(text).map_err(|_| "it is no valid URL")?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("only http and https can be asked");
    }
    url.set_fragment(None);
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    Ok(url)
}

fn unusable(found: &Finding, text: &str, why: &'static str) -> DiscoverError {
    DiscoverError::Unusable { from: found.from.clone(), what: safe_url(text), why }
}

/// Whether two URLs are the same place, whoever asks.
fn same(a: &Url, b: &Url) -> bool {
    a[url::Position::BeforeHost..] == b[url::Position::BeforeHost..] && a.scheme() == b.scheme()
}
