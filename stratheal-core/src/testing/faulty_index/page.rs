//! Pages of the Simple API, as JSON (PEP 691, 700, 714) and as HTML (PEP 503, 592, 658, 714).

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::content::{Content, OfferedFile};
use crate::objects::ContentId;

pub(super) const JSON: &str = "application/vnd.pypi.simple.v1+json";
pub(super) const HTML: &str = "application/vnd.pypi.simple.v1+html";

fn listed<'a>(content: &'a Content, project: &'a str) -> impl Iterator<Item = &'a OfferedFile> {
    content.files().iter().filter(move |file| file.listed && file.project == project)
}

fn link(content: &Content, file: &OfferedFile) -> String {
    let base = content.wire.files_at.as_deref().unwrap_or("../..");
    format!("{base}{}", file.path())
}

/// The hash of the metadata, where it is served.
fn metadata(content: &Content, file: &OfferedFile) -> Option<ContentId> {
    file.metadata.as_ref().filter(|_| content.wire.metadata).map(|bytes| ContentId::of(bytes))
}

/// The page of a project as JSON.
pub(super) fn project_json(content: &Content, project: &str) -> String {
    let wire = &content.wire;
    let files: Vec<Value> = listed(content, project)
        .map(|file| {
            let hashes = if wire.hashes { json!({"sha256": file.sha256}) } else { json!({}) };
            let mut entry = json!({"filename": file.name, "url": link(content, file), "hashes": hashes});
            if let Some(specifier) = &file.requires_python {
                entry["requires-python"] = json!(specifier);
            }
            if let Some(reason) = &file.yanked {
                entry["yanked"] = json!(reason);
            }
            if wire.sizes {
                entry["size"] = json!(file.size);
                entry["upload-time"] = json!("2024-01-01T00:00:00.000000Z");
            }
            if let Some(id) = metadata(content, file) {
                entry["core-metadata"] = json!({"sha256": id});
            }
            entry
        })
        .collect();
    let mut meta = json!({"api-version": if wire.sizes { "1.1" } else { "1.0" }});
    if let Some(serial) = wire.serial {
        meta["_last-serial"] = json!(serial);
    }
    let mut page = json!({"meta": meta, "name": project, "files": files});
    if wire.sizes {
        let mut versions: Vec<_> = listed(content, project).map(|file| &file.version).collect();
        versions.dedup();
        page["versions"] = json!(versions);
    }
    page.to_string()
}

/// The page of a project as HTML.
pub(super) fn project_html(content: &Content, project: &str) -> String {
    let head =
        "<!DOCTYPE html>\n<html>\n<head><meta name=\"pypi:repository-version\" content=\"1.0\"></head>\n<body>\n";
    let mut page = head.to_owned();
    for file in listed(content, project) {
        let hash = if content.wire.hashes { format!("#sha256={}", file.sha256) } else { String::new() };
        let mut attributes = String::new();
        if let Some(specifier) = &file.requires_python {
            let _ = write!(attributes, " data-requires-python=\"{}\"", escaped(specifier));
        }
        if let Some(reason) = &file.yanked {
            let _ = write!(attributes, " data-yanked=\"{}\"", escaped(reason));
        }
        if let Some(id) = metadata(content, file) {
            let _ = write!(attributes, " data-core-metadata=\"sha256={id}\"");
        }
        let _ = writeln!(page, "<a href=\"{}{hash}\"{attributes}>{}</a><br>", link(content, file), file.name);
    }
    page + "</body>\n</html>\n"
}

/// The list of all projects, as JSON or as HTML.
pub(super) fn root(content: &Content, as_json: bool) -> String {
    let mut names: Vec<_> = content.files().iter().map(|file| &file.project).collect();
    names.sort();
    names.dedup();
    if as_json {
        let projects: Vec<_> = names.iter().map(|name| json!({"name": name})).collect();
        return json!({"meta": {"api-version": "1.1"}, "projects": projects}).to_string();
    }
    let links = names.iter().fold(String::new(), |mut text, name| {
        let _ = writeln!(text, "<a href=\"{name}/\">{name}</a>");
        text
    });
    format!("<!DOCTYPE html>\n<html>\n<body>\n{links}</body>\n</html>\n")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
