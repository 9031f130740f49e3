//! A cache as one file, for machines without a network: its pages, what is remembered about them, and the files they list.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

use super::folder::{is_harmless, join_sources};
use super::form;
use super::record::Said;
use bytes::Bytes;

use crate::base::fs::{named, read_bytes, read_text, replace_unsynced};
use crate::index::ProjectName;
use crate::objects::bundle::export::Writer;
use crate::objects::bundle::import::{ImportReport, Placed, read};
use crate::objects::bundle::{BundleError, Entry};
use crate::objects::{ContentId, Scratch, Store, StoreError};

/// The kinds of entries beside files: a page, and what is remembered about a page.
const PAGE: &str = "page";
const MEMORY: &str = "memory";
const SOURCES: &str = "sources";
/// The largest page that is taken over, in bytes.
const MAX_PAGE: u64 = 512 << 20;

/// What was written into a bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Exported {
    /// Pages of projects.
    pub pages: usize,
    /// Files.
    pub files: usize,
    /// Bytes of both.
    pub bytes: u64,
}

/// Writes a cache, or what it has of some projects, as one bundle. Blocks on files.
///
/// # Errors
/// [`BundleError`] when the cache cannot be read or the bundle cannot be written.
pub fn export_cache(cache: &Path, projects: &[ProjectName], to: &mut dyn Write) -> Result<Exported, BundleError> {
    let store = Store::open(&cache.join("objects"))?;
    let mut writer = Writer::new(&store)?;
    let wanted: HashSet<&str> = projects.iter().map(ProjectName::as_str).collect();
    let mut exported = Exported::default();
    let mut listed = HashSet::new();
    let index = cache.join("index");
    for folder in names(&index)?.into_iter().filter(|name| is_harmless(name) && index.join(name).is_dir()) {
        for name in names(&index.join(&folder))? {
            // `six.page` is a page; `six.seen.json` is remembered about it. A project's name has no dot.
            let Some((project, rest)) = name.split_once('.') else { continue };
            let kind = if rest == "page" { PAGE } else { MEMORY };
            if !wanted.is_empty() && !wanted.contains(project) || kind == MEMORY && !rest.ends_with("json") {
                continue;
            }
            let path = index.join(&folder).join(&name);
            if kind == PAGE {
                exported.pages += 1;
                listed.extend(hashes(&path, project));
            }
            writer.add_file(kind, &format!("{folder}/{name}"), &path)?;
        }
    }
    let sources = index.join("sources.json");
    if sources.is_file() {
        writer.add_file(SOURCES, "sources.json", &sources)?;
    }
    if wanted.is_empty() {
        // What no page lists (files of indexes without hashes, for one) belongs to a whole cache all the same.
        listed.extend(store.pack_ids()?);
    }
    for id in listed {
        if let Some(pack) = store.pack(&id)? {
            exported.files += 1;
            writer.add_pack(&pack);
        }
    }
    exported.bytes = writer.write(to)?;
    Ok(exported)
}

/// Takes a bundle over into a cache; everything in it is verified by its hash. Pages replace older ones; what is remembered here about
/// changed files counts more than what is remembered elsewhere. Blocks on files.
///
/// # Errors
/// [`BundleError`]: it is damaged, too large, or the cache cannot be written.
pub fn import_cache(cache: &Path, from: &mut dyn Read, limit: u64) -> Result<ImportReport, BundleError> {
    let store = Store::open(&cache.join("objects"))?;
    let index = cache.join("index");
    let mut place = |entry: &Entry, scratch: &Scratch| {
        let placed = place(&index, entry, scratch);
        placed.map_err(StoreError::at("take over a page", &index))
    };
    read(&store, from, limit, &mut place)
}

fn place(index: &Path, entry: &Entry, scratch: &Scratch) -> io::Result<Placed> {
    if entry.kind == SOURCES && entry.path == "sources.json" {
        join_sources(index, &read_text(scratch.path(), MAX_PAGE)?)?;
        return Ok(Placed::Added);
    }
    let (folder, name) = match entry.path.split_once('/') {
        Some(parts) if matches!(entry.kind.as_str(), PAGE | MEMORY) => parts,
        _ => return Ok(Placed::Unknown),
    };
    let plain = name.split_once('.').is_some_and(|(project, rest)| {
        let known = if entry.kind == PAGE { rest == "page" } else { matches!(rest, "seen.json" | "accepted.json") };
        known && project.parse::<ProjectName>().is_ok_and(|parsed| parsed.as_str() == project)
    });
    if !plain || !is_harmless(folder) {
        return Ok(Placed::Unknown);
    }
    let text = Bytes::from(read_bytes(scratch.path(), MAX_PAGE)?);
    let target = index.join(folder).join(name);
    let kept = match entry.kind.as_str() {
        PAGE => read_bytes(&target, MAX_PAGE).is_ok_and(|there| form::newest(&there.into()) >= form::newest(&text)),
        _ => target.exists(),
    };
    if kept {
        return Ok(Placed::Kept);
    }
    fs::create_dir_all(index.join(folder)).map_err(|error| named(index, &error))?;
    replace_unsynced(&target, &text)?;
    Ok(Placed::Added)
}

/// The hashes of the files that a page lists.
fn hashes(page: &Path, project: &str) -> Vec<ContentId> {
    let text = read_bytes(page, MAX_PAGE).ok().zip(project.parse().ok());
    let record = text.and_then(|(text, project)| form::read(&text.into(), &project).ok()).unwrap_or_default();
    let pages = record.members.into_iter().filter_map(|member| match member.said {
        Said::Page(page, _) => Some(page),
        Said::Missing => None,
    });
    pages.flat_map(|page| page.files.iter().filter_map(|file| file.hashes.sha256).collect::<Vec<_>>()).collect()
}

fn names(folder: &Path) -> Result<Vec<String>, StoreError> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(StoreError::at("list", folder))?,
    };
    let mut names: Vec<String> = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    names.sort_unstable();
    Ok(names)
}

/// Writes a bundle into a file that is not there yet, or replaces it whole.
///
/// # Errors
/// [`BundleError`].
pub fn export_cache_to(cache: &Path, projects: &[ProjectName], file: &Path) -> Result<Exported, BundleError> {
    let unwritable = |error: io::Error| StoreError::at("write the bundle", file)(error);
    let mut beside = file.as_os_str().to_owned();
    beside.push(".part");
    let mut to = io::BufWriter::new(File::create(&beside).map_err(unwritable)?);
    let exported = export_cache(cache, projects, &mut to).inspect_err(|_| {
        // What is half is of no use; the reason is already known.
        let _ = fs::remove_file(&beside);
    })?;
    to.into_inner().map_err(io::IntoInnerError::into_error).and_then(|file| file.sync_all()).map_err(unwritable)?;
    fs::rename(&beside, file).map_err(unwritable)?;
    Ok(exported)
}
