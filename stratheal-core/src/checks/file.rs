//! Whether a file exists, how old and how large it is, how many there are, and how often a pattern is in it.
//!
//! Metrics: `count`; `age` of the newest and `oldest`, in seconds since they were changed; `size` of all and `largest`, in bytes; and
//! `matches`, how often the content pattern was found, when there is one. Ages are missing when there is no file.

use std::fs::{self, File as Handle};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use jiff::Timestamp;
use regex::Regex;

use super::patience::when_free;
use super::{Measure, Measurement};
use crate::base::clock::Clock;
use crate::contract::{CheckContext, CheckError, CheckKind};
use crate::model::quantity::{show_bytes, show_seconds};
use crate::model::{Metric, Report, Status, Unit};

/// What makes a Warning unless told otherwise: nothing.
pub const DEFAULT_WARN: &[&str] = &[];
/// What makes a Critical unless told otherwise: nothing, because a file that is missing, or should be, is Critical by itself.
pub const DEFAULT_CRIT: &[&str] = &[];

/// How much of a file is searched unless told otherwise, in bytes.
pub const CONTENT_LIMIT: u64 = 1024 * 1024;

/// The most entries of a folder that are looked at.
const MAX_ENTRIES: usize = 100_000;

/// Whether files have to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Expected {
    /// A single path has to be there; of names that fit a pattern there may be any number.
    #[default]
    Automatic,
    /// At least one has to be there.
    Present,
    /// None may be there.
    Absent,
    /// Any number is fine.
    Any,
}

/// Which files, and what about them.
#[derive(Debug, Clone, Default)]
pub struct FileOptions {
    /// A file or a folder. When its last part has `*` or `?` in it, all files of its folder whose names fit.
    pub path: PathBuf,
    /// All files of the folder `path` whose names fit this pattern.
    pub names: Option<Regex>,
    /// Whether files have to be there.
    pub expected: Expected,
    /// Counted in the content of the files.
    pub content: Option<Regex>,
    /// How much of each file is searched, from its end, in bytes; [`CONTENT_LIMIT`] when unset.
    pub content_limit: Option<u64>,
}

/// Looks at files.
#[derive(Debug)]
pub struct File {
    options: Arc<FileOptions>,
    clock: Arc<dyn Clock>,
}

impl File {
    /// A look at files, whose ages are told by a clock.
    #[must_use]
    pub fn new(options: FileOptions, clock: Arc<dyn Clock>) -> Self {
        Self { options: Arc::new(options), clock }
    }
}

#[async_trait]
impl Measure for File {
    fn kind(&self) -> CheckKind {
        CheckKind::Host
    }

    async fn measure(&self, cx: &CheckContext) -> Result<Measurement, CheckError> {
        let options = self.options.clone();
        let key = format!("file {}", options.path.display());
        let seen = when_free(cx, &key, move || look(&options)).await?;
        let seen = seen.map_err(|error| CheckError::read(self.options.path.display().to_string(), error))?;
        Ok(report(&self.options, &seen, self.clock.now()).into())
    }
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Default)]
struct Seen {
    /// Whether names were compared with a pattern, rather than one path looked for.
    several: bool,
    files: Vec<One>,
    matches: u64,
    /// Whether there was more than could be looked at.
    cut: bool,
}

#[derive(Debug, Clone, PartialEq)]
struct One {
    changed: Option<SystemTime>,
    size: u64,
}

/// Which names of which folder are meant.
struct Names {
    folder: PathBuf,
    pattern: Regex,
    /// Whether names that begin with a dot fit too.
    hidden: bool,
}

/// What names are meant; `None` for a single path.
fn names(options: &FileOptions) -> Option<Names> {
    if let Some(pattern) = &options.names {
        return Some(Names { folder: options.path.clone(), pattern: pattern.clone(), hidden: true });
    }
    let last = options.path.file_name()?.to_str()?;
    if !last.contains(['*', '?']) {
        return None;
    }
    let folder = match options.path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    // As in a shell, a name that begins with a dot has to be asked for.
    Some(Names { folder: folder.to_owned(), pattern: glob(last)?, hidden: last.starts_with('.') })
}

