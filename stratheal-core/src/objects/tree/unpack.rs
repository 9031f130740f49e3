//! Unpacking a wheel, and unpacking one file of it again.

use std::fs::{self, File, OpenOptions};
use std::path::Path;

use super::judge::{dist_info, judge};
use super::manifest::Manifest;
use super::{RecordProblem, TreeFile};
use crate::objects::archive::{Archive, ArchiveError, Entry, Unpack};
use crate::objects::stamp::{Owner, Stamp, set_mode, set_mtime};
use crate::objects::{ContentId, Pack, StoreError, parse_record};

/// The largest RECORD that is read.
const LARGEST_RECORD: u64 = 64 * 1024 * 1024;

/// Times differ from content to content within about this many seconds, because Python tells an old `.pyc` from a current one by the
/// second and the size of its source alone.
const SPREAD_SECONDS: i64 = 4_096;

/// A wheel that can be unpacked.
pub(super) struct Wheel<'a> {
    pack: &'a Pack,
    archive: Archive,
    record: String,
}

impl<'a> Wheel<'a> {
    pub(super) fn open(pack: &'a Pack) -> Result<Self, StoreError> {
        let archive = pack.archive()?;
        let metadata = dist_info(archive.entries().iter().map(|entry| entry.path.as_str()));
        let metadata = metadata.map_err(|reason| pack.refused(ArchiveError::NotAWheel { reason }))?;
        let record = format!("{metadata}/RECORD");
        if archive.entry(&record).is_none() {
            return Err(pack.refused(ArchiveError::NotAWheel { reason: format!("it has no {record}") }));
        }
        Ok(Self { pack, archive, record })
    }
}

/// Unpacks all of a wheel into an empty folder. `first` is the time of its first unpacking, in nanoseconds: the archive's own times
/// are never used, because many wheels say 1980 for all of their files.
pub(super) fn unpack_all(wheel: Wheel<'_>, folder: &Path, first: i64) -> Result<Manifest, StoreError> {
    let Wheel { pack, mut archive, record } = wheel;
    let entries = archive.entries().to_vec();
    fs::create_dir_all(folder).map_err(StoreError::at("make a folder", folder))?;
    let made = fs::symlink_metadata(folder).map_err(StoreError::at("look at a folder", folder))?;
    let mut owner = Owner::of(&made);
    let mut files = Vec::with_capacity(entries.len());
    for entry in &entries {
        let path = folder.join(&entry.path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(StoreError::at("make a folder", parent))?;
        }
        let (file, found) = unpack_one(pack, &mut archive, entry, &path, first)?;
        owner = found;
        files.push(file);
    }
    let bytes = archive.read(&record, LARGEST_RECORD).map_err(|error| pack.refused(error))?;
    let problems = compare(&files, &bytes, &record);
    Ok(Manifest::new(owner, files, problems))
}

fn compare(files: &[TreeFile], record: &[u8], name: &str) -> Vec<RecordProblem> {
    let unreadable = |reason: String| vec![RecordProblem::Unreadable { reason }];
    match std::str::from_utf8(record) {
        Err(_) => unreadable("it is not UTF-8".to_owned()),
        Ok(text) => match parse_record(text) {
            Err(error) => unreadable(error.to_string()),
            Ok(rows) => judge(files, &rows, name),
        },
    }
}

/// Unpacks one file to a path where nothing is.
pub(super) fn unpack_one(
    pack: &Pack,
    archive: &mut Archive,
    entry: &Entry,
    path: &Path,
    first: i64,
) -> Result<(TreeFile, Owner), StoreError> {
    let mode = if entry.executable { 0o755 } else { 0o644 };
    let mut file = create(path)?;
    let sha256 = archive.unpack(entry, &mut file).map_err(|error| match error {
        Unpack::Archive(error) => pack.refused(error),
        Unpack::Write(error) => StoreError::at("unpack", path)(error),
    })?;
    let metadata = finish(&file, mode, mtime(first, &sha256)).map_err(StoreError::at("unpack", path))?;
    let stamp = Stamp::of(&metadata);
    Ok((TreeFile { path: entry.path.clone(), sha256, mode, stamp }, Owner::of(&metadata)))
}

fn create(path: &Path) -> Result<File, StoreError> {
    OpenOptions::new().write(true).create_new(true).open(path).map_err(StoreError::at("unpack", path))
}

pub(super) fn finish(file: &File, mode: u32, mtime_ns: i64) -> std::io::Result<fs::Metadata> {
    set_mode(file, mode)?;
    set_mtime(file, mtime_ns)?;
    file.metadata()
}

/// The modification time of a file with this content.
fn mtime(first: i64, sha256: &ContentId) -> i64 {
    let [high, low, ..] = sha256.as_bytes();
    let spread = i64::from(u16::from_be_bytes([*high, *low])) % SPREAD_SECONDS;
    first.saturating_sub(spread * 1_000_000_000)
}
