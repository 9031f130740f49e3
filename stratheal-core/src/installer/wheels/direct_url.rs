//! `direct_url.json`: where something came from when that is no index ("Direct URL Data Structure").

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::base::redact::Secret;
use crate::index::Hashes;
use crate::installer::lock::{LockedArchive, LockedDirectory, LockedSource, LockedVcs};

/// An archive. `folder` is where paths begin.
pub(super) fn of_archive(archive: &LockedArchive, folder: &Path) -> Value {
    let url = match (&archive.path, &archive.url) {
        (Some(path), _) => of_path(&folder.join(path)),
        (None, url) => url.as_ref().map(|url| without_password(url.expose())).unwrap_or_default(),
    };
    let mut hashes: Map<String, Value> =
        archive.hashes.others.iter().map(|(name, hex)| (name.clone(), json!(hex))).collect();
    hashes.extend(archive.hashes.sha256.map(|id| ("sha256".to_owned(), json!(id.to_string()))));
    with_subdirectory(json!({ "url": url, "archive_info": { "hashes": hashes } }), archive.subdirectory.as_ref())
}

/// A repository.
pub(super) fn of_repository(vcs: &LockedVcs) -> Value {
    let url = match (&vcs.path, &vcs.url) {
        (Some(path), _) => of_path(Path::new(path)),
        (None, url) => url.as_ref().map(|url| without_password(url.expose())).unwrap_or_default(),
    };
    let mut info = json!({ "vcs": vcs.kind, "commit_id": vcs.commit_id });
    if let Some(revision) = &vcs.requested_revision {
        info["requested_revision"] = json!(revision);
    }
    with_subdirectory(json!({ "url": url, "vcs_info": info }), vcs.subdirectory.as_ref())
}

/// A folder.
pub(super) fn of_folder(path: &Path, is_editable: bool) -> Value {
    let info = if is_editable { json!({ "editable": true }) } else { json!({}) };
    json!({ "url": of_path(path), "dir_info": info })
}

/// Where something can be had again that was installed from there. `None` when it does not say so, or says it in a way that cannot be
/// checked: an archive without a hash, a repository without a commit.
pub(super) fn source(direct_url: &Value) -> Option<LockedSource> {
    let url = direct_url["url"].as_str()?;
    let path = url::Url::parse(url).ok()?.to_file_path().ok().and_then(|path| Some(path.to_str()?.to_owned()));
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let subdirectory = text(&direct_url["subdirectory"]);
    if let Value::Object(info) = &direct_url["dir_info"] {
        let is_editable = info.get("editable").is_some_and(|editable| *editable == Value::Bool(true));
        return Some(LockedSource::Directory(LockedDirectory { path: path?, is_editable, subdirectory }));
    }
    let url = path.is_none().then(|| Secret::new(url.to_owned()));
    if let Value::Object(info) = &direct_url["vcs_info"] {
        let requested_revision = info.get("requested_revision").and_then(text);
        let (kind, commit_id) = (text(info.get("vcs")?)?, text(info.get("commit_id")?)?);
        let vcs = LockedVcs { kind, url, path, requested_revision, commit_id, subdirectory };
        return Some(LockedSource::Vcs(vcs));
    }
    let info = &direct_url["archive_info"];
    let mut said: BTreeMap<String, String> = serde_json::from_value(info["hashes"].clone()).unwrap_or_default();
    // What was written before `hashes` were many.
    said.extend(info["hash"].as_str().and_then(|hash| hash.split_once('=')).map(|(a, b)| (a.to_owned(), b.to_owned())));
    let sha256 = said.remove("sha256").and_then(|hex| hex.parse().ok());
    let hashes = Hashes { sha256, others: said };
    if hashes.sha256.is_none() && hashes.others.is_empty() {
        return None;
    }
    Some(LockedSource::Archive(LockedArchive { url, path, size: None, upload_time: None, hashes, subdirectory }))
}

fn with_subdirectory(mut direct_url: Value, subdirectory: Option<&String>) -> Value {
    if let Some(subdirectory) = subdirectory {
        direct_url["subdirectory"] = json!(subdirectory);
    }
    direct_url
}

fn of_path(path: &Path) -> String {
    url::Url::from_file_path(path).map(String::from).unwrap_or_default()
}

/// No password belongs into an environment. The user name of `ssh` is none.
fn without_password(url: &str) -> String {
    let Ok(mut url) = url::Url::parse(url) else { return String::new() };
    // Neither can fail for a URL with a host, and one without has neither.
    let _ = url.set_password(None);
    if !url.scheme().ends_with("ssh") {
        let _ = url.set_username("");
    }
    url.set_fragment(None);
    url.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_gets_into_an_environment() {
        for (url, expected) in [
            ("https://user:secret@h.example/a.whl#sha256=0", "https://h.example/a.whl"),
            ("https://token@h.example/r", "https://h.example/r"),
            ("ssh://git@h.example/r", "ssh://git@h.example/r"),
            ("file:///srv/r", "file:///srv/r"),
        ] {
            assert_eq!(without_password(url), expected);
        }
        assert_eq!(of_folder(Path::new("/srv/a b"), true)["url"], "file:///srv/a%20b");
        assert_eq!(of_folder(Path::new("/srv/a"), false).to_string(), r#"{"dir_info":{},"url":"file:///srv/a"}"#);
    }

    #[test]
    fn what_was_written_leads_back_to_where_it_came_from() {
        let hex = "a".repeat(64);
        for written in [
            json!({ "url": "file:///srv/a", "dir_info": { "editable": true } }),
            json!({ "url": "file:///srv/a", "dir_info": {} }),
            json!({ "url": "https://h.example/r", "vcs_info": { "vcs": "git", "commit_id": "abc" } }),
            json!({ "url": "file:///srv/r", "vcs_info": { "vcs": "git", "commit_id": "abc", "requested_revision": "b" },
                    "subdirectory": "s" }),
            json!({ "url": "https://h.example/a.whl", "archive_info": { "hashes": { "sha256": hex } } }),
            json!({ "url": "file:///srv/a.zip", "archive_info": { "hashes": { "sha512": "b" } }, "subdirectory": "s" }),
        ] {
            let again = match source(&written).unwrap() {
                LockedSource::Directory(found) => of_folder(Path::new(&found.path), found.is_editable),
                LockedSource::Vcs(found) => of_repository(&found),
                LockedSource::Archive(found) => of_archive(&found, Path::new("/")),
                LockedSource::Files { .. } => unreachable!(),
            };
            assert_eq!(again, written);
        }
        let old = json!({ "url": "https://h.example/a.whl", "archive_info": { "hash": format!("sha256={hex}") } });
        assert!(matches!(source(&old), Some(LockedSource::Archive(found)) if found.hashes.sha256.is_some()));
        for unusable in [
            json!({}),
            json!({ "url": 1 }),
            json!({ "url": "nonsense", "dir_info": {} }),
            json!({ "url": "https://h.example/a", "dir_info": {} }),
            json!({ "url": "https://h.example/a.whl", "archive_info": {} }),
            json!({ "url": "https://h.example/r", "vcs_info": { "vcs": "git" } }),
        ] {
            assert_eq!(source(&unusable), None, "{unusable}");
        }
    }
}
