//! Sockets that are for this user alone.
//!
//! The folder keeps others out where nobody else may write to it, the mode of the file does elsewhere, and whoever is at the other end
//! is looked at in any case.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

use tokio::net::{UnixListener, UnixStream};

use super::fs::named;

/// How long it is rested when nobody can be accepted.
const REST: Duration = Duration::from_millis(100);

/// Makes sure that a folder is this user's and that nobody else may write to it: somebody could have made it first, in a place that
/// everybody may write to.
pub(crate) fn is_private(folder: &Path) -> io::Result<()> {
    let found = fs::symlink_metadata(folder).map_err(|error| named(folder, &error))?;
    if found.is_dir() && found.uid() == rustix::process::geteuid().as_raw() && found.mode() & 0o022 == 0 {
        return Ok(());
    }
    let error = io::Error::new(io::ErrorKind::PermissionDenied, "belongs to somebody else or is open to others");
    Err(named(folder, &error))
}

/// Makes a socket. The caller holds a lock which says that it is the only one to do so: a file that is there was left by one that died.
pub(crate) fn listen(path: &Path) -> io::Result<UnixListener> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(named(path, &error)),
        _ => {}
    }
    let listener = UnixListener::bind(path).map_err(|error| named(path, &error))?;
    fs::set_permissions(path, Permissions::from_mode(0o600)).map_err(|error| named(path, &error))?;
    Ok(listener)
}

/// Waits for the next caller that is this user or root.
pub(crate) async fn accept(listener: &UnixListener) -> UnixStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) if is_ours(&stream) => return stream,
            Ok(_) => tracing::warn!("a stranger called at a socket"),
            Err(error) => {
                tracing::warn!(%error, "cannot accept a caller at a socket");
                tokio::time::sleep(REST).await;
            }
        }
    }
}

/// Whether this user or root is at the other end.
pub(crate) fn is_ours(stream: &UnixStream) -> bool {
    let owner = rustix::process::geteuid().as_raw();
    stream.peer_cred().is_ok_and(|peer| peer.uid() == owner || peer.uid() == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_a_dead_one_left_is_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sock");
        drop(listen(&path).unwrap());
        let listener = listen(&path).unwrap();
        let (caller, accepted) = tokio::join!(UnixStream::connect(&path), accept(&listener));
        assert!(is_ours(&caller.unwrap()) && is_ours(&accepted));
        fs::set_permissions(folder.path(), Permissions::from_mode(0o700)).unwrap();
        assert!(is_private(folder.path()).is_ok());
        fs::set_permissions(folder.path(), Permissions::from_mode(0o720)).unwrap();
        assert!(is_private(folder.path()).unwrap_err().to_string().contains("open to others"));
        std::os::unix::fs::symlink(folder.path(), folder.path().join("link")).unwrap();
        assert!(is_private(&folder.path().join("link")).is_err(), "a link could be turned to elsewhere");
    }
}
