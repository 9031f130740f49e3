//! `direct_url.json`: where something came from when that is no index ("Direct URL Data Structure").

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::installer::lock::{LockedArchive, LockedVcs};

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
}
