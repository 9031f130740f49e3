//! What lies in a folder, so that two moments can be compared.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use stratheal_core::objects::ContentId;

/// Everything below a folder, and the folder itself: permissions, owner, time to the nanosecond, and content.
pub(crate) fn told(root: &Path) -> BTreeMap<PathBuf, String> {
    let mut all = BTreeMap::new();
    let mut waiting = vec![root.to_owned()];
    while let Some(path) = waiting.pop() {
        let found = fs::symlink_metadata(&path).unwrap();
        let content = if found.is_dir() {
            waiting.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            String::new()
        } else if found.is_symlink() {
            fs::read_link(&path).unwrap().display().to_string()
        } else {
            ContentId::of(&fs::read(&path).unwrap()).to_string()
        };
        let owner = format!("{}:{}", found.uid(), found.gid());
        let text = format!("{:o} {owner} {}.{:09} {content}", found.mode(), found.mtime(), found.mtime_nsec());
        all.insert(path.strip_prefix(root).unwrap().to_owned(), text);
    }
    all
}

/// In what two such trees differ.
pub(crate) fn differences(is: &BTreeMap<PathBuf, String>, was: &BTreeMap<PathBuf, String>) -> Vec<String> {
    let all = is.keys().chain(was.keys().filter(|path| !is.contains_key(*path)));
    let differ = all.filter(|path| is.get(*path) != was.get(*path));
    differ.map(|path| format!("{}: {:?}, not {:?}", path.display(), is.get(path), was.get(path))).collect()
}
