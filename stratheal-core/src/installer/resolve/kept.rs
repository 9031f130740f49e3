//! Resolutions that were made before, kept for the same question.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use crate::base::fs::replace_unsynced;
use crate::fetch::Fetcher;
use crate::index::ThisProcess;
use crate::installer::lock::Lock;
use crate::installer::python::{Interpreter, Libc};
use crate::installer::requirement::MarkerEnvironment;
use crate::objects::ContentId;

/// As long as an index says by default that its pages are fresh, the answer is what it would be now.
const FRESH: Duration = Duration::from_mins(10);

/// What a resolution depends on.
#[derive(Debug, Serialize)]
pub(super) struct Question<'a> {
    pub(super) version: u32,
    pub(super) requirements: &'a str,
    pub(super) constraints: &'a str,
    pub(super) preferred: Vec<(String, String)>,
    pub(super) pre: bool,
    pub(super) fitting_only: bool,
    pub(super) interpreter: Accepts<'a>,
    pub(super) sources: Vec<Asked>,
}

/// A source of the chain. Not by its URLs: any mirror of a source gives the same, and another index does not.
#[derive(Debug, Serialize)]
pub(super) struct Asked {
    known_by: Vec<String>,
    only: Vec<String>,
}

/// What of an interpreter decides which versions and files fit it. Where it lies does not.
#[derive(Debug, Serialize)]
pub(super) struct Accepts<'a> {
    markers: &'a MarkerEnvironment,
    platform: &'a str,
    pointer_bits: u32,
    libc: Option<&'a Libc>,
    is_debug: bool,
    is_free_threaded: bool,
    extension_suffix: Option<&'a str>,
}

impl<'a> Accepts<'a> {
    pub(super) fn of(interpreter: &'a Interpreter) -> Self {
        Self {
            markers: &interpreter.markers,
            platform: &interpreter.platform,
            pointer_bits: interpreter.pointer_bits,
            libc: interpreter.libc.as_ref(),
            is_debug: interpreter.is_debug,
            is_free_threaded: interpreter.is_free_threaded,
            extension_suffix: interpreter.extension_suffix.as_deref(),
        }
    }
}

impl Question<'_> {
    pub(super) const VERSION: u32 = 2;

    fn id(&self) -> ContentId {
        ContentId::of(&serde_json::to_vec(self).unwrap_or_default())
    }
}

/// The sources of a fetcher's chain, as a question names them.
pub(super) fn sources(fetcher: &Fetcher) -> Vec<Asked> {
    fetcher.sources().map(|(source, known_by)| Asked { known_by, only: source.only.clone() }).collect()
}

/// Kept resolutions, in a folder of a cache.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    folder: PathBuf,
}

impl Kept {
    pub(super) fn new(cache: &Path) -> Self {
        Self { folder: cache.join("resolutions") }
    }

    fn place(&self, question: &Question<'_>) -> PathBuf {
        self.folder.join(format!("{}.toml", question.id()))
    }

    /// The answer from before, if there is one: a fresh one, or whatever there is when `any_age` is all right.
    pub(super) fn recall(&self, question: &Question<'_>, now: Timestamp, any_age: bool) -> Option<Lock> {
        let place = self.place(question);
        let modified = Timestamp::try_from(fs::metadata(&place).ok()?.modified().ok()?).ok()?;
        let age = now.duration_since(modified);
        // One from the future was written before a clock was set back: nobody knows how old it is.
        let is_fresh = Duration::try_from(age).is_ok_and(|age| age < FRESH);
        if !is_fresh && !any_age {
            return None;
        }
        Lock::read(&place, &ThisProcess).ok().map(|parsed| parsed.lock)
    }

    /// Keeps an answer.
    pub(super) fn keep(&self, question: &Question<'_>, lock: &Lock) {
        let place = self.place(question);
        let written =
            fs::create_dir_all(&self.folder).and_then(|()| replace_unsynced(&place, lock.to_toml().as_bytes()));
        if let Err(error) = written {
            tracing::debug!(path = %place.display(), %error, "a resolution cannot be kept");
        }
    }
}
