//! What is asked of a fetcher, and what it answers.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

use super::event::FileOrigin;
use crate::index::{IndexFile, ProjectName, ProjectPage};
use crate::objects::ContentId;

/// A project's page, merged from what the members of its source say.
#[derive(Debug, Clone)]
pub struct Page {
    /// The name of the source that answered.
    pub source: Arc<str>,
    /// What it offers.
    pub page: Arc<ProjectPage>,
    /// How old it is.
    pub freshness: Freshness,
    /// Files that are not offered, with the reason: a changed hash, members that disagree.
    pub refused: Arc<[(String, String)]>,
}

/// How old a page is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Freshness {
    /// As new as the index wants it.
    Fresh,
    /// Kept from before, because no member could be asked.
    Stale {
        /// When it was fetched.
        since: Timestamp,
        /// Why it could not be fetched again.
        why: String,
    },
}

/// Which file is wanted.
#[derive(Debug, Clone)]
pub struct FileRequest {
    /// The name of the source.
    pub source: Arc<str>,
    /// The project.
    pub project: ProjectName,
    /// The file, as the source's page has it.
    pub file: IndexFile,
}

/// A file that is in the store, whole and verified.
#[derive(Debug, Clone)]
pub struct FetchedFile {
    /// Where it lies. Read-only; it may be collected as garbage once nothing holds it.
    pub path: PathBuf,
    /// Its SHA-256.
    pub id: ContentId,
    /// Its size in bytes.
    pub size: u64,
    /// Where it came from.
    pub origin: FileOrigin,
}
