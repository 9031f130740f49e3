//! Which services a person stopped: they stay so, also over a restart of the engine.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::base::fs::{named, read_text, write_atomic};
use crate::model::ServiceId;

/// The version of the file. An older reader refuses a newer one.
const VERSION: u32 = 1;
/// The largest file that is read.
const LONGEST: u64 = 1 << 20;

#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    version: u32,
    stopped: BTreeSet<ServiceId>,
}

/// The services a person stopped.
#[derive(Debug)]
pub(super) struct Remembered {
    path: PathBuf,
    stopped: BTreeSet<ServiceId>,
    /// What is in the file.
    kept: BTreeSet<ServiceId>,
}

impl Remembered {
    /// Reads what was kept in a folder.
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        let path = folder.join("stopped.json");
        let stopped = match read_text(&path, LONGEST) {
            Ok(text) => parse(&text).map_err(|error| named(&path, &error))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeSet::new(),
            Err(error) => return Err(error),
        };
        Ok(Self { path, kept: stopped.clone(), stopped })
    }

    pub(super) fn contains(&self, id: &ServiceId) -> bool {
        self.stopped.contains(id)
    }

    /// Remembers that a person stopped a service, or that one wants it again. A stop counts at once, even where it cannot be kept; what was
    /// not kept is written again the next time. That somebody wants it again does not count before it is kept.
    pub(super) async fn set(&mut self, id: &ServiceId, stopped: bool) -> io::Result<()> {
        let mut wanted = self.stopped.clone();
        if stopped {
            wanted.insert(id.clone());
            self.stopped.clone_from(&wanted);
        } else {
            wanted.remove(id);
        }
        if wanted != self.kept {
            let text = serde_json::to_vec(&Kept { version: VERSION, stopped: wanted.clone() })?;
            let path = self.path.clone();
            // A disk may take its time.
            let written = tokio::task::spawn_blocking(move || write_atomic(&path, &text)).await;
            written.map_err(io::Error::other)??;
            self.kept.clone_from(&wanted);
        }
        self.stopped = wanted;
        Ok(())
    }
}

fn parse(text: &str) -> io::Result<BTreeSet<ServiceId>> {
    let kept: Kept = serde_json::from_str(text)?;
    if kept.version != VERSION {
        let problem = format!("written by another version of this program ({} instead of {VERSION})", kept.version);
        return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
    }
    Ok(kept.stopped)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[tokio::test]
    async fn a_persons_word_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (ServiceId::new("a").unwrap(), ServiceId::new("b").unwrap());
        let mut remembered = Remembered::open(folder.path()).unwrap();
        remembered.set(&a, true).await.unwrap();
        remembered.set(&b, true).await.unwrap();
        remembered.set(&a, false).await.unwrap();
        let again = Remembered::open(folder.path()).unwrap();
        assert!(again.contains(&b) && !again.contains(&a));
        std::fs::write(folder.path().join("stopped.json"), "{\"version\":2,\"stopped\":[]}").unwrap();
        assert!(Remembered::open(folder.path()).unwrap_err().to_string().contains("another version"));
    }

    #[tokio::test]
    async fn what_could_not_be_kept_counts_and_is_kept_later() {
        let folder = tempfile::tempdir().unwrap();
        let (a, path) = (ServiceId::new("a").unwrap(), folder.path().join("stopped.json"));
        let mut remembered = Remembered::open(folder.path()).unwrap();
        // A folder in the way of the file.
        std::fs::create_dir(&path).unwrap();
        assert!(remembered.set(&a, true).await.is_err() && remembered.contains(&a));
        assert!(remembered.set(&a, true).await.is_err(), "it is not kept yet");
        std::fs::remove_dir(&path).unwrap();
        remembered.set(&a, true).await.unwrap();
        assert!(Remembered::open(folder.path()).unwrap().contains(&a));
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        assert!(remembered.set(&a, false).await.is_err() && remembered.contains(&a), "it would be stopped again");
    }

    #[test]
    fn what_cannot_be_read_does_not_mean_that_nobody_stopped_anything() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stopped.json");
        for text in ["", "{\"version\":1,\"stop", "null"] {
            std::fs::write(&path, text).unwrap();
            let error = Remembered::open(folder.path()).unwrap_err().to_string();
            assert!(error.contains("stopped.json"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "(\\{|\\}|\"version\":1,?|\"stopped\":\\[|\\]|\"[a-z ]{0,4}\"){0,10}") {
            let _ = parse(&text);
        }
    }
}
