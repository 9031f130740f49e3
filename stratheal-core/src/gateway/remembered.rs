//! What a gateway keeps from run to run: its port and its secret.
//!
//! Clients key their caches by the URL of the index, so a gateway that came back at another port would find them cold.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::access::AccessToken;
use crate::base::fs::{named, read_text};

/// The name of the file in the folder of a gateway that holds its port and its secret.
pub const SECRET_FILE: &str = "gateway.json";
/// The version of its format.
const VERSION: u32 = 1;
/// The largest file that is read, in bytes.
const LARGEST: u64 = 4096;

/// What is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Remembered {
    pub port: u16,
    pub token: AccessToken,
}

#[derive(Serialize, Deserialize)]
struct OnDisk {
    version: u32,
    port: u16,
    secret: String,
}

/// Reads what was kept. What cannot be read as such is as good as nothing: the caller makes a new one.
pub(super) fn read(folder: &Path) -> Option<Remembered> {
    let path = folder.join(SECRET_FILE);
    let text = match read_text(&path, LARGEST) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => {
            tracing::warn!(%error, "the gateway's port and secret cannot be read, so it gets new ones");
            return None;
        }
    };
    let found = parse(&text);
    if found.is_none() {
        tracing::warn!(path = %path.display(), "the gateway's port and secret are damaged, so it gets new ones");
    }
    found
}

fn parse(text: &str) -> Option<Remembered> {
    let found: OnDisk = serde_json::from_str(text).ok()?;
    let token = AccessToken::chosen(&found.secret)?;
    (found.version == VERSION && found.port != 0).then_some(Remembered { port: found.port, token })
}

/// Keeps it, readable for its owner only.
///
/// # Errors
/// What the system says, with the path.
pub(super) fn write(folder: &Path, remembered: &Remembered) -> io::Result<()> {
    let secret = remembered.token.expose().clone();
    let text = serde_json::to_string(&OnDisk { version: VERSION, port: remembered.port, secret })?;
    write_private(&folder.join(SECRET_FILE), text.as_bytes())
}

/// Makes a folder that only its owner can enter.
///
/// # Errors
/// What the system says, with the path.
pub(super) fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|error| named(folder, &error))
}

/// Replaces a file by one that only its owner can read, from its first moment on. On Windows the folder's rights decide.
///
/// # Errors
/// What the system says, with the path.
pub(super) fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(format!(".{}.tmp", std::process::id()));
    let temporary = PathBuf::from(temporary);
    let written = (|| {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        // Left behind by a process with the same number, which is gone.
        match fs::remove_file(&temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = options.open(&temporary)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    })();
    written.map_err(|error| named(path, &error))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn comes_back_and_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("cache/gateway");
        assert_eq!(read(&folder), None);
        make_folder(&folder).unwrap();
        let remembered = Remembered { port: 4711, token: AccessToken::random().unwrap() };
        write(&folder, &remembered).unwrap();
        write(&folder, &remembered).unwrap();
        assert_eq!(read(&folder), Some(remembered));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!((mode(&folder), mode(&folder.join(SECRET_FILE))), (0o700, 0o600));
        }
        for damaged in ["", "{", r#"{"version":2,"port":1,"secret":"0123456789abcdef"}"#, &"x".repeat(5000)] {
            fs::write(folder.join(SECRET_FILE), damaged).unwrap();
            assert_eq!(read(&folder), None);
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,60}") {
            let _ = parse(&text);
        }
    }
}
