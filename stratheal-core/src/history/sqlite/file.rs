//! The file from outside: what it is, where its companions are, and how a damaged one is put aside.
//!
//! The layout of the header is from sqlite.org/fileformat.html, section 1.3.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::schema::APPLICATION_ID;

/// The length of the header.
const HEADER: usize = 100;

/// How many damaged files are kept; older ones are deleted, because a failing disk must not fill up with them.
const KEPT: usize = 3;

/// What a file is, as its header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// There is nothing in it yet.
    Empty,
    /// A history.
    Ours,
    /// Something else, which must not be touched.
    Foreign(&'static str),
    /// A history once.
    Damaged(&'static str),
}

/// Tells what a file is from its first 100 bytes, or from all when it has fewer.
pub(super) fn kind(header: &[u8]) -> Kind {
    const MAGIC: &[u8] = b"SQLite format 3\0";
    let ours = header.get(68..72) == Some(&APPLICATION_ID.to_be_bytes());
    match (header.starts_with(MAGIC), ours) {
        _ if header.is_empty() => Kind::Empty,
        (true, _) if header.len() < HEADER => Kind::Damaged("it is cut off in its header"),
        (true, true) => Kind::Ours,
        // A database in which nothing was ever made (its schema cookie and its version are 0) is of nobody. It is what is left when
        // the process is killed between the first steps of making a history.
        (true, false) if header[40..44] == [0; 4] && header[60..64] == [0; 4] => Kind::Empty,
        (true, false) => Kind::Foreign("it is the SQLite file of another program"),
        (false, true) => Kind::Damaged("its first bytes are overwritten"),
        // A file that has a length but no content is what a power failure leaves behind.
        (false, false) if header.iter().all(|byte| *byte == 0) => Kind::Damaged("it begins with zeros"),
        (false, false) => Kind::Foreign("it is no SQLite file"),
    }
}

/// Makes the file when it is missing (only for this user) and tells what it is.
///
/// Must not be called while this process has the file open as a database: closing any handle of a file drops the locks that the
/// process has on it (fcntl(2), "Record locks").
pub(super) fn probe(path: &Path) -> io::Result<Kind> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut header = Vec::with_capacity(HEADER);
    options.open(path)?.take(HEADER as u64).read_to_end(&mut header)?;
    Ok(kind(&header))
}

/// The path of a companion, such as `-wal`.
pub(super) fn companion(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

/// The length of a file; 0 when there is none.
pub(super) fn length(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |found| found.len())
}

/// What tells a file from another that took its name. `None` where the system cannot tell.
pub(super) fn identity(path: &Path) -> io::Result<Option<(u64, u64)>> {
    let found = fs::metadata(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        Ok(Some((found.dev(), found.ino())))
    }
    #[cfg(not(unix))]
    {
        drop(found);
        Ok(None)
    }
}

/// Moves a damaged file and its companions aside and says where it is now.
pub(super) fn set_aside(path: &Path, now: Timestamp) -> io::Result<PathBuf> {
    let stamp = now.strftime("%Y%m%dT%H%M%SZ").to_string();
    let place = |number: u32| match number {
        1 => companion(path, &format!(".damaged-{stamp}")),
        _ => companion(path, &format!(".damaged-{stamp}-{number}")),
    };
    // Above all others of the same second, so that the order of names stays that of time.
    let taken = (1..10).rev().find(|number| place(*number).symlink_metadata().is_ok()).unwrap_or(0);
    if taken == 9 {
        return Err(io::Error::other("nine damaged files were put aside within one second"));
    }
    let place = place(taken + 1);
    fs::rename(path, &place)?;
    // In this order: a log without its file is thrown away when the next file is opened, a file without its log is damaged.
    for suffix in ["-wal", "-shm"] {
        match fs::rename(companion(path, suffix), companion(&place, suffix)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        fs::File::open(folder)?.sync_all()?;
    }
    forget_oldest(path)?;
    Ok(place)
}

fn forget_oldest(path: &Path) -> io::Result<()> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return Ok(()) };
    let prefix = format!("{}.damaged-", name.to_string_lossy());
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.starts_with(&prefix) && !name.ends_with("-wal") && !name.ends_with("-shm") {
            found.push(name);
        }
    }
    found.sort();
    for name in found.iter().rev().skip(KEPT) {
        tracing::warn!(%name, "deleting an old damaged history");
        for suffix in ["", "-wal", "-shm"] {
            match fs::remove_file(companion(&folder.join(name), suffix)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn header(magic: &[u8], application: i32) -> Vec<u8> {
        let mut header = vec![7; HEADER];
        header[..magic.len()].copy_from_slice(magic);
        header[68..72].copy_from_slice(&application.to_be_bytes());
        header
    }

    #[test]
    fn tells_ours_from_others_and_from_what_is_left_of_ours() {
        let magic = b"SQLite format 3\0";
        assert_eq!(kind(b""), Kind::Empty);
        assert_eq!(kind(&header(magic, APPLICATION_ID)), Kind::Ours);
        assert!(matches!(kind(&header(magic, 0)), Kind::Foreign(_)));
        let mut begun = header(magic, 0);
        begun[40..64].fill(0);
        assert_eq!(kind(&begun), Kind::Empty);
        assert!(matches!(kind(&header(b"%PDF-1.7", 0)), Kind::Foreign(_)));
        assert!(matches!(kind(b"notes"), Kind::Foreign(_)));
        assert!(matches!(kind(&header(b"garbage", APPLICATION_ID)), Kind::Damaged(_)));
        assert!(matches!(kind(&header(magic, APPLICATION_ID)[..60]), Kind::Damaged(_)));
        assert!(matches!(kind(&[0; HEADER]), Kind::Damaged(_)));
    }

    #[test]
    fn puts_aside_with_companions_and_keeps_only_a_few() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.db");
        let now: Timestamp = "2026-11-23T15:00:00Z".parse().unwrap();
        for number in 0..5 {
            fs::write(&path, format!("{number}")).unwrap();
            fs::write(companion(&path, "-wal"), "log").unwrap();
            set_aside(&path, now).unwrap();
        }
        let mut names: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        let damaged = "history.db.damaged-20261123T150000Z";
        let expected = ["-3", "-3-wal", "-4", "-4-wal", "-5", "-5-wal"].map(|end| format!("{damaged}{end}"));
        assert_eq!(names, expected);
        assert_eq!(fs::read_to_string(folder.path().join(&expected[4])).unwrap(), "4");
    }

    proptest! {
        #[test]
        fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
            let _ = kind(&bytes);
        }
    }
}
