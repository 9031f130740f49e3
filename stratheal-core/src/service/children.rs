//! The children file: which processes were started, written down by themselves before they become their program.
//!
//! One JSON document a line, only ever appended to, and written anew when a keeper starts. A keeper that was killed leaves it behind;
//! the next one finds in it what is still running. Its blocks are reserved, so that a service can be started on a full disk, too.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::wire;
use crate::base::fs::{named, read_bytes, write_atomic};
use crate::model::ServiceId;
use crate::sys::process::ProcessId;

/// The version of this format. An older reader leaves lines of a newer one out, and says so.
const VERSION: u32 = 1;
/// The largest file that is read.
const LONGEST: u64 = 64 << 20;
/// A larger file is written anew while the keeper runs.
pub(super) const LARGE: u64 = 1 << 20;
/// What is reserved on the disk.
#[cfg(target_os = "linux")]
const RESERVED: u64 = 64 << 10;

/// A process that was started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Child {
    /// Which start of the machine: numbers mean nothing under another one.
    pub(super) boot: String,
    pub(super) service: ServiceId,
    pub(super) run: String,
    pub(super) process: ProcessId,
    /// Who started it.
    #[serde(default)]
    pub(super) keeper: Option<ProcessId>,
    #[serde(with = "wire::milliseconds")]
    pub(super) stop_timeout: Duration,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) group: Option<PathBuf>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Entry {
    Started(Child),
    /// Nothing of this run is left.
    Gone(String),
}

#[derive(Debug, Serialize, Deserialize)]
struct Versioned {
    version: u32,
    #[serde(flatten)]
    entry: Entry,
}

/// Appends that a process was started.
pub(super) fn append_started(path: &Path, child: Child) -> io::Result<()> {
    append(path, Entry::Started(child))
}

/// Appends that nothing of a run is left.
pub(super) fn append_gone(path: &Path, run: &str) -> io::Result<()> {
    append(path, Entry::Gone(run.to_owned()))
}

fn append(path: &Path, entry: Entry) -> io::Result<()> {
    let line = line(entry)?;
    let write = || {
        let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
        // One call, so that lines of several processes do not mix.
        let count = file.write(&line)?;
        if count == line.len() { Ok(()) } else { Err(io::ErrorKind::StorageFull.into()) }
    };
    write().map_err(|error| named(path, &error))
}

/// A line, with an end before it as well: half a line that a crash or a full disk left must not swallow it.
fn line(entry: Entry) -> io::Result<Vec<u8>> {
    let document = serde_json::to_vec(&Versioned { version: VERSION, entry })?;
    Ok([b"\n", document.as_slice(), b"\n"].concat())
}

/// The processes that were started and are not known to be gone.
pub(super) fn read(path: &Path) -> io::Result<Vec<Child>> {
    match read_bytes(path, LONGEST) {
        // A character may be cut as well.
        Ok(text) => Ok(parse(&String::from_utf8_lossy(&text))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn parse(text: &str) -> Vec<Child> {
    let mut left: Vec<Child> = Vec::new();
    for line in text.lines().map(|line| line.trim_matches('\0')).filter(|line| !line.is_empty()) {
        match serde_json::from_str::<Versioned>(line) {
            Ok(Versioned { version: VERSION, entry: Entry::Started(child) }) => left.push(child),
            Ok(Versioned { version: VERSION, entry: Entry::Gone(run) }) => left.retain(|child| child.run != run),
            Ok(Versioned { version, .. }) => {
                tracing::warn!(version, "a line of the children file is of another version");
            }
            // A disk that was full in the middle of a line.
            Err(error) => tracing::warn!(%error, "a line of the children file makes no sense"),
        }
    }
    left
}

/// Writes the file anew with these processes only, and reserves room for more.
pub(super) fn replace(path: &Path, children: Vec<Child>) -> io::Result<()> {
    let lines = children.into_iter().map(|child| line(Entry::Started(child))).collect::<io::Result<Vec<_>>>()?;
    write_atomic(path, &lines.concat())?;
    let file = OpenOptions::new().write(true).open(path).map_err(|error| named(path, &error))?;
    reserve(&file);
    Ok(())
}

#[cfg(target_os = "linux")]
fn reserve(file: &File) {
    // Not every file system can; then a full disk keeps services from being started.
    if let Err(error) = rustix::fs::fallocate(file, rustix::fs::FallocateFlags::KEEP_SIZE, 0, RESERVED) {
        tracing::debug!(%error, "cannot reserve room for the children file");
    }
}

#[cfg(not(target_os = "linux"))]
fn reserve(_file: &File) {}

/// How large the file is.
pub(super) fn size(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |found| found.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn child(run: &str) -> Child {
        Child {
            boot: "b".to_owned(),
            service: ServiceId::new("api").unwrap(),
            run: run.to_owned(),
            process: ProcessId { pid: 7, started: 99 },
            keeper: None,
            stop_timeout: Duration::from_secs(10),
            group: None,
        }
    }

    #[test]
    fn what_is_not_known_to_be_gone_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("children");
        assert!(read(&path).unwrap().is_empty());
        for run in ["one", "two", "three"] {
            append_started(&path, child(run)).unwrap();
        }
        append_gone(&path, "two").unwrap();
        fs::write(&path, [fs::read(&path).unwrap(), b"{\"half\": \n".to_vec()].concat()).unwrap();
        assert_eq!(read(&path).unwrap(), [child("one"), child("three")]);
        replace(&path, vec![child("three")]).unwrap();
        append_started(&path, child("four")).unwrap();
        assert_eq!(read(&path).unwrap(), [child("three"), child("four")]);
    }

    #[test]
    fn a_line_that_was_cut_takes_no_other_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("children");
        let long = Child { group: Some(PathBuf::from("/sys/fs/cgroup/größe")), ..child("torn") };
        append_started(&path, long).unwrap();
        let whole = fs::read(&path).unwrap();
        for cut in 0..whole.len() {
            fs::write(&path, &whole[..cut]).unwrap();
            append_started(&path, child("next")).unwrap();
            let left = read(&path).unwrap();
            assert_eq!(left.last(), Some(&child("next")), "{cut}");
            // Without the end of its line it is there all the same.
            assert_eq!(left.len(), if cut == whole.len() - 1 { 2 } else { 1 }, "{cut}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "(\\{\"version\":[0-9],|\"(started|gone)\":|\"x\"|[{}:,\n0-9a-z]){0,20}") {
            let _ = parse(&text);
        }
    }
}
