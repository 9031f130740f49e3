//! The ways in which a file of the store becomes a file elsewhere.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// How files may be linked out of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkMode {
    /// A reflink where the file system has them, else a guarded hard link, else a copy.
    #[default]
    Auto,
    /// Always a copy.
    Copy,
}

/// How a file was linked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Linked {
    /// It shares its blocks until one of them is written to.
    Reflink,
    /// It is the same file: an edit in place is seen through each of its names.
    HardLink,
    /// It is a file of its own.
    Copy,
}

/// Whether this error says that it will not work for the next file either: another file system, or one without this.
pub(super) fn is_hopeless(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    let no_such_operation = cfg!(unix) && matches!(error.raw_os_error(), Some(95 | 25 | 22 | 38));
    no_such_operation || matches!(error.kind(), Kind::Unsupported | Kind::CrossesDevices | Kind::PermissionDenied)
}

/// Whether this error says nothing about the two files, so that another way may work.
pub(super) fn may_go_another_way(error: &io::Error) -> bool {
    is_hopeless(error) || error.kind() == io::ErrorKind::TooManyLinks
}

/// Copies bytes into a file that must not exist yet. A copy that fails leaves nothing.
pub(super) fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let mut source = fs::File::open(from)?;
    let mut copied = OpenOptions::new().write(true).create_new(true).open(to)?;
    io::copy(&mut source, &mut copied).map(drop).inspect_err(|_| undo(to))
}

/// Deletes what a failed step has left at its destination.
pub(super) fn undo(path: &Path) {
    if let Err(error) = fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(path = %path.display(), %error, "cannot remove what a failed link has left");
    }
}
