//! Writes a project's page as JSON and as HTML, for the clients of a gateway.
//!
//! Whatever the index said is passed on. The version of the API that is claimed is an honest one: 1.1 and later promise
//! `versions` and the size of every file (PEP 700), so a page that lacks them, such as one from an HTML-only index, is 1.0.

use std::fmt::Write;

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use super::{CoreMetadata, IndexFile, ProjectPage, Yanked};
use crate::index::Hashes;
use crate::index::file_name::is_wheel;

/// The newest version of the API that is written.
const NEWEST: (u32, u32) = (1, 4);

/// For which files a page says that their metadata can be had alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MetadataRule {
    /// Where the index says so.
    #[default]
    AsGiven,
    /// For none.
    Never,
    /// For every wheel: who serves the page reads it out of wheels where the index does not offer it.
    EveryWheel,
}

impl MetadataRule {
    fn of(self, file: &IndexFile) -> Option<&Hashes> {
        static UNKNOWN: Hashes = Hashes { sha256: None, others: std::collections::BTreeMap::new() };
        match (self, &file.core_metadata) {
            (Self::Never, _) => None,
            (_, CoreMetadata::Present(hashes)) => Some(hashes),
            (Self::EveryWheel, CoreMetadata::Absent) if is_wheel(&file.name) => Some(&UNKNOWN),
            (_, CoreMetadata::Absent) => None,
        }
    }
}

impl ProjectPage {
    /// The JSON form. `url` gives the URL that stands in the page for a file, absolute or relative.
    ///
    /// # Errors
    /// None in practice: what a page holds can be written.
    pub fn to_json(
        &self,
        metadata: MetadataRule,
        url: impl Fn(&IndexFile) -> String,
    ) -> Result<Vec<u8>, serde_json::Error> {
        let mut body = Vec::with_capacity(600 * self.files.len() + 500);
        serde_json::to_writer(&mut body, &Json { page: self, metadata, url: &url })?;
        Ok(body)
    }

    /// The HTML form. `url` gives the URL that stands in the page for a file; a fragment in it is dropped.
    #[must_use]
    pub fn to_html(&self, metadata: MetadataRule, url: impl Fn(&IndexFile) -> String) -> String {
        let mut html = String::with_capacity(400 * self.files.len() + 500);
        html.push_str("<!DOCTYPE html>\n<html>\n<head>\n<meta charset=\"utf-8\">\n");
        let (major, minor) = self.meta.api_version.min(NEWEST);
        meta(&mut html, "pypi:repository-version", &format!("{major}.{minor}"));
        self.meta.tracks.iter().for_each(|url| meta(&mut html, "pypi:tracks", url));
        self.alternate_locations.iter().for_each(|url| meta(&mut html, "pypi:alternate-locations", url));
        if let Some(status) = &self.status {
            meta(&mut html, "pypi:project-status", &status.status);
            if let Some(reason) = &status.reason {
                meta(&mut html, "pypi:project-status-reason", reason);
            }
        }
        // The name holds nothing that needs escaping.
        let _ = write!(html, "<title>Links for {0}</title>\n</head>\n<body>\n<h1>Links for {0}</h1>\n", self.name);
        for file in &self.files {
            anchor(&mut html, file, metadata.of(file), &url(file));
        }
        html.push_str("</body>\n</html>\n");
        if let Some(serial) = self.meta.last_serial {
            let _ = writeln!(html, "<!--SERIAL {serial}-->");
        }
        html
    }

    /// The version of the API that the JSON form may claim.
    fn honest_version(&self) -> (u32, u32) {
        let is_complete = self.versions.is_some() && self.files.iter().all(|file| file.size.is_some());
        if is_complete { self.meta.api_version.min(NEWEST) } else { (1, 0) }
    }
}

/// Text for HTML, in quotes or between tags.
pub(super) fn escape(html: &mut String, text: &str) {
    let mut rest = text;
    while let Some(at) = rest.find(['&', '<', '>', '"', '\'', '\r', '\0']) {
        html.push_str(&rest[..at]);
        html.push_str(match rest.as_bytes()[at] {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'"' => "&quot;",
            b'\'' => "&#39;",
            // As it is, a reader would take it for a line feed.
            b'\r' => "&#13;",
            // NUL, which HTML cannot say at all.
            _ => "\u{fffd}",
        });
        rest = &rest[at + 1..];
    }
    html.push_str(rest);
}

pub(super) fn meta(html: &mut String, name: &str, content: &str) {
    let _ = write!(html, "<meta name=\"{name}\" content=\"");
    escape(html, content);
    html.push_str("\">\n");
}

fn attribute(html: &mut String, name: &str, value: &str) {
    let _ = write!(html, " {name}=\"");
    escape(html, value);
    html.push('"');
}

/// One hash for a fragment: a client checks one only, so the best.
fn best(hashes: &Hashes) -> Option<(&str, String)> {
    if let Some(sha256) = hashes.sha256 {
        return Some(("sha256", sha256.to_string()));
    }
    let known = ["sha512", "sha384", "sha224", "sha1", "md5"];
    known.into_iter().find_map(|algorithm| hashes.others.get(algorithm).map(|digest| (algorithm, digest.clone())))
}

