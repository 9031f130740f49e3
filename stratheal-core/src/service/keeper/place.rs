//! Where a keeper keeps what it needs.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::base::fnv::fnv1a;
use crate::base::fs::named;
use crate::base::socket::is_private;

/// The folder of a keeper and its socket.
///
/// ```
/// use std::path::Path;
/// use stratheal_core::service::keeper::KeeperPlace;
/// let place = KeeperPlace::new(Path::new("/srv/app/.stratheal/services"), Path::new("/tmp"), 1000);
/// assert_eq!(place.socket(), Path::new("/srv/app/.stratheal/services/keeper.sock"));
/// let deep = KeeperPlace::new(Path::new(&format!("/srv/{}", "x".repeat(200))), Path::new("/tmp"), 1000);
/// assert!(deep.socket().starts_with("/tmp/stratheal-1000"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeeperPlace {
    folder: PathBuf,
    socket: PathBuf,
}

/// The path of a socket may have 107 bytes; those of `sd_notify` stand beside it with longer names.
const LONGEST: usize = 92;

impl KeeperPlace {
    /// The place for a folder. The socket is in it, so that every engine finds it, whatever its environment; where the path would be too
    /// long for a socket, it is in a folder of the user's own below `temporary`.
    #[must_use]
    pub fn new(folder: &Path, temporary: &Path, uid: u32) -> Self {
        let absolute =
            folder.canonicalize().or_else(|_| std::path::absolute(folder)).unwrap_or_else(|_| folder.to_owned());
        let inside = absolute.join("keeper.sock");
        if inside.as_os_str().len() <= LONGEST {
            return Self { folder: absolute, socket: inside };
        }
        // Nobody gains anything from two folders with one hash, as both belong to the same user.
        let hash = fnv1a(absolute.as_os_str().as_encoded_bytes());
        let socket = temporary.join(format!("stratheal-{uid}")).join(format!("k{hash:016x}.sock"));
        Self { folder: absolute, socket }
    }

    /// The place as the words on a command line say.
    #[must_use]
    pub const fn given(folder: PathBuf, socket: PathBuf) -> Self {
        Self { folder, socket }
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The socket at which it answers.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    pub(in crate::service) fn lock(&self) -> PathBuf {
        self.folder.join("keeper.lock")
    }

    pub(in crate::service) fn children(&self) -> PathBuf {
        self.folder.join("children")
    }

    pub(in crate::service) fn log(&self) -> PathBuf {
        self.folder.join("keeper.log")
    }

    /// Where a program says that it is ready. Another user reaches only a name without a file.
    pub(super) fn notify(&self, number: u64) -> PathBuf {
        let name = self.socket.file_stem().unwrap_or_default().to_string_lossy();
        self.socket.with_file_name(format!("{name}.{number}"))
    }

    /// Makes both folders, for nobody but the user.
    ///
    /// # Errors
    /// What the system says, or `PermissionDenied` when a folder belongs to somebody else or is open to others.
    pub(in crate::service) fn prepare(&self) -> io::Result<()> {
        for folder in [self.folder.as_path(), self.socket.parent().unwrap_or(&self.folder)] {
            DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|error| named(folder, &error))?;
            is_private(folder)?;
        }
        Ok(())
    }
}
