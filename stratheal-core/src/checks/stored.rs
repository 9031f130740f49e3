//! A sample from the run before: in memory between the runs of a monitor, in a small file between one-shot runs.
//!
//! Samples are dated by the time since the machine was started, which does not jump, and a file from another start is refused. The file
//! is only a convenience: when it cannot be read or written, the check goes on without and the log says why.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::base::fs::{named, read_text};
use crate::contract::CheckContext;

const VERSION: u32 = 1;
const MAX_FILE: u64 = 64 * 1024;

/// A sample and when it was taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Sample<T> {
    version: u32,
    /// What was sampled: a check of other files or limits must not take it for its own.
    scope: String,
    /// The start of the machine that `taken` counts from.
    boot: String,
    /// Since that start.
    pub(super) taken: Duration,
    /// What was counted.
    pub(super) counted: T,
}

impl<T> Sample<T> {
    pub(super) fn new(scope: &str, boot: String, taken: Duration, counted: T) -> Self {
        Self { version: VERSION, scope: scope.to_owned(), boot, taken, counted }
    }

    /// Whether `now` can be compared with it.
    fn precedes<U>(&self, now: &Sample<U>) -> bool {
        self.version == VERSION && self.scope == now.scope && self.boot == now.boot && self.taken <= now.taken
    }
}

/// Keeps the sample of the run before.
#[derive(Debug)]
pub(super) struct Store<T> {
    file: Option<PathBuf>,
    kept: Mutex<Option<Sample<T>>>,
}

impl<T: Clone + Send + Serialize + DeserializeOwned + 'static> Store<T> {
    pub(super) const fn new(file: Option<PathBuf>) -> Self {
        Self { file, kept: Mutex::new(None) }
    }

    /// The sample that was kept before, if `now` can be compared with it.
    pub(super) async fn before<U: Sync>(&self, cx: &CheckContext, now: &Sample<U>) -> Option<Sample<T>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let found = match (kept, &self.file) {
            (Some(kept), _) => Some(kept),
            (None, Some(file)) if cx.one_shot => {
                let path = file.clone();
                let key = format!("sample {}", file.display());
                match cx.blocking(&key, move || load::<T>(&path)).await.map_err(io::Error::other).flatten() {
                    Ok(found) => found,
                    Err(error) => {
                        tracing::debug!(%error, "cannot use the sample of the run before");
                        None
                    }
                }
            }
            _ => None,
        };
        found.filter(|sample| sample.precedes(now))
    }

    /// Keeps a sample for the next run.
    pub(super) async fn keep(&self, cx: &CheckContext, sample: Sample<T>) {
        if let (Some(file), true) = (&self.file, cx.one_shot) {
            let (path, written) = (file.clone(), sample.clone());
            let key = format!("sample {}", file.display());
            if let Err(error) =
                cx.blocking(&key, move || save(&path, &written)).await.map_err(io::Error::other).flatten()
            {
                tracing::debug!(%error, "cannot keep a sample for the next run");
            }
        }
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(sample);
    }
}

fn load<T: DeserializeOwned>(path: &Path) -> io::Result<Option<Sample<T>>> {
    match read_text(path, MAX_FILE) {
        Ok(text) => serde_json::from_str(&text).map(Some).map_err(|error| named(path, &error.into())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Written whole or not at all, but not synced: what a crash destroys is of another start of the machine anyway.
fn save<T: Serialize>(path: &Path, sample: &Sample<T>) -> io::Result<()> {
    let text = serde_json::to_vec(sample)?;
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    let write = || {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&temporary, &text)?;
        fs::rename(&temporary, path)
    };
    write().map_err(|error| named(path, &error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::blocking::BlockingPool;
    use proptest::prelude::*;

    fn context(one_shot: bool) -> CheckContext {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
        CheckContext::new(deadline, None, one_shot, BlockingPool::new(2))
    }

    fn sample(boot: &str, seconds: u64) -> Sample<u64> {
        Sample::new("scope", boot.to_owned(), Duration::from_secs(seconds), seconds)
    }

    #[tokio::test]
    async fn a_file_carries_it_from_run_to_run() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("new/cpu.json");
        let cx = context(true);
        let first = Store::new(Some(file.clone()));
        assert_eq!(first.before(&cx, &sample("a", 1)).await, None);
        first.keep(&cx, sample("a", 5)).await;
        let second = Store::<u64>::new(Some(file.clone()));
        assert_eq!(second.before(&cx, &sample("a", 6)).await, Some(sample("a", 5)));
        assert_eq!(second.before(&cx, &sample("b", 6)).await, None, "another start of the machine");
        assert_eq!(second.before(&cx, &sample("a", 4)).await, None, "from the future");
        let other = Sample::new("other", "a".to_owned(), Duration::from_secs(6), 1);
        assert_eq!(second.before(&cx, &other).await, None, "another scope");
        std::fs::write(&file, "{\"version\":1").unwrap();
        assert_eq!(second.before(&cx, &sample("a", 6)).await, None, "malformed");
        assert_eq!(std::fs::read_dir(folder.path().join("new")).unwrap().count(), 1, "no temporary file is left");
    }

    #[tokio::test]
    async fn a_monitor_remembers_and_writes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(Some(folder.path().join("cpu.json")));
        let cx = context(false);
        store.keep(&cx, sample("a", 5)).await;
        assert_eq!(store.before(&cx, &sample("a", 6)).await, Some(sample("a", 5)));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_folder_that_cannot_be_written_is_no_failure() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), "").unwrap();
        let store = Store::new(Some(folder.path().join("file/cpu.json")));
        store.keep(&context(true), sample("a", 5)).await;
        assert!(store.before(&context(true), &sample("a", 6)).await.is_some(), "still in memory");
    }

    proptest! {
        #[test]
        fn never_panics(text in ".{0,200}") {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("x");
            std::fs::write(&file, text).unwrap();
            let _ = load::<u64>(&file);
        }
    }
}
