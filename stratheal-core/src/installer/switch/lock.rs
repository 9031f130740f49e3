//! One change of an environment at a time.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Register;
use crate::base::fs::{FileLock, named, read_text, replace_unsynced};

/// How often a taken lock is tried again.
const EVERY: Duration = Duration::from_millis(50);

/// The largest note about a holder, in bytes.
const LARGEST: u64 = 4096;

/// Who changes an environment right now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Its process id.
    pub process: u32,
    /// What it does, for people.
    pub work: String,
}

/// The right to change an environment. It ends when it is dropped, and with the process.
#[derive(Debug)]
pub(crate) struct EnvironmentLock {
    own: FileLock,
    /// uv's lock, which lies inside and moves with the environment.
    _theirs: Option<File>,
}

impl EnvironmentLock {
    /// Waits until the environment can be changed. `waits` is told once for whom, `None` when that is not known.
    ///
    /// Dropping the future gives up waiting.
    pub(crate) async fn take(
        register: &Register,
        root: &Path,
        work: &str,
        waits: &(dyn Fn(Option<Holder>) + Sync),
    ) -> io::Result<Self> {
        let mut told = false;
        let mut tell = |holder: Option<Holder>| {
            if !std::mem::replace(&mut told, true) {
                waits(holder);
            }
        };
        let own = loop {
            if let Some(own) = FileLock::try_acquire(&register.lock())? {
                break own;
            }
            let note = read_text(&register.holder(), LARGEST).ok();
            tell(note.and_then(|text| serde_json::from_str(&text).ok()));
            tokio::time::sleep(EVERY).await;
        };
        let holder = Holder { process: std::process::id(), work: work.to_owned() };
        // A courtesy: without room for it the lock holds all the same.
        let noted = serde_json::to_vec(&holder).map_err(io::Error::from);
        if let Err(error) = noted.and_then(|text| replace_unsynced(&register.holder(), &text)) {
            tracing::debug!(%error, "cannot say who changes the environment");
        }
        let path = root.join(".lock");
        let theirs = match File::options().read(true).write(true).open(&path) {
            Ok(file) => {
                while let Err(error) = file.try_lock() {
                    match error {
                        TryLockError::WouldBlock => tell(Some(Holder { process: 0, work: "uv".to_owned() })),
                        TryLockError::Error(error) => return Err(named(&path, &error)),
                    }
                    tokio::time::sleep(EVERY).await;
                }
                Some(file)
            }
            // uv makes it when it works here for the first time.
            Err(_) => None,
        };
        Ok(Self { own, _theirs: theirs })
    }
}

impl Drop for EnvironmentLock {
    fn drop(&mut self) {
        let holder = self.own.path().with_file_name("holder.json");
        if let Err(error) = fs::remove_file(&holder)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::debug!(path = %holder.display(), %error, "a note about who held a lock stays");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[tokio::test]
    async fn the_second_one_waits_and_says_for_whom() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("env");
        fs::create_dir(&root).unwrap();
        fs::write(root.join(".lock"), "").unwrap();
        let register = Register::open(folder.path(), &root).unwrap();
        let first = EnvironmentLock::take(&register, &root, "install six", &|_| unreachable!()).await.unwrap();
        let told = Mutex::new(Vec::new());
        let waits = |holder| told.lock().unwrap().push(holder);
        let second = EnvironmentLock::take(&register, &root, "repair", &waits);
        let release = async {
            tokio::time::sleep(EVERY * 3).await;
            drop(first);
        };
        let (second, ()) = tokio::join!(second, release);
        second.unwrap();
        let holder = Holder { process: std::process::id(), work: "install six".to_owned() };
        assert_eq!(*told.lock().unwrap(), [Some(holder)]);
        // uv holds its own.
        let theirs = File::options().write(true).open(root.join(".lock")).unwrap();
        theirs.lock().unwrap();
        let taken = tokio::time::timeout(EVERY * 3, EnvironmentLock::take(&register, &root, "x", &|_| {})).await;
        assert!(taken.is_err());
        drop(theirs);
        EnvironmentLock::take(&register, &root, "x", &|_| {}).await.unwrap();
    }
}
