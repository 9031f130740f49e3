//! What an index says about one project.

use jiff::Timestamp;
use serde_json::{Map, Value};
use url::Url;

use crate::index::{Hashes, ProjectName};

/// One project of one index: its files, in the order in which the index gives them.
#[derive(Debug, Clone, PartialEq)]
pub struct ProjectPage {
    /// The project.
    pub name: ProjectName,
    /// What the page says about itself.
    pub meta: PageMeta,
    /// Its files.
    pub files: Vec<IndexFile>,
    /// The versions the index lists (PEP 700). Without that, `None`.
    pub versions: Option<Vec<String>>,
    /// Where the project stands (PEP 792). None means active.
    pub status: Option<ProjectStatus>,
    /// `alternate-locations` (PEP 708), passed through.
    pub alternate_locations: Vec<String>,
    /// Keys of the JSON form that this program does not know, passed through.
    pub unknown: Map<String, Value>,
}

impl ProjectPage {
    /// The file with this name.
    #[must_use]
    pub fn file(&self, file_name: &str) -> Option<&IndexFile> {
        self.files.iter().find(|file| file.name == file_name)
    }
}

/// What a page says about itself.
#[derive(Debug, Clone, PartialEq)]
pub struct PageMeta {
    /// The version of the API: major and minor.
    pub api_version: (u32, u32),
    /// The serial number of the project's last change, where the index gives one.
    pub last_serial: Option<u64>,
    /// `tracks` (PEP 708), passed through.
    pub tracks: Vec<String>,
    /// Keys this program does not know, passed through.
    pub unknown: Map<String, Value>,
}

/// A project's status marker (PEP 792).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectStatus {
    /// `active`, `archived`, `quarantined`, `deprecated`, or what a later version of the specification adds.
    pub status: String,
    /// Why.
    pub reason: Option<String>,
}

/// A file an index offers.
#[derive(Debug, Clone, PartialEq)]
pub struct IndexFile {
    /// Its name: one path component, of characters that are harmless in a path, a URL and a terminal.
    pub name: String,
    /// Where it is. Absolute, without a fragment. May hold credentials: show it by `safe_url` only.
    pub url: Url,
    /// Its hashes.
    pub hashes: Hashes,
    /// Its size in bytes (PEP 700).
    pub size: Option<u64>,
    /// When it was uploaded (PEP 700).
    pub upload_time: Option<Timestamp>,
    /// The Python versions it is for: a version specifier, unparsed.
    pub requires_python: Option<String>,
    /// Whether it was withdrawn (PEP 592).
    pub yanked: Yanked,
    /// Whether its metadata can be had alone, from the file's URL with `.metadata` added (PEP 658, 714).
    pub core_metadata: CoreMetadata,
    /// Whether it has a PGP signature (PEP 503), where the index says.
    pub gpg_sig: Option<bool>,
    /// The URL of its provenance (PEP 740), passed through.
    pub provenance: Option<String>,
    /// Keys of the JSON form that this program does not know, passed through.
    pub unknown: Map<String, Value>,
}

/// Whether a file was withdrawn.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Yanked {
    /// It was not.
    #[default]
    No,
    /// It was, with a reason that may be empty.
    Yes(String),
}

/// Whether a file's metadata can be had alone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum CoreMetadata {
    /// It cannot, or the index does not say.
    #[default]
    Absent,
    /// It can; the hashes may be empty.
    Present(Hashes),
}
