//! Which files the processes of this host hold open. Source: `proc_pid_fd(5)`.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use tokio::time::Instant;

use super::process::pids;
use super::{SysError, SysRoot};

/// How many descriptors of the whole host are looked at.
const MOST: u64 = 1 << 20;

/// A file descriptor of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descriptor {
    /// The process.
    pub pid: u32,
    /// What the link says: a path, or something like `socket:[123]`.
    pub target: PathBuf,
    /// The file behind it; `None` where it cannot be asked for.
    pub file: Option<OpenFile>,
}

/// A file that is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenFile {
    /// The number of the device it lies on.
    pub device: u64,
    /// Its number there.
    pub inode: u64,
    /// How many names it has; none when it was deleted.
    pub links: u64,
    /// The space it takes, in bytes.
    pub bytes: u64,
    /// Whether it is a plain file.
    pub is_plain: bool,
}

/// How much was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Seen {
    /// Processes whose descriptors were listed.
    pub processes: u64,
    /// Processes whose descriptors may not be listed: those of other users, unless this is root.
    pub denied: u64,
    /// Whether time and bounds sufficed for all.
    pub is_whole: bool,
}

/// Tells of each descriptor of each process, until `until` at most. Asking for a file on a dead network mount may block for ever, so
/// this belongs on a thread that can be given up.
///
/// # Errors
/// [`SysError`] when processes cannot be listed at all. Those that end meanwhile are left out.
pub fn each(root: &SysRoot, until: Instant, mut tell: impl FnMut(Descriptor)) -> Result<Seen, SysError> {
    if root.lacks_proc() {
        return Err(SysError::Unsupported { what: "which files are open", why: "there is no /proc" });
    }
    let mut seen = Seen { is_whole: true, ..Seen::default() };
    let mut count = 0;
    for pid in pids(root)? {
        let folder = root.path(format!("proc/{pid}/fd"));
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                seen.denied += 1;
                continue;
            }
            // It has ended.
            Err(_) => continue,
        };
        seen.processes += 1;
        // What cannot be read any more was closed meanwhile.
        for entry in entries.map_while(Result::ok) {
            count += 1;
            if count > MOST || Instant::now() >= until {
                seen.is_whole = false;
                return Ok(seen);
            }
            let Ok(target) = fs::read_link(entry.path()) else { continue };
            let file = fs::metadata(entry.path()).ok().map(|metadata| OpenFile {
                device: metadata.dev(),
                inode: metadata.ino(),
                links: metadata.nlink(),
                bytes: metadata.blocks().saturating_mul(512),
                is_plain: metadata.is_file(),
            });
            tell(Descriptor { pid, target, file });
        }
    }
    Ok(seen)
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_open_file_is_seen() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let metadata = file.as_file().metadata().unwrap();
        let mut found = Vec::new();
        let until = Instant::now() + Duration::from_secs(20);
        let seen = each(&SysRoot::default(), until, |descriptor| {
            if descriptor.target == file.path() {
                found.push(descriptor);
            }
        });
        assert!(seen.unwrap().processes > 0);
        let file = found[0].file.unwrap();
        assert_eq!((found[0].pid, file.inode, file.links), (std::process::id(), metadata.ino(), 1));
        assert!(file.is_plain);
        let seen = each(&SysRoot::default(), Instant::now(), |_| ()).unwrap();
        assert!(!seen.is_whole);
    }
}
