//! Extended attributes: capabilities, access lists, and what users attach to files.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;

/// The most bytes that the attributes of one file may have, with their names.
pub(in crate::snapshot) const MOST_BYTES: usize = 128 << 10;

/// The extended attributes of a file or a folder, in the order of their names. Those that the system gives by itself, such as the
/// labels of `SELinux`, are not among them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Extended(Box<[(OsString, Vec<u8>)]>);

impl Extended {
    pub(in crate::snapshot) fn new(mut attributes: Vec<(OsString, Vec<u8>)>) -> Self {
        attributes.sort_unstable();
        Self(attributes.into())
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&OsStr, &[u8])> {
        self.0.iter().map(|(name, value)| (name.as_os_str(), value.as_slice()))
    }

    /// Whether one with this name is kept.
    pub(in crate::snapshot) fn is_kept(name: &OsStr) -> bool {
        let bytes = name.as_encoded_bytes();
        let others: [&[u8]; 3] = [b"security.capability", b"system.posix_acl_access", b"system.posix_acl_default"];
        (bytes.starts_with(b"user.") && !bytes.contains(&0)) || others.contains(&bytes)
    }

    pub(in crate::snapshot) fn bytes(&self) -> usize {
        self.iter().map(|(name, value)| name.len() + value.len()).sum()
    }
}

#[cfg(target_os = "linux")]
impl Extended {
    /// Those of a file or a folder, which is not followed where it is a link.
    pub(in crate::snapshot) fn read(path: &Path) -> io::Result<Self> {
        use rustix::fs::{lgetxattr, llistxattr};
        use rustix::io::Errno;
        let names = match sized(|buffer| llistxattr(path, buffer)) {
            Err(Errno::NOTSUP | Errno::NOSYS) => return Ok(Self::default()),
            names => names?,
        };
        let mut attributes = Vec::new();
        for name in names.split(|byte| *byte == 0).map(os_str).filter(|name| Self::is_kept(name)) {
            match sized(|buffer| lgetxattr(path, name, buffer)) {
                // It went between two looks.
                Err(Errno::NODATA) => {}
                value => attributes.push((name.to_owned(), value?)),
            }
        }
        let extended = Self::new(attributes);
        if extended.bytes() > MOST_BYTES {
            return Err(io::Error::other(format!("its extended attributes have more than {MOST_BYTES} bytes")));
        }
        Ok(extended)
    }

    /// Gives a file or a folder these, and no others of their kinds.
    pub(in crate::snapshot) fn give(&self, path: &Path) -> io::Result<()> {
        use rustix::fs::{XattrFlags, lremovexattr, lsetxattr};
        use rustix::io::Errno;
        let there = Self::read(path)?;
        if there == *self {
            return Ok(());
        }
        let too_many = there.iter().map(|(name, _)| name).filter(|name| self.iter().all(|(own, _)| own != *name));
        let removed = too_many.map(|name| lremovexattr(path, name));
        let given = self.iter().map(|(name, value)| lsetxattr(path, name, value, XattrFlags::empty()));
        for done in removed.chain(given) {
            match done {
                // Only root may give capabilities, and not every file system has all kinds: anybody else goes on without them.
                Err(error @ (Errno::PERM | Errno::NOTSUP)) => {
                    tracing::warn!(path = %path.display(), %error, "an extended attribute cannot be given back");
                }
                done => done?,
            }
        }
        Ok(())
    }
}

#[cfg(target_os = "linux")]
fn os_str(bytes: &[u8]) -> &OsStr {
    std::os::unix::ffi::OsStrExt::from_bytes(bytes)
}

/// Asks with a small buffer first, which is enough nearly always.
#[cfg(target_os = "linux")]
fn sized(ask: impl Fn(&mut [u8]) -> rustix::io::Result<usize>) -> rustix::io::Result<Vec<u8>> {
    let mut buffer = [0; 256];
    match ask(&mut buffer) {
        Err(rustix::io::Errno::RANGE) => {}
        length => return Ok(buffer[..length?].to_vec()),
    }
    let mut buffer = vec![0; 64 << 10];
    let length = ask(&mut buffer)?;
    buffer.truncate(length);
    Ok(buffer)
}

#[cfg(not(target_os = "linux"))]
impl Extended {
    pub(in crate::snapshot) fn read(_path: &Path) -> io::Result<Self> {
        Ok(Self::default())
    }

    pub(in crate::snapshot) fn give(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn they_are_read_given_and_taken_away() {
        use rustix::fs::{XattrFlags, lsetxattr};
        let folder = tempfile::tempdir().unwrap();
        let [one, other] = ["one", "other"].map(|name| folder.path().join(name));
        for path in [&one, &other] {
            std::fs::write(path, "x").unwrap();
        }
        if lsetxattr(&one, "user.note", b"by hand", XattrFlags::empty()).is_err() {
            return crate::testing::skipped("extended attributes", "this file system has none");
        }
        lsetxattr(&one, "user.large", &[7; 1_000], XattrFlags::empty()).unwrap();
        lsetxattr(&other, "user.stray", b"", XattrFlags::empty()).unwrap();
        let read = Extended::read(&one).unwrap();
        let told: Vec<_> = read.iter().map(|(name, value)| (name.to_str().unwrap(), value.len())).collect();
        assert_eq!(told, [("user.large", 1_000), ("user.note", 7)]);
        read.give(&other).unwrap();
        assert_eq!(Extended::read(&other).unwrap(), read);
        Extended::default().give(&other).unwrap();
        assert!(Extended::read(&other).unwrap().is_empty());
        assert_eq!(Extended::read(&folder.path().join("gone")).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
