//! An installed project: its `.dist-info` ("Recording installed projects").

use std::io;
use std::path::{Path, PathBuf};

use pep440_rs::Version;

use crate::base::fs::read_text;
use crate::index::ProjectName;
use crate::installer::wheel::{CoreFields, parse_metadata};
use crate::objects::{ContentId, RecordRow, parse_record};

/// The largest METADATA and RECORD that are read, in bytes.
const LARGEST_METADATA: u64 = 16 << 20;
const LARGEST_RECORD: u64 = 64 << 20;
/// The largest of the other files, in bytes.
const LARGEST_NOTE: u64 = 1 << 20;

/// An installed project.
#[derive(Debug, Clone, PartialEq)]
pub struct Distribution {
    /// Its `.dist-info` folder.
    pub folder: PathBuf,
    /// What its METADATA says.
    pub fields: CoreFields,
}

impl Distribution {
    /// Reads the metadata in a `.dist-info` folder. The reason when it cannot be read.
    pub(super) fn read(folder: &Path) -> Result<Self, String> {
        let text = read_text(&folder.join("METADATA"), LARGEST_METADATA).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => "it has no METADATA".to_owned(),
            _ => error.to_string(),
        })?;
        let fields = parse_metadata(&text).map_err(|error| error.to_string())?;
        Ok(Self { folder: folder.to_owned(), fields })
    }

    /// The project.
    #[must_use]
    pub const fn name(&self) -> &ProjectName {
        &self.fields.name
    }

    /// The version.
    #[must_use]
    pub const fn version(&self) -> &Version {
        &self.fields.version
    }

    /// Its RECORD. The reason when it cannot be read.
    ///
    /// # Errors
    /// A text for people.
    pub fn record(&self) -> Result<Vec<RecordRow>, String> {
        read_record(&self.folder).map(|(rows, _)| rows)
    }

    /// Who installed it, as its INSTALLER says.
    #[must_use]
    pub fn installer(&self) -> Option<String> {
        self.note("INSTALLER").map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    /// Whether somebody asked for it by name.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.folder.join("REQUESTED").is_file()
    }

    /// Where it came from when that is no index (PEP 610), as JSON.
    #[must_use]
    pub fn direct_url(&self) -> Option<serde_json::Value> {
        self.note("direct_url.json").and_then(|text| serde_json::from_str(&text).ok())
    }

    /// Whether it is a link to a folder of sources.
    #[must_use]
    pub fn is_editable(&self) -> bool {
        self.direct_url().is_some_and(|url| url["dir_info"]["editable"] == serde_json::Value::Bool(true))
    }

    fn note(&self, name: &str) -> Option<String> {
        read_text(&self.folder.join(name), LARGEST_NOTE).ok()
    }
}

/// Whether rows of a RECORD list the METADATA beside it. One that does not was cut off, or is somebody else's.
pub(in crate::installer) fn lists_its_metadata(rows: &[RecordRow], folder: &Path) -> bool {
    let metadata = format!("{}/METADATA", folder.file_name().unwrap_or_default().to_string_lossy());
    let is_it = |path: &str| path.trim_start_matches("./") == metadata || path.ends_with(&format!("/{metadata}"));
    rows.iter().any(|row| is_it(&row.path))
}

/// The RECORD in a `.dist-info` folder, and its hash. The reason when it cannot be read.
pub(in crate::installer) fn read_record(folder: &Path) -> Result<(Vec<RecordRow>, ContentId), String> {
    let text = read_text(&folder.join("RECORD"), LARGEST_RECORD).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => "it has no RECORD".to_owned(),
        _ => error.to_string(),
    })?;
    let rows = parse_record(&text).map_err(|error| error.to_string())?;
    Ok((rows, ContentId::of(text.as_bytes())))
}

/// What the name of a `.dist-info` folder says.
pub(in crate::installer) fn named_by(folder: &Path) -> (Option<ProjectName>, Option<Version>) {
    let name = folder.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".dist-info"));
    let Some((name, version)) = name.and_then(|stem| stem.rsplit_once('-')) else { return (None, None) };
    (name.parse().ok(), version.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_name_projects() {
        let named = |name: &str| {
            let (name, version) = named_by(Path::new(name));
            (name.map(|name| name.to_string()), version.map(|version| version.to_string()))
        };
        let both = |name: &str, version: &str| (Some(name.to_owned()), Some(version.to_owned()));
        assert_eq!(named("/s/Zope.Interface-5.0.dist-info"), both("zope-interface", "5.0"));
        assert_eq!(named("a_b-1.0+local.dist-info"), both("a-b", "1.0+local"));
        assert_eq!(named("nothing"), (None, None));
        assert_eq!(named("a.dist-info"), (None, None));
    }
}
