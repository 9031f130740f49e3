//! What must stay: lists of ids, each under a name of its own.
//!
//! Whoever needs objects for longer than a moment (an environment, a snapshot, a lock file) writes down which. A list is a file in
//! `roots/` with one id a line; it is replaced as one step.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::PathBuf;

use super::archive::check_path;
use super::walk::entries;
use super::{ContentId, Store, StoreError};
use crate::base::fs::read_text;

/// The largest list that is read, in bytes: a million ids.
const LARGEST: u64 = 65 * 1_000_000;

impl Store {
    /// Says what must stay for `name`, in place of what it said before. `name` is one harmless path component.
    ///
    /// # Errors
    /// [`StoreError`]; the earlier list holds then.
    pub fn set_roots(&self, name: &str, ids: &[ContentId]) -> Result<(), StoreError> {
        let place = self.roots_place(name)?;
        let text: String = ids.iter().flat_map(|id| [id.to_string(), "\n".to_owned()]).collect();
        self.write_whole(&place, &text)
    }

    /// Lets go of what had to stay for `name`.
    ///
    /// # Errors
    /// [`StoreError`] when the list cannot be deleted. That there is none is fine.
    pub fn remove_roots(&self, name: &str) -> Result<(), StoreError> {
        let place = self.roots_place(name)?;
        match fs::remove_file(&place) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(StoreError::at("delete", &place)(error)),
            _ => Ok(()),
        }
    }

    /// All lists, in the order of their names.
    ///
    /// # Errors
    /// [`StoreError::DamagedRoots`] when one cannot be understood.
    pub fn roots(&self) -> Result<Vec<(String, Vec<ContentId>)>, StoreError> {
        let mut all = Vec::new();
        for path in entries(&self.folder().join("roots"))? {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let damaged = |reason: String| StoreError::DamagedRoots { name: name.clone(), reason };
            let text = match read_text(&path, LARGEST) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                text => text.map_err(|error| damaged(error.to_string()))?,
            };
            let ids = parse_roots(&text).map_err(damaged)?;
            all.push((name, ids));
        }
        Ok(all)
    }

    /// Everything that must stay for anybody.
    pub(super) fn kept(&self) -> Result<HashSet<ContentId>, StoreError> {
        Ok(self.roots()?.into_iter().flat_map(|(_, ids)| ids).collect())
    }

    fn roots_place(&self, name: &str) -> Result<PathBuf, StoreError> {
        let invalid = |reason| StoreError::InvalidName { name: name.chars().take(120).collect(), reason };
        let name = check_path(name).map_err(invalid)?;
        if name.contains('/') {
            return Err(invalid("it is more than one path component"));
        }
        Ok(self.folder().join("roots").join(name))
    }
}

/// Reads a list. A line that is no id makes it useless: it may have been meant to keep something.
fn parse_roots(text: &str) -> Result<Vec<ContentId>, String> {
    if !text.is_empty() && !text.ends_with('\n') {
        return Err("it is cut off".to_owned());
    }
    text.lines().map(|line| line.parse().map_err(|error: super::InvalidContentId| error.to_string())).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lists_are_kept_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let (one, two) = (ContentId::of(b"1"), ContentId::of(b"2"));
        store.set_roots("b", &[one]).unwrap();
        store.set_roots("a", &[one, two]).unwrap();
        store.set_roots("b", &[]).unwrap();
        assert_eq!(store.roots().unwrap(), [("a".to_owned(), vec![one, two]), ("b".to_owned(), vec![])]);
        store.remove_roots("a").unwrap();
        store.remove_roots("a").unwrap();
        assert!(store.kept().unwrap().is_empty());
        for name in ["", "..", "a/b", "/a", "a\0"] {
            assert!(matches!(store.set_roots(name, &[]), Err(StoreError::InvalidName { .. })), "{name:?}");
        }
        fs::write(folder.path().join("roots/b"), "abc\n").unwrap();
        assert!(matches!(store.roots(), Err(StoreError::DamagedRoots { name, .. }) if name == "b"));
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,80}|([0-9a-f]{63,65}\n){0,3}") {
            let _ = parse_roots(&text);
        }
    }
}
