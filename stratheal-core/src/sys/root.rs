//! [`SysRoot`]: the folder under which `/proc` and `/sys` are looked for.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use super::error::{Malformed, SysError};

/// The folder under which `/proc` and `/sys` are looked for: `/`, or a folder of recorded files.
///
/// ```
/// use stratheal_core::sys::SysRoot;
/// assert!(SysRoot::default().is_host());
/// assert_eq!(SysRoot::new("/srv/recorded").path("/proc/stat"), std::path::Path::new("/srv/recorded/proc/stat"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SysRoot(PathBuf);

impl Default for SysRoot {
    fn default() -> Self {
        Self(PathBuf::from("/"))
    }
}

impl SysRoot {
    /// The most bytes read from one file. `/proc/stat` of a machine with hundreds of processors and the mounts of a busy container
    /// host stay well below.
    pub const MAX_FILE: u64 = 4 * 1024 * 1024;

    /// A root at `folder`.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self(folder.into())
    }

    /// Whether this is the machine itself rather than recorded files.
    #[must_use]
    pub fn is_host(&self) -> bool {
        self.0 == Path::new("/")
    }

    /// Whether this machine has no `/proc`, so that `sysinfo` has to answer.
    #[must_use]
    pub fn lacks_proc(&self) -> bool {
        self.is_host() && !self.path("proc/self").exists()
    }

    /// A path below the root. `..` is left out, so that what a file names stays below the root.
    #[must_use]
    pub fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        let inside = path.as_ref().components().filter(|part| matches!(part, Component::Normal(_)));
        let mut full = self.0.clone();
        full.extend(inside);
        full
    }

    /// Reads a file of at most [`MAX_FILE`](Self::MAX_FILE) bytes.
    ///
    /// # Errors
    /// [`SysError::Read`], also when the file is larger.
    pub fn read_bytes(&self, path: impl AsRef<Path>) -> Result<Vec<u8>, SysError> {
        let path = self.path(path);
        let read = || {
            let mut bytes = Vec::new();
            File::open(&path)?.take(Self::MAX_FILE + 1).read_to_end(&mut bytes)?;
            if bytes.len() as u64 > Self::MAX_FILE {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("larger than {} bytes", Self::MAX_FILE),
                ));
            }
            Ok(bytes)
        };
        read().map_err(|source| SysError::Read { path: path.clone(), source })
    }

    /// Reads a file as text; bytes that are no UTF-8, as a process may have in its name, are replaced.
    ///
    /// # Errors
    /// As [`read_bytes`](Self::read_bytes).
    pub fn read(&self, path: impl AsRef<Path>) -> Result<String, SysError> {
        let bytes = self.read_bytes(path)?;
        Ok(String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
    }

    /// Reads a file and understands it.
    ///
    /// # Errors
    /// As [`read_bytes`](Self::read_bytes), or [`SysError::Malformed`] with what `parser` says.
    pub fn parse<T>(
        &self,
        path: impl AsRef<Path>,
        parser: impl FnOnce(&str) -> Result<T, Malformed>,
    ) -> Result<T, SysError> {
        let text = self.read(&path)?;
        parser(&text).map_err(|source| SysError::Malformed { path: self.path(path), source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_below_the_root() {
        let root = SysRoot::new("/recorded");
        assert_eq!(root.path("/proc/../../etc/./passwd"), Path::new("/recorded/proc/etc/passwd"));
        assert!(!root.is_host() && !root.lacks_proc());
    }

    #[test]
    fn errors_name_the_file() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("odd"), b"a\xffb").unwrap();
        std::fs::write(folder.path().join("large"), vec![b'x'; SysRoot::MAX_FILE as usize + 1]).unwrap();
        let root = SysRoot::new(folder.path());
        assert_eq!(root.read("odd").unwrap(), "a\u{fffd}b");
        let missing = root.read("none").unwrap_err();
        assert!(missing.is_missing() && missing.to_string().ends_with("none"), "{missing}");
        assert!(matches!(root.read("large"), Err(SysError::Read { .. })));
        let error = root.parse("odd", |text| Err::<(), _>(Malformed::new("no number", text))).unwrap_err();
        assert!(error.to_string().ends_with("odd"), "{error}");
    }
}
