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
        Ok(Self { path, stopped })
    }

    pub(super) fn contains(&self, id: &ServiceId) -> bool {
        self.stopped.contains(id)
    }

    /// Remembers that a person stopped a service, or that one wants it again.
    pub(super) fn set(&mut self, id: &ServiceId, stopped: bool) -> io::Result<()> {
        let changed = if stopped { self.stopped.insert(id.clone()) } else { self.stopped.remove(id) };
        if !changed {
            return Ok(());
        }
        let text = serde_json::to_vec(&Kept { version: VERSION, stopped: self.stopped.clone() })?;
        write_atomic(&self.path, &text)
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

    #[test]
    fn a_persons_word_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (ServiceId::new("a").unwrap(), ServiceId::new("b").unwrap());
        let mut remembered = Remembered::open(folder.path()).unwrap();
        remembered.set(&a, true).unwrap();
        remembered.set(&b, true).unwrap();
        remembered.set(&a, false).unwrap();
        let again = Remembered::open(folder.path()).unwrap();
        assert!(again.contains(&b) && !again.contains(&a));
        std::fs::write(folder.path().join("stopped.json"), "{\"version\":2,\"stopped\":[]}").unwrap();
        assert!(Remembered::open(folder.path()).unwrap_err().to_string().contains("another version"));
    }

    proptest! {
        #[test]
        fn never_panics(text in "(\\{|\\}|\"version\":1,?|\"stopped\":\\[|\\]|\"[a-z ]{0,4}\"){0,10}") {
            let _ = parse(&text);
        }
    }
}
