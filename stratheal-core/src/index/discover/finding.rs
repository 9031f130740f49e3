//! What was found in one place, before it is decided what becomes of it.

use crate::base::redact::{Secret, safe_url};
use crate::index::Trust;
use crate::index::credentials::Basic;

/// What a tool would do with what was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// The default index.
    Default,
    /// An index that is asked before the default one.
    Extra,
    /// An index that is asked after the default one.
    Last,
    /// An index that is asked about the projects that name it, and no others.
    Explicit,
    /// A page or a folder with links.
    FindLinks,
    /// No index at all.
    NoIndex,
    /// A host whose certificate is not checked.
    TrustedHost,
    /// A file with certificates.
    Certificate,
    /// An HTTP proxy.
    Proxy,
    /// A file, a repository or a folder instead of an index.
    Direct,
    /// A file that cannot be read or understood.
    Damaged,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) role: Role,
    /// A URL, a path, or a host. May hold a password.
    pub(super) text: Secret<String>,
    /// Where it was found, for people.
    pub(super) from: String,
    pub(super) name: Option<String>,
    pub(super) only: Vec<String>,
    pub(super) basic: Option<Basic>,
    pub(super) mirrors: Vec<(String, Trust)>,
    pub(super) is_mutable: bool,
}

impl Finding {
    pub(super) fn new(role: Role, text: &str, from: &str) -> Self {
        Self {
            role,
            text: Secret::new(text.trim().to_owned()),
            from: from.to_owned(),
            name: None,
            only: Vec::new(),
            basic: None,
            mirrors: Vec::new(),
            is_mutable: false,
        }
    }

    pub(super) fn named(mut self, name: Option<&str>) -> Self {
        self.name = name.map(str::to_owned);
        self
    }

    pub(super) fn note(&self, kind: NoteKind, meaning: impl Into<String>) -> Note {
        Note { kind, from: self.from.clone(), what: safe_url(self.text.expose()), meaning: meaning.into() }
    }
}

/// Something a person should know about what was found.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Note {
    /// What became of it.
    pub kind: NoteKind,
    /// Where it was found.
    pub from: String,
    /// What it is, safe to show.
    pub what: String,
    /// What that means.
    pub meaning: String,
}

/// What became of something that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoteKind {
    /// It is part of the chain.
    Used,
    /// It is not used, because something else was said with more weight.
    NotUsed,
    /// Tools use it past the chain: what comes from there has none of the guarantees.
    Bypass,
    /// It could not be understood.
    Damaged,
}
