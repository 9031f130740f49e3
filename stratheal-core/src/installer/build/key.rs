//! What a build depends on.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Buildable, Source};
use crate::installer::prepare::FileSource;
use crate::installer::python::{Compatibility, Interpreter};
use crate::objects::ContentId;

#[derive(Serialize)]
struct Key<'a> {
    format: u32,
    source: Made<'a>,
    /// The best tag of the interpreter: another interpreter, platform or C library is another wheel.
    tag: Option<&'a (String, String, String)>,
    settings: &'a BTreeMap<String, Vec<String>>,
}

#[derive(Serialize)]
enum Made<'a> {
    Archive(String, Option<&'a str>),
    Repository(&'a str, &'a str, Option<&'a str>),
    Folder(String, bool),
}

/// The key of a build. `fingerprint` is that of its folder. `None` when it depends on what nobody can tell.
pub(super) fn key(
    buildable: &Buildable,
    fingerprint: Option<ContentId>,
    interpreter: &Interpreter,
) -> Option<ContentId> {
    let source = match &buildable.source {
        Source::Archive { file, subdirectory, .. } => {
            let id = match file {
                FileSource::Index(request) => request.file.hashes.sha256?,
                FileSource::Store(pack) => pack.id(),
            };
            Made::Archive(id.to_string(), subdirectory.as_deref())
        }
        Source::Repository(vcs) => {
            // Not every kind of repository has commits that are told apart by their content.
            let place = vcs.url.as_ref().map(|url| url.expose().as_str()).or(vcs.path.as_deref()).unwrap_or_default();
            Made::Repository(place, &vcs.commit_id, vcs.subdirectory.as_deref())
        }
        Source::Folder { is_editable, .. } => Made::Folder(fingerprint?.to_string(), *is_editable),
    };
    let accepts = Compatibility::of(interpreter);
    let key = Key { format: 1, source, tag: accepts.tags().first(), settings: buildable.config_settings() };
    Some(ContentId::of(&serde_json::to_vec(&key).ok()?))
}
