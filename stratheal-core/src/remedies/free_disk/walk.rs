//! Looking for what may go, below one folder, bounded in time, entries and depth.

use std::ffi::OsStr;
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rustix::fs::{AtFlags, Dir, FileType, Stat};
use rustix::io::Errno;
use tokio::time::Instant;

use super::beneath::{READ, Root};
use super::found::{Bounds, Found, Walked};
use super::rule::Swept;

/// A folder that is being read.
struct Frame {
    folder: Dir,
    path: PathBuf,
    stat: Stat,
    /// Whether everything in it so far may go.
    is_clear: bool,
}

impl Frame {
    fn is_bytecode(&self) -> bool {
        self.path.file_name().is_some_and(|name| name == "__pycache__")
    }
}

/// Finds what a rule may be about. Age and number are judged later.
pub(super) fn walk(root: &Root, what: &Swept, bounds: Bounds, until: Instant) -> Result<Walked, Errno> {
    let mut walked = Walked { is_whole: true, ..Walked::default() };
    let mut frames = vec![open(root, None, Path::new(""))?];
    while let Some(frame) = frames.last_mut() {
        if walked.seen >= bounds.entries || walked.found.len() >= bounds.found || Instant::now() >= until {
            walked.is_whole = false;
            break;
        }
        match frame.folder.read() {
            Some(Ok(entry)) => {
                let name = entry.file_name().to_bytes();
                if matches!(name, b"." | b"..") {
                    continue;
                }
                walked.seen += 1;
                let is_deep = frames.len() > bounds.depth;
                if let Some(below) = look_at(root, what, &mut frames, OsStr::from_bytes(name), is_deep, &mut walked) {
                    frames.push(below);
                }
            }
            Some(Err(_)) => {
                walked.unreadable += 1;
                frame.is_clear = false;
            }
            None => {
                let Some(frame) = frames.pop() else { break };
                let Some(above) = frames.last_mut() else { break };
                let may_go = match what {
                    Swept::EmptyFolders { .. } => frame.is_clear,
                    Swept::Bytecode => frame.is_clear && frame.is_bytecode(),
                    _ => false,
                };
                if may_go {
                    walked.found.push(found(frame.path, &frame.stat, true));
                } else {
                    above.is_clear = false;
                }
            }
        }
    }
    Ok(walked)
}

fn open(root: &Root, above: Option<BorrowedFd<'_>>, path: &Path) -> Result<Frame, Errno> {
    let opened = match (above, path.file_name()) {
        (Some(above), Some(name)) => root.below_folder(above, Path::new(name), READ)?,
        _ => root.below(path, READ)?,
    };
    let stat = rustix::fs::fstat(&opened)?;
    Ok(Frame { folder: Dir::new(opened)?, path: path.to_owned(), stat, is_clear: true })
}

/// Judges one entry of the innermost folder; answers the folder that it is, when that has to be read.
fn look_at(
    root: &Root,
    what: &Swept,
    frames: &mut [Frame],
    name: &OsStr,
    is_deep: bool,
    walked: &mut Walked,
) -> Option<Frame> {
    let frame = frames.last_mut()?;
    let is_bytecode = frame.is_bytecode();
    let looked = frame.folder.fd().and_then(|folder| {
        let stat = rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
        let path = frame.path.join(name);
        let kind = FileType::from_raw_mode(stat.st_mode);
        let below = (kind == FileType::Directory && !is_deep).then(|| open(root, Some(folder), &path));
        Ok((stat, path, kind, below))
    });
    let (stat, path, kind, below) = match looked {
        Ok(looked) => looked,
        // It vanished meanwhile.
        Err(Errno::NOENT) => return None,
        Err(_) => {
            walked.unreadable += 1;
            frame.is_clear = false;
            return None;
        }
    };
    match below {
        Some(Ok(below)) => return Some(below),
        Some(Err(Errno::NOENT)) => return None,
        Some(Err(error)) => {
            let is_elsewhere = matches!(error, Errno::XDEV | Errno::LOOP | Errno::NOTDIR);
            *(if is_elsewhere { &mut walked.not_entered } else { &mut walked.unreadable }) += 1;
        }
        None if kind == FileType::RegularFile && is_wanted(what, name, is_bytecode) => {
            if stat.st_nlink == 1 {
                walked.found.push(found(path, &stat, false));
                return None;
            }
            walked.linked += 1;
        }
        None if matches!(kind, FileType::Directory) => walked.unreadable += 1,
        None if matches!(kind, FileType::Symlink) => walked.not_entered += 1,
        None => {}
    }
    frame.is_clear = false;
    None
}

fn is_wanted(what: &Swept, name: &OsStr, is_bytecode: bool) -> bool {
    match what {
        Swept::Files(files) => files.names.iter().any(|pattern| pattern.matches(name.as_bytes())),
        // While it is written, a file of bytecode has a number behind its name.
        Swept::Bytecode => {
            // While it is written, a file of bytecode has a number behind its name.
            let name = name.as_bytes();
            let digits = name.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
            let is_begun = digits > 0 && name[..name.len() - digits].ends_with(b".pyc.");
            is_bytecode && (is_begun || name.ends_with(b".pyc"))
        }
        Swept::EmptyFolders { .. } | Swept::Cache(_) => false,
    }
}

fn found(path: PathBuf, stat: &Stat, is_folder: bool) -> Found {
    Found {
        path,
        device: stat.st_dev,
        inode: stat.st_ino,
        modified: modified(stat),
        changed: changed(stat),
        size: stat.st_size as u64,
        bytes: space(stat),
        is_folder,
    }
}

/// The space that a file takes, in bytes.
pub(super) fn space(stat: &Stat) -> u64 {
    (stat.st_blocks as u64).saturating_mul(512)
}

/// Times that no calendar has count as the future, and so as young.
fn time(seconds: i64, nanoseconds: impl TryInto<i32>) -> Timestamp {
    let nanoseconds = nanoseconds.try_into().unwrap_or_default();
    Timestamp::new(seconds, nanoseconds).unwrap_or(Timestamp::MAX)
}

pub(super) fn modified(stat: &Stat) -> Timestamp {
    time(stat.st_mtime, stat.st_mtime_nsec)
}

pub(super) fn changed(stat: &Stat) -> Timestamp {
    time(stat.st_ctime, stat.st_ctime_nsec)
}