fn anchor(html: &mut String, file: &IndexFile, metadata: Option<&Hashes>, url: &str) {
    html.push_str("<a href=\"");
    escape(html, url.split('#').next().unwrap_or_default());
    if let Some((algorithm, digest)) = best(&file.hashes) {
        let _ = write!(html, "#{algorithm}={digest}");
    }
    html.push('"');
    if let Some(specifier) = &file.requires_python {
        attribute(html, "data-requires-python", specifier);
    }
    if let Some(hashes) = metadata {
        let value = best(hashes).map_or_else(|| "true".to_owned(), |(name, digest)| format!("{name}={digest}"));
        attribute(html, "data-dist-info-metadata", &value);
        attribute(html, "data-core-metadata", &value);
    }
    if let Some(has) = file.gpg_sig {
        attribute(html, "data-gpg-sig", if has { "true" } else { "false" });
    }
    if let Yanked::Yes(reason) = &file.yanked {
        attribute(html, "data-yanked", reason);
    }
    if let Some(url) = &file.provenance {
        attribute(html, "data-provenance", url);
    }
    html.push('>');
    escape(html, &file.name);
    html.push_str("</a><br>\n");
}

struct Json<'a, U> {
    page: &'a ProjectPage,
    metadata: MetadataRule,
    url: &'a U,
}

impl<U: Fn(&IndexFile) -> String> Serialize for Json<'_, U> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let page = self.page;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("meta", &Meta(page))?;
        map.serialize_entry("name", &page.name)?;
        if let Some(versions) = &page.versions {
            map.serialize_entry("versions", versions)?;
        }
        if let Some(status) = &page.status {
            map.serialize_entry("project-status", &Status(status))?;
        }
        if !page.alternate_locations.is_empty() {
            map.serialize_entry("alternate-locations", &page.alternate_locations)?;
        }
        for (key, value) in &page.unknown {
            map.serialize_entry(key, value)?;
        }
        map.serialize_entry("files", &Files(self))?;
        map.end()
    }
}

struct Meta<'a>(&'a ProjectPage);

impl Serialize for Meta<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let meta = &self.0.meta;
        let mut map = serializer.serialize_map(None)?;
        let (major, minor) = self.0.honest_version();
        map.serialize_entry("api-version", &format_args!("{major}.{minor}"))?;
        if let Some(serial) = meta.last_serial {
            map.serialize_entry("_last-serial", &serial)?;
        }
        if !meta.tracks.is_empty() {
            map.serialize_entry("tracks", &meta.tracks)?;
        }
        for (key, value) in &meta.unknown {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

struct Status<'a>(&'a super::ProjectStatus);

impl Serialize for Status<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("status", &self.0.status)?;
        if let Some(reason) = &self.0.reason {
            map.serialize_entry("reason", reason)?;
        }
        map.end()
    }
}

struct Files<'a, U>(&'a Json<'a, U>);

impl<U: Fn(&IndexFile) -> String> Serialize for Files<'_, U> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let files = &self.0.page.files;
        let mut list = serializer.serialize_seq(Some(files.len()))?;
        for file in files {
            list.serialize_element(&File { said: file, metadata: self.0.metadata.of(file), url: (self.0.url)(file) })?;
        }
        list.end()
    }
}

struct HashMap<'a>(&'a Hashes);

impl Serialize for HashMap<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (algorithm, digest) in &self.0.others {
            map.serialize_entry(algorithm, digest)?;
        }
        if let Some(sha256) = &self.0.sha256 {
            map.serialize_entry("sha256", sha256)?;
        }
        map.end()
    }
}

struct File<'a> {
    said: &'a IndexFile,
    metadata: Option<&'a Hashes>,
    url: String,
}

impl Serialize for File<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let file = self.said;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("filename", &file.name)?;
        map.serialize_entry("url", &self.url)?;
        map.serialize_entry("hashes", &HashMap(&file.hashes))?;
        if let Some(size) = file.size {
            map.serialize_entry("size", &size)?;
        }
        if let Some(time) = file.upload_time {
            map.serialize_entry("upload-time", &format_args!("{time:.6}"))?;
        }
        if let Some(specifier) = &file.requires_python {
            map.serialize_entry("requires-python", specifier)?;
        }
        match &file.yanked {
            Yanked::No => map.serialize_entry("yanked", &false)?,
            Yanked::Yes(reason) if reason.is_empty() => map.serialize_entry("yanked", &true)?,
            Yanked::Yes(reason) => map.serialize_entry("yanked", reason)?,
        }
        // Not `dist-info-metadata`, the name that was specified first: pip 22.3 to 23.0 end with a traceback where its value is no text.
        for key in ["core-metadata", "data-dist-info-metadata"] {
            match self.metadata {
                None => map.serialize_entry(key, &false)?,
                Some(hashes) if *hashes == Hashes::default() => map.serialize_entry(key, &true)?,
                Some(hashes) => map.serialize_entry(key, &HashMap(hashes))?,
            }
        }
        if let Some(has) = file.gpg_sig {
            map.serialize_entry("gpg-sig", &has)?;
        }
        if let Some(url) = &file.provenance {
            map.serialize_entry("provenance", url)?;
        }
        for (key, value) in &file.unknown {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests;
