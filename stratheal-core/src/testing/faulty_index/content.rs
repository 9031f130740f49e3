//! What the server offers, and how far what it says about that is true.

use bytes::Bytes;

use super::body::Body;
use super::package::Package;
use crate::index::ProjectName;
use crate::objects::ContentId;

/// The files of an index, and which parts of the Simple API it speaks. Clones share the bytes, so that many servers can offer the same.
#[derive(Debug, Clone, Default)]
pub struct Content {
    files: Vec<OfferedFile>,
    pub(super) wire: Wire,
}

/// A file the server has.
#[derive(Debug, Clone)]
pub struct OfferedFile {
    /// The normalised name of its project.
    pub project: String,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What is served.
    pub body: Body,
    /// The SHA-256 the page gives.
    pub sha256: ContentId,
    /// The size the page gives.
    pub size: u64,
    /// Its core metadata, for a wheel.
    pub metadata: Option<Bytes>,
    /// Whether the page lists it. It is served in any case.
    pub listed: bool,
    pub(super) requires_python: Option<String>,
    pub(super) yanked: Option<String>,
}

impl OfferedFile {
    /// The path it is served under.
    #[must_use]
    pub fn path(&self) -> String {
        format!("/files/{}/{}", self.project, self.name)
    }
}

/// Which parts of the Simple API are spoken.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a part of the specification that an index may lack")]
pub(super) struct Wire {
    pub(super) json: bool,
    pub(super) hashes: bool,
    pub(super) sizes: bool,
    pub(super) metadata: bool,
    pub(super) gzip: bool,
    pub(super) serial: Option<u64>,
    pub(super) max_age: u32,
    /// `Authorization` as it has to be.
    pub(super) login: Option<String>,
    /// Where the files are, without a slash at the end; beside the pages without it.
    pub(super) files_at: Option<String>,
}

impl Default for Wire {
    fn default() -> Self {
        Self {
            json: true,
            hashes: true,
            sizes: true,
            metadata: true,
            gzip: false,
            serial: None,
            max_age: 600,
            login: None,
            files_at: None,
        }
    }
}

/// What a path leads to.
#[derive(Debug, Clone, Copy)]
pub(super) enum Resource<'a> {
    Root,
    Page(&'a str),
    File(&'a OfferedFile),
    Metadata(&'a OfferedFile),
}

impl Content {
    /// Makes the packages. This hashes all their bytes.
    #[must_use]
    pub fn new(packages: impl IntoIterator<Item = Package>) -> Self {
        let files = packages.into_iter().map(|package| {
            let body = package.body();
            OfferedFile {
                project: normalised(&package.name),
                name: package.file_name(),
                version: package.version.clone(),
                sha256: body.id(),
                size: body.length(),
                metadata: package.is_wheel().then(|| package.metadata().into()),
                listed: true,
                requires_python: package.requires_python,
                yanked: package.yanked,
                body,
            }
        });
        Self { files: files.collect(), wire: Wire::default() }
    }

    /// Adds the files of another one.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        self.files.extend(other.files.iter().cloned());
        self
    }

    /// All files, listed or not.
    #[must_use]
    pub fn files(&self) -> &[OfferedFile] {
        &self.files
    }

    /// The file with this name.
    #[must_use]
    pub fn file(&self, name: &str) -> Option<&OfferedFile> {
        self.files.iter().find(|file| file.name == name)
    }

    /// Changes each file with this name, to lie about it.
    #[must_use]
    pub fn change(mut self, name: &str, change: impl Fn(&mut OfferedFile)) -> Self {
        self.files.iter_mut().filter(|file| file.name == name).for_each(change);
        self
    }

    /// Forgets a file: its page lacks it, and it is not served.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.files.retain(|file| file.name != name);
        self
    }

    /// Pages are HTML only (PEP 503).
    #[must_use]
    pub const fn html_only(mut self) -> Self {
        self.wire.json = false;
        self
    }

    /// Pages have no hashes.
    #[must_use]
    pub const fn without_hashes(mut self) -> Self {
        self.wire.hashes = false;
        self
    }

    /// Pages have no sizes, and are of version 1.0.
    #[must_use]
    pub const fn without_sizes(mut self) -> Self {
        self.wire.sizes = false;
        self
    }

    /// No metadata beside the files (PEP 658).
    #[must_use]
    pub const fn without_metadata(mut self) -> Self {
        self.wire.metadata = false;
        self
    }

    /// Pages are sent in gzip to who takes it.
    #[must_use]
    pub const fn gzip(mut self) -> Self {
        self.wire.gzip = true;
        self
    }

    /// Pages name this serial number.
    #[must_use]
    pub const fn serial(mut self, serial: u64) -> Self {
        self.wire.serial = Some(serial);
        self
    }

    /// How long pages may be kept, in seconds; 600 otherwise.
    #[must_use]
    pub const fn max_age(mut self, seconds: u32) -> Self {
        self.wire.max_age = seconds;
        self
    }

    /// Only who logs in like this is served.
    #[must_use]
    pub fn login(mut self, user: &str, password: &str) -> Self {
        use base64::Engine as _;
        let encoded = base64::prelude::BASE64_STANDARD.encode(format!("{user}:{password}"));
        self.wire.login = Some(format!("Basic {encoded}"));
        self
    }

    /// Links lead to this server, such as `http://127.0.0.1:4000`, instead of this one.
    #[must_use]
    pub fn files_at(mut self, url: &str) -> Self {
        self.wire.files_at = Some(url.trim_end_matches('/').to_owned());
        self
    }

    pub(super) fn find<'a>(&'a self, path: &'a str) -> Option<Resource<'a>> {
        if let Some(rest) = path.strip_prefix("/simple/") {
            let project = rest.strip_suffix('/').unwrap_or(rest);
            let known = self.files.iter().any(|file| file.project == project);
            return if rest.is_empty() { Some(Resource::Root) } else { known.then_some(Resource::Page(project)) };
        }
        let rest = path.strip_prefix("/files/")?;
        let is_at = |file: &&OfferedFile, name: &str| {
            rest.strip_prefix(&file.project).is_some_and(|rest| rest.strip_prefix('/') == Some(name))
        };
        if let Some(file) = self.files.iter().find(|file| is_at(file, &file.name)) {
            return Some(Resource::File(file));
        }
        let found = self.files.iter().find(|file| is_at(file, &format!("{}.metadata", file.name)))?;
        (self.wire.metadata && found.metadata.is_some()).then_some(Resource::Metadata(found))
    }
}

fn normalised(name: &str) -> String {
    name.parse().map_or_else(|_| name.to_owned(), |name: ProjectName| name.to_string())
}
