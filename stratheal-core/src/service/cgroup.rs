//! Control groups of services, where a part of the tree was delegated to this user. Source: the kernel's `cgroup-v2.rst`.
//!
//! Only version 2 has what is needed: a group that is killed at once, and one that tells whether somebody is in it. Without it, process
//! groups, sessions and marks do the same work, a little slower.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::base::fs::{named, read_text};
use crate::sys::cgroup::{Version, locate};
use crate::sys::{SysError, SysRoot};

/// The largest list of members that is read.
const LONGEST: u64 = 4 << 20;

/// The group below which services may have groups of their own; `None` where nothing was delegated.
///
/// The root of all groups is nobody's to divide, and a group that belongs to the system is not either: the folder must be the user's.
pub(super) fn delegated(root: &SysRoot) -> Option<PathBuf> {
    use std::os::unix::fs::MetadataExt;
    // A controller no hierarchy of version 1 has, so that version 2 is asked.
    let found = locate(root, "no-such-controller").ok().flatten()?;
    let own = found.groups.first().filter(|_| found.version == Version::V2)?;
    let folder = root.path(&own.folder);
    let metadata = fs::metadata(folder.join("cgroup.procs")).ok()?;
    let ours = metadata.uid() == rustix::process::geteuid().as_raw();
    let divided = folder.join("cgroup.events").exists() && folder.join("cgroup.kill").exists();
    // For root everything is its own; what a service manager delegates, it says so.
    let for_root = ours && metadata.uid() == 0 && !is_marked(&folder);
    (ours && divided && !for_root).then_some(folder)
}

/// Whether systemd delegated a group (`Delegate=yes`).
fn is_marked(folder: &Path) -> bool {
    let mut value = [0_u8; 8];
    let names = ["user.delegate", "trusted.delegate"];
    names
        .iter()
        .any(|name| rustix::fs::getxattr(folder, *name, &mut value[..]).is_ok_and(|size| value[..size] == *b"1"))
}

/// Makes a group.
pub(super) fn make(parent: &Path, name: &str) -> io::Result<PathBuf> {
    let folder = parent.join(name);
    match fs::create_dir(&folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(named(&folder, &error)),
        _ => Ok(folder),
    }
}

/// Puts this process into a group.
pub(super) fn join(folder: &Path) -> io::Result<()> {
    let file = folder.join("cgroup.procs");
    fs::write(&file, "0").map_err(|error| named(&file, &error))
}

/// The members of a group; none when it is gone.
pub(super) fn members(folder: &Path) -> Result<Vec<u32>, SysError> {
    let path = folder.join("cgroup.procs");
    match read_text(&path, LONGEST) {
        Ok(text) => Ok(parse_members(&text)),
        Err(_) if !path.exists() => Ok(Vec::new()),
        Err(source) => Err(SysError::Read { path, source }),
    }
}

/// Kills everybody in a group at once.
pub(super) fn kill(folder: &Path) -> io::Result<()> {
    let file = folder.join("cgroup.kill");
    fs::write(&file, "1").map_err(|error| named(&file, &error))
}

/// Whether somebody is in a group or below it, or may be; `None` when it is gone or does not say.
pub(super) fn is_populated(folder: &Path) -> Option<bool> {
    let path = folder.join("cgroup.events");
    match read_text(&path, 4096) {
        Ok(text) => parse_populated(&text),
        Err(_) if !path.exists() => None,
        // Not known is not empty.
        Err(_) => Some(true),
    }
}

/// Removes an empty group.
pub(super) fn remove(folder: &Path) {
    if let Err(error) = fs::remove_dir(folder)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::debug!(folder = %folder.display(), %error, "cannot remove a control group");
    }
}

fn parse_members(text: &str) -> Vec<u32> {
    text.lines().filter_map(|line| line.trim().parse().ok()).collect()
}

fn parse_populated(text: &str) -> Option<bool> {
    text.lines().find_map(|line| match line.split_once(' ')? {
        ("populated", "0") => Some(false),
        ("populated", _) => Some(true),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn recorded_groups_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let group = make(folder.path(), "api").unwrap();
        assert_eq!((members(&group).unwrap(), is_populated(&group)), (Vec::new(), None));
        fs::write(group.join("cgroup.procs"), "12\n345\n").unwrap();
        fs::write(group.join("cgroup.events"), "populated 1\nfrozen 0\n").unwrap();
        assert_eq!((members(&group).unwrap(), is_populated(&group)), (vec![12, 345], Some(true)));
        kill(&group).unwrap();
        assert_eq!(fs::read_to_string(group.join("cgroup.kill")).unwrap(), "1");
        assert_eq!(make(folder.path(), "api").unwrap(), group, "one that is there is used");
    }

    #[test]
    fn nothing_is_divided_that_was_not_delegated() {
        let recorded = |name: &str| SysRoot::new(format!("{}/tests/fixtures/sys/{name}", env!("CARGO_MANIFEST_DIR")));
        assert_eq!(delegated(&recorded("v1")), None);
        if delegated(&SysRoot::default()).is_none() {
            crate::testing::skipped("services in control groups", "no control group of version 2 is delegated here");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "(populated [01]|[0-9]{1,12}|[a-z ]{0,9}|\n){0,9}") {
            let _ = (parse_members(&text), parse_populated(&text));
        }
    }
}