/// Turns `*.log` into a pattern: `*` is any text, `?` any character.
fn glob(wanted: &str) -> Option<Regex> {
    let mut pattern = String::from("(?s)^");
    for character in wanted.chars() {
        match character {
            '*' => pattern.push_str(".*"),
            '?' => pattern.push('.'),
            other => pattern.push_str(&regex::escape(other.encode_utf8(&mut [0; 4]))),
        }
    }
    pattern.push('$');
    Regex::new(&pattern).ok()
}

fn look(options: &FileOptions) -> io::Result<Seen> {
    let Some(names) = names(options) else {
        let mut seen = Seen::default();
        if let Some(one) = look_at(&options.path)? {
            seen.files.push(one);
            search(options, &options.path, &mut seen)?;
        }
        return Ok(seen);
    };
    let mut seen = Seen { several: true, ..Seen::default() };
    let entries = match fs::read_dir(&names.folder) {
        Ok(entries) => entries,
        // No folder, no files; with files expected that is reported as what it is.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(seen),
        Err(error) => return Err(error),
    };
    for (place, entry) in entries.enumerate() {
        if place == MAX_ENTRIES {
            seen.cut = true;
            break;
        }
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let hidden = name.starts_with('.') && !names.hidden;
        if hidden || !names.pattern.is_match(&name) || entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        // One that vanished meanwhile is not there.
        if let Some(one) = look_at(&entry.path())? {
            seen.files.push(one);
            search(options, &entry.path(), &mut seen)?;
        }
    }
    Ok(seen)
}

