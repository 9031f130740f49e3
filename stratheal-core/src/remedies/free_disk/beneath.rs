//! Opening folders so that nothing leads out of them.
//!
//! `openat2(2)` refuses, in one step and whatever somebody does meanwhile, symbolic links, `..` and other mounts. Where it is missing
//! (before Linux 5.6, or kept from a container) each part of a path is opened by itself without following links; then another mount is
//! told only by its device number, so that a bind mount of the same file system is not.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, ResolveFlags, StatxAttributes, StatxFlags};
use rustix::io::Errno;

/// How often it is tried again when a folder is renamed just then (`openat2(2)`, `EAGAIN`).
const ATTEMPTS: usize = 16;

/// For folders that are read.
pub(super) const READ: OFlags = OFlags::RDONLY;
/// For folders in which something is deleted.
pub(super) const NAME_ONLY: OFlags = OFlags::PATH;

const ALWAYS: OFlags = OFlags::DIRECTORY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// The folder of a rule.
#[derive(Debug)]
pub(super) struct Root {
    folder: OwnedFd,
    device: u64,
    has_openat2: bool,
}

impl Root {
    /// Opens it, if its path has no links in it and it is no mount point.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Self::open_with(path, true)
    }

    /// The same, with or without `openat2`.
    pub(super) fn open_with(path: &Path, has_openat2: bool) -> io::Result<Self> {
        let named = |error: Errno| match error {
            Errno::LOOP | Errno::NOTDIR => io::Error::new(
                io::ErrorKind::NotADirectory,
                format!("{} is no folder, or a symbolic link leads there: name the folder itself", path.display()),
            ),
            other => crate::base::fs::named(path, &other.into()),
        };
        let top = rustix::fs::openat(CWD, "/", NAME_ONLY | ALWAYS, Mode::empty()).map_err(named)?;
        let below = path.strip_prefix("/").unwrap_or(path);
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        let (folder, has_openat2) = match has_openat2.then(|| one_step(&top, below, READ, resolve)) {
            None | Some(Err(Errno::NOSYS | Errno::PERM)) => (part_by_part(&top, below, READ, None), false),
            Some(other) => (other, true),
        };
        let folder = folder.map_err(named)?;
        if is_mount_point(&folder) {
            return Err(io::Error::other(format!("{} is a mount point: name a folder in it", path.display())));
        }
        let device = rustix::fs::fstat(&folder).map_err(named)?.st_dev;
        Ok(Self { folder, device, has_openat2 })
    }

    /// Opens a folder below it.
    pub(super) fn below(&self, path: &Path, access: OFlags) -> Result<OwnedFd, Errno> {
        self.below_folder(&self.folder, path, access)
    }

    /// Opens a folder below one that was opened below it.
    pub(super) fn below_folder(&self, folder: impl AsFd, path: &Path, access: OFlags) -> Result<OwnedFd, Errno> {
        if !self.has_openat2 {
            return part_by_part(folder, path, access, Some(self.device));
        }
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        let resolve =
            ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_XDEV;
        one_step(folder, path, access, resolve)
    }
}

fn one_step(from: impl AsFd, path: &Path, access: OFlags, resolve: ResolveFlags) -> Result<OwnedFd, Errno> {
    let mut answer = Err(Errno::AGAIN);
    for _ in 0..ATTEMPTS {
        answer = rustix::fs::openat2(from.as_fd(), path, access | ALWAYS, Mode::empty(), resolve);
        if !matches!(answer, Err(Errno::AGAIN | Errno::INTR)) {
            break;
        }
    }
    answer
}

fn part_by_part(from: impl AsFd, path: &Path, access: OFlags, device: Option<u64>) -> Result<OwnedFd, Errno> {
    let parts: Vec<Component<'_>> = path.components().filter(|part| *part != Component::CurDir).collect();
    let Some((last, above)) = parts.split_last() else {
        return rustix::fs::openat(from, ".", access | ALWAYS, Mode::empty());
    };
    let step = |from: &dyn AsFd, part: &Component<'_>, access: OFlags| {
        let Component::Normal(name) = part else { return Err(Errno::XDEV) };
        let opened = rustix::fs::openat(from.as_fd(), *name, access | ALWAYS, Mode::empty())?;
        match device {
            Some(device) if rustix::fs::fstat(&opened)?.st_dev != device => Err(Errno::XDEV),
            _ => Ok(opened),
        }
    };
    let mut here: Option<OwnedFd> = None;
    for part in above {
        here = Some(match &here {
            Some(folder) => step(folder, part, NAME_ONLY)?,
            None => step(&from, part, NAME_ONLY)?,
        });
    }
    match &here {
        Some(folder) => step(folder, last, access),
        None => step(&from, last, access),
    }
}

/// Whether something is mounted just here; not known before Linux 5.8, and then no.
fn is_mount_point(folder: &OwnedFd) -> bool {
    let attributes = rustix::fs::statx(folder, "", AtFlags::EMPTY_PATH, StatxFlags::empty());
    attributes.is_ok_and(|found| found.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn no_link_is_followed_either_way() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().canonicalize().unwrap();
        fs::create_dir_all(real.join("root/a/b")).unwrap();
        symlink("/etc", real.join("root/a/etc")).unwrap();
        symlink("..", real.join("root/a/up")).unwrap();
        symlink("root", real.join("link")).unwrap();
        fs::write(real.join("root/file"), "").unwrap();
        for has_openat2 in [true, false] {
            let root = Root::open_with(&real.join("root"), has_openat2).unwrap();
            for (path, is_good) in [
                ("", true),
                ("a", true),
                ("a/b", true),
                ("a/etc", false),
                ("a/up", false),
                ("a/etc/ssl", false),
                ("file", false),
            ] {
                assert_eq!(root.below(Path::new(path), NAME_ONLY).is_ok(), is_good, "{path} {has_openat2}");
            }
            assert!(root.below(Path::new("../root"), NAME_ONLY).is_err());
            assert!(root.below(Path::new("/etc"), NAME_ONLY).is_err());
            let refused = Root::open_with(&real.join("link"), has_openat2).unwrap_err();
            assert!(refused.to_string().contains("symbolic link"), "{refused}");
            assert!(Root::open_with(&real.join("link/a"), has_openat2).is_err());
            assert!(Root::open_with(Path::new("/proc"), has_openat2).unwrap_err().to_string().contains("mount point"));
        }
    }
}
