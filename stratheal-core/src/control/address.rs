//! Where a running monitor is found: its state folder says it, because whoever asks may have another runtime folder.

use std::io;
use std::path::{Path, PathBuf};

use crate::base::fs::{read_text, write_atomic};

/// The file in the state folder.
const FILE: &str = "control";
/// A path of a socket has 107 bytes at most.
const LONGEST: u64 = 4096;

/// Leaves the path of a monitor's socket in its state folder.
///
/// # Errors
/// What the system says, with the file in front.
pub fn leave_address(state: &Path, socket: &Path) -> io::Result<()> {
    write_atomic(&state.join(FILE), socket.as_os_str().as_encoded_bytes())
}

/// The path that a monitor has left, whether or not it still runs.
#[must_use]
pub fn left_address(state: &Path) -> Option<PathBuf> {
    read_text(&state.join(FILE), LONGEST).ok().map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_found() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(left_address(folder.path()), None);
        leave_address(folder.path(), Path::new("/run/user/1000/a.sock")).unwrap();
        assert_eq!(left_address(folder.path()).as_deref(), Some(Path::new("/run/user/1000/a.sock")));
        std::fs::write(folder.path().join(FILE), vec![b'x'; 5000]).unwrap();
        assert_eq!(left_address(folder.path()), None);
    }
}