fn look_at(path: &Path) -> io::Result<Option<One>> {
    match fs::metadata(path) {
        Ok(found) => {
            Ok(Some(One { changed: found.modified().ok(), size: if found.is_dir() { 0 } else { found.len() } }))
        }
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Counts the pattern in the end of a file.
fn search(options: &FileOptions, path: &Path, seen: &mut Seen) -> io::Result<()> {
    let Some(pattern) = &options.content else { return Ok(()) };
    // Opening a pipe would wait for somebody to write into it.
    if !fs::metadata(path)?.is_file() {
        return Ok(());
    }
    let limit = options.content_limit.unwrap_or(CONTENT_LIMIT);
    let mut file = Handle::open(path)?;
    let length = file.metadata()?.len();
    if length > limit {
        file.seek(SeekFrom::Start(length - limit))?;
        seen.cut = true;
    }
    let mut bytes = Vec::new();
    file.take(limit).read_to_end(&mut bytes)?;
    seen.matches += pattern.find_iter(&String::from_utf8_lossy(&bytes)).count() as u64;
    Ok(())
}

fn report(options: &FileOptions, seen: &Seen, now: Timestamp) -> Report {
    let age = |one: &One| {
        let changed = Timestamp::try_from(one.changed?).ok()?;
        // A file from the future was just changed, by a clock that is ahead.
        Some(now.duration_since(changed).as_secs_f64().max(0.0))
    };
    let ages: Vec<f64> = seen.files.iter().filter_map(age).collect();
    let newest = ages.iter().copied().min_by(f64::total_cmp);
    let oldest = ages.iter().copied().max_by(f64::total_cmp);
    let size = seen.files.iter().map(|one| one.size).fold(0, u64::saturating_add);
    let largest = seen.files.iter().map(|one| one.size).max().unwrap_or(0);
    let mut report = verdict(options, seen, newest, size)
        .metric(Metric::new("count", seen.files.len() as f64, Unit::Number).min(0.0))
        .metric(Metric::new("size", size as f64, Unit::Bytes).min(0.0))
        .metric(Metric::new("largest", largest as f64, Unit::Bytes).min(0.0));
    if let (Some(newest), Some(oldest)) = (newest, oldest) {
        report = report
            .metric(Metric::new("age", newest, Unit::Seconds).min(0.0))
            .metric(Metric::new("oldest", oldest, Unit::Seconds).min(0.0));
    }
    if options.content.is_some() {
        report = report.metric(Metric::new("matches", seen.matches as f64, Unit::Number).min(0.0));
    }
    if seen.cut { report.datum("looked_at", "only a part") } else { report }
}

fn verdict(options: &FileOptions, seen: &Seen, newest: Option<f64>, size: u64) -> Report {
    let expected = match options.expected {
        Expected::Automatic if seen.several => Expected::Any,
        Expected::Automatic => Expected::Present,
        other => other,
    };
    let path = options.path.display();
    let count = seen.files.len();
    let what = match (seen.several, count) {
        (false, 0) => format!("{path} does not exist"),
        (false, _) => format!("{path} exists"),
        (true, 0) => format!("no file fits {path}"),
        (true, 1) => format!("1 file fits {path}"),
        (true, _) => format!("{count} files fit {path}"),
    };
    let (status, code) = match (expected, count) {
        (Expected::Present, 0) => (Status::Critical, "missing"),
        (Expected::Absent, 1..) => (Status::Critical, "not-absent"),
        _ => (Status::Healthy, "ok"),
    };
    let mut details = Vec::new();
    if status == Status::Critical && expected == Expected::Absent {
        details.push("but nothing should".to_owned());
    }
    if count > 0 {
        details.push(show_bytes(size as f64));
    }
    details.extend(newest.map(|age| format!("changed {} ago", show_seconds(age))));
    if options.content.is_some() {
        details.push(format!("{} matches", seen.matches));
    }
    let text = if details.is_empty() { what } else { format!("{what}, {}", details.join(", ")) };
    Report::new(status, text).code(code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn globs_fit_whole_names() {
        for (wanted, name, fits) in [
            ("*.log", "a.log", true),
            ("*.log", "a.log.1", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*", "", true),
            ("[x]*", "[x]y", true),
            ("[x]*", "xy", false),
            ("a+*", "a+b", true),
        ] {
            assert_eq!(glob(wanted).unwrap().is_match(name), fits, "{wanted} {name}");
        }
    }

    #[test]
    fn what_is_expected_decides() {
        let one = One { changed: None, size: 5 };
        for (several, count, expected, status, code) in [
            (false, 0, Expected::Automatic, Status::Critical, "missing"),
            (false, 1, Expected::Automatic, Status::Healthy, "ok"),
            (true, 0, Expected::Automatic, Status::Healthy, "ok"),
            (true, 0, Expected::Present, Status::Critical, "missing"),
            (false, 1, Expected::Absent, Status::Critical, "not-absent"),
            (false, 0, Expected::Absent, Status::Healthy, "ok"),
            (false, 0, Expected::Any, Status::Healthy, "ok"),
        ] {
            let options = FileOptions { path: "x".into(), expected, ..FileOptions::default() };
            let seen = Seen { several, files: vec![one.clone(); count], ..Seen::default() };
            let report = report(&options, &seen, Timestamp::UNIX_EPOCH);
            assert_eq!((report.status, report.code.as_ref()), (status, code), "{several} {count} {expected:?}");
        }
    }

    #[test]
    fn a_file_from_the_future_is_new() {
        let changed = Some(SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(100));
        let seen = Seen { files: vec![One { changed, size: 1 }], ..Seen::default() };
        let at = |seconds| report(&FileOptions::default(), &seen, Timestamp::from_second(seconds).unwrap());
        assert_eq!((at(50).value("age"), at(160).value("age")), (Some(0.0), Some(60.0)));
    }

    proptest! {
        #[test]
        fn any_glob_is_a_pattern_and_never_panics(wanted in ".{0,20}", name in ".{0,20}") {
            let pattern = glob(&wanted).unwrap();
            let _ = pattern.is_match(&name);
            prop_assert!(wanted.contains(['*', '?']) || pattern.is_match(&wanted));
        }
    }
}
