//! Space and inodes of one file system. Source: statvfs(3); percentages as df(1) computes them.

use std::io;
use std::path::Path;

/// Space, in bytes, and inodes of a file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FilesystemUsage {
    /// All space.
    pub total: u64,
    /// Space nothing is stored in, including what is reserved for root.
    pub free: u64,
    /// Space an ordinary user can have.
    pub available: u64,
    /// All inodes; 0 when the file system makes them as needed.
    pub inodes: u64,
    /// Unused inodes.
    pub inodes_free: u64,
}

impl FilesystemUsage {
    /// Space something is stored in.
    #[must_use]
    pub const fn used(&self) -> u64 {
        self.total.saturating_sub(self.free)
    }

    /// Used space in percent of what an ordinary user can use, so that it is 100 when such a user can write nothing more; `None`
    /// when there is no space at all.
    ///
    /// ```
    /// use stratheal_core::sys::filesystem::FilesystemUsage;
    /// let usage = FilesystemUsage { total: 100, free: 20, available: 0, ..Default::default() };
    /// assert_eq!(usage.used_percent(), Some(100.0));
    /// ```
    #[must_use]
    pub fn used_percent(&self) -> Option<f64> {
        percent(self.used(), self.used().saturating_add(self.available))
    }

    /// Used inodes in percent; `None` when the file system makes them as needed.
    #[must_use]
    pub fn inodes_used_percent(&self) -> Option<f64> {
        percent(self.inodes.saturating_sub(self.inodes_free), self.inodes)
    }
}

fn percent(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64 * 100.0)
}

/// Asks for the usage of the file system that holds `path`.
///
/// This may block for ever when a network mount is dead, so it belongs on a thread that can be given up.
///
/// # Errors
/// What the system says.
#[cfg(unix)]
pub fn usage(path: &Path) -> io::Result<FilesystemUsage> {
    let answer = rustix::fs::statvfs(path)?;
    let unit = if answer.f_frsize == 0 { answer.f_bsize } else { answer.f_frsize };
    let bytes = |blocks: u64| blocks.saturating_mul(unit);
    Ok(FilesystemUsage {
        total: bytes(answer.f_blocks),
        free: bytes(answer.f_bfree),
        available: bytes(answer.f_bavail),
        inodes: answer.f_files,
        inodes_free: answer.f_ffree,
    })
}

/// Asks for the usage of the file system that is mounted at `path`.
///
/// # Errors
/// `NotFound` when nothing is mounted there.
#[cfg(not(unix))]
pub fn usage(path: &Path) -> io::Result<FilesystemUsage> {
    super::elsewhere::usage(path).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_are_those_of_df() {
        let usage = FilesystemUsage { total: 1000, free: 200, available: 150, inodes: 50, inodes_free: 45 };
        assert_eq!(usage.used(), 800);
        assert!((usage.used_percent().unwrap() - 84.21).abs() < 0.01);
        assert_eq!(usage.inodes_used_percent(), Some(10.0));
        let empty = FilesystemUsage::default();
        assert_eq!((empty.used_percent(), empty.inodes_used_percent()), (None, None));
        let odd = FilesystemUsage { total: 1, free: 2, available: u64::MAX, inodes: 1, inodes_free: 2 };
        assert_eq!((odd.used_percent(), odd.inodes_used_percent()), (Some(0.0), Some(0.0)));
    }

    #[test]
    fn a_real_folder_answers() {
        let folder = tempfile::tempdir().unwrap();
        let answer = usage(folder.path()).unwrap();
        assert!(answer.total > 0 && answer.free <= answer.total, "{answer:?}");
        assert!(usage(&folder.path().join("none")).is_err());
    }
}
