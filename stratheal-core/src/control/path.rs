//! Where the socket is.

use std::path::{Path, PathBuf};

use crate::base::fnv::fnv1a;

/// The socket for a state folder.
///
/// `runtime` is `$XDG_RUNTIME_DIR` or `$RUNTIME_DIRECTORY` where there is one; else a folder of the user's own below the folder for
/// temporary files is used. The name is a hash, because a socket's path may have only 107 bytes.
///
/// ```
/// use std::path::Path;
/// use stratheal_core::control::socket_path;
/// let path = socket_path(Path::new("/srv/app/.stratheal"), Some(Path::new("/run/user/1000")), 1000);
/// assert!(path.starts_with("/run/user/1000/stratheal"));
/// ```
#[must_use]
pub fn socket_path(state: &Path, runtime: Option<&Path>, uid: u32) -> PathBuf {
    let folder = runtime
        .map_or_else(|| std::env::temp_dir().join(format!("stratheal-{uid}")), |runtime| runtime.join("stratheal"));
    let absolute = state.canonicalize().unwrap_or_else(|_| state.to_owned());
    // Nobody gains anything from two folders with one hash, as both belong to the same user.
    let hash = fnv1a(absolute.as_os_str().as_encoded_bytes());
    folder.join(format!("{hash:016x}.sock"))
}
