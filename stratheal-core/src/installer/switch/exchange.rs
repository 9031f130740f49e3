//! The one step.

use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// Which folder it is, whatever it is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    /// Looks at a folder. `None` when there is none.
    #[cfg(unix)]
    pub(crate) fn of(folder: &Path) -> io::Result<Option<Self>> {
        use std::os::unix::fs::MetadataExt;
        match fs::symlink_metadata(folder) {
            Ok(found) => Ok(Some(Self { device: found.dev(), inode: found.ino() })),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Without numbers of files nothing can be told apart.
    #[cfg(not(unix))]
    pub(crate) fn of(_folder: &Path) -> io::Result<Option<Self>> {
        Err(io::Error::from(io::ErrorKind::Unsupported))
    }
}

/// Swaps two folders: at every instant both names lead to one of them (`renameat2` with `RENAME_EXCHANGE`).
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn exchange(one: &Path, other: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    Ok(renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE)?)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn exchange(_one: &Path, _other: &Path) -> io::Result<()> {
    Err(io::Error::from(io::ErrorKind::Unsupported))
}

/// Whether an exchange failed because there can be none here: a mount point, a lower layer, a file system without it.
pub(crate) fn is_impossible(error: &io::Error) -> bool {
    use io::ErrorKind::{CrossesDevices, InvalidInput, PermissionDenied, ResourceBusy, Unsupported};
    matches!(error.kind(), CrossesDevices | InvalidInput | PermissionDenied | ResourceBusy | Unsupported)
}

/// Whether files can be moved from one folder into another. Device numbers do not tell: a folder that is mounted a second time has the same
/// one. So the system is asked for a move that it refuses in any case, and looks at the mounts before it looks at the names.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn is_within_reach(from: &Path, into: &Path) -> io::Result<bool> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    use rustix::io::Errno;
    match renameat_with(CWD, from.join("none"), CWD, into.join("."), RenameFlags::NOREPLACE) {
        Err(Errno::XDEV) => Ok(false),
        Ok(()) | Err(Errno::EXIST | Errno::BUSY | Errno::INVAL | Errno::NOSYS | Errno::NOENT) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn is_within_reach(_from: &Path, _into: &Path) -> io::Result<bool> {
    Ok(false)
}

/// Gives a folder a name that is free.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn place(from: &Path, to: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // A file system without this: an empty folder would be replaced, and nothing else.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => fs::rename(from, to),
        placed => Ok(placed?),
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn place(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    #[test]
    fn folders_change_places_and_nothing_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (folder.path().join("one"), folder.path().join("other"));
        for path in [&one, &other] {
            fs::create_dir(path).unwrap();
            fs::write(path.join("name"), path.file_name().unwrap().to_str().unwrap()).unwrap();
        }
        let before = Identity::of(&one).unwrap();
        exchange(&one, &other).unwrap();
        assert_eq!(fs::read_to_string(one.join("name")).unwrap(), "other");
        assert_eq!(Identity::of(&other).unwrap(), before);
        assert_eq!(place(&one, &other).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        place(&one, &folder.path().join("third")).unwrap();
        assert_eq!(Identity::of(&one).unwrap(), None);
    }

    #[test]
    fn another_file_system_is_out_of_reach() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("into")).unwrap();
        assert!(is_within_reach(folder.path(), &folder.path().join("into")).unwrap());
        assert!(!is_within_reach(folder.path(), Path::new("/proc")).unwrap());
        assert!(is_within_reach(folder.path(), &folder.path().join("absent/deep")).unwrap());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
