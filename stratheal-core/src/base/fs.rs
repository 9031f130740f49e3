//! Files written whole or not at all, and a lock that dies with its process.
//!
//! Every error names the path.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Puts the path into an I/O error, so that a person knows which file it was.
#[must_use]
pub fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// Whether an open file is still the one at a path. Somebody may have deleted it, or its folder; what is written then, nobody finds again.
#[must_use]
pub fn is_at(file: &std::fs::File, path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let identity = |found: std::fs::Metadata| (found.dev(), found.ino());
        match (file.metadata(), std::fs::metadata(path)) {
            (Ok(own), Ok(there)) => identity(own) == identity(there),
            _ => false,
        }
    }
    #[cfg(not(unix))]
    {
        let _ = file;
        path.exists()
    }
}

/// Reads a text file of at most `limit` bytes.
///
/// # Errors
/// What the system says with the path in front, or `InvalidData` when the file is larger or not UTF-8.
pub fn read_text(path: &Path, limit: u64) -> io::Result<String> {
    String::from_utf8(read_bytes(path, limit)?)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, format!("{}: not UTF-8", path.display())))
}

/// Reads a file of at most `limit` bytes.
///
/// # Errors
/// What the system says with the path in front, or `InvalidData` when the file is larger.
pub fn read_bytes(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    use std::io::Read;
    /// Most files are smaller, and are read in one step then.
    const USUAL: u64 = 16 << 10;
    let file = File::open(path).map_err(|error| named(path, &error))?;
    let mut bytes = Vec::with_capacity(usize::try_from(USUAL.min(limit + 1)).unwrap_or_default());
    file.take(limit + 1).read_to_end(&mut bytes).map_err(|error| named(path, &error))?;
    if bytes.len() as u64 > limit {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("{}: larger than {limit} bytes", path.display()),
        ));
    }
    Ok(bytes)
}

/// Replaces a file's content atomically: a reader sees the old text or the new one, also after a crash.
///
/// # Errors
/// What the system says, with the path in front. The old file is untouched then.
pub fn write_atomic(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = folder.join(format!(".{name}.{}.tmp", std::process::id()));
    let written = (|| {
        let mut file = File::create(&temporary)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        File::open(folder)?.sync_all()
    })();
    written.map_err(|error| {
        if let Err(left) = fs::remove_file(&temporary)
            && !matches!(left.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
        {
            tracing::warn!(path = %temporary.display(), %left, "cannot remove a temporary file");
        }
        named(path, &error)
    })
}

/// Replaces a file's content, whole or not at all, but without waiting for the disk: after a power cut the file may be empty or cut
/// off. For caches, whose readers notice that.
///
/// # Errors
/// What the system says, with the path in front. The old file is untouched then.
pub fn replace_unsynced(path: &Path, content: &[u8]) -> io::Result<()> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let temporary = path.with_file_name(format!(".{name}.{}-{number}.tmp", std::process::id()));
    fs::write(&temporary, content).and_then(|()| fs::rename(&temporary, path)).map_err(|error| {
        if let Err(left) = fs::remove_file(&temporary)
            && !matches!(left.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
        {
            tracing::warn!(path = %temporary.display(), %left, "cannot remove a temporary file");
        }
        named(path, &error)
    })
}

/// Waits until everything that was written to the file system of a folder is on the disk. Elsewhere than on Linux it does nothing.
#[cfg(feature = "snapshot")]
pub(crate) fn sync_file_system(folder: &Path) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        let opened = File::open(folder).map_err(|error| named(folder, &error))?;
        rustix::fs::syncfs(&opened)?;
    }
    #[cfg(not(target_os = "linux"))]
    let _ = folder;
    Ok(())
}

/// A lock on a file, held until dropped or until the process ends in whatever way.
#[derive(Debug)]
pub struct FileLock {
    path: PathBuf,
    _file: File,
}

impl FileLock {
    /// Takes the lock without waiting, creating the file when it is missing; `None` when somebody else holds it.
    ///
    /// The holder's process id is written into the file, for people.
    ///
    /// # Errors
    /// What the system says, with the path in front.
    pub fn try_acquire(path: &Path) -> io::Result<Option<Self>> {
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(path)
            .map_err(|error| named(path, &error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(named(path, &error)),
        }
        // The number is a courtesy: on a full disk the lock must hold without it.
        if let Err(error) = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())) {
            tracing::debug!(path = %path.display(), %error, "cannot write the holder's process id");
        }
        Ok(Some(Self { path: path.to_owned(), _file: file }))
    }

    /// The locked file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}
