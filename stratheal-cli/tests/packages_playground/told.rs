//! What lies in a folder, so that two moments can be compared.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::lgetxattr;
use stratheal_core::objects::ContentId;

/// What the tests attach.
pub(crate) const ATTRIBUTE: &str = "user.origin";

/// Everything below a folder, and the folder itself: permissions, owner, time to the nanosecond, content, what users attached, and which
/// names are those of one file.
pub(crate) fn told(root: &Path) -> BTreeMap<PathBuf, String> {
    let mut all = BTreeMap::new();
    let mut files: BTreeMap<_, Vec<PathBuf>> = BTreeMap::new();
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
        let mut value = [0; 64];
        let attached = lgetxattr(&path, ATTRIBUTE, &mut value).map(|length| value[..length].to_vec()).ok();
        let time = format!("{}.{:09}", found.mtime(), found.mtime_nsec());
        let text = format!("{:o} {owner} {time} {attached:?} {content}", found.mode());
        let inside = path.strip_prefix(root).unwrap().to_owned();
        if !found.is_dir() {
            files.entry(found.ino()).or_default().push(inside.clone());
        }
        all.insert(inside, text);
    }
    for mut names in files.into_values().filter(|names| names.len() > 1) {
        names.sort();
        for name in &names {
            all.entry(name.clone()).and_modify(|text| *text = format!("{text} {names:?}"));
        }
    }
    all
}

/// In what two such trees differ.
pub(crate) fn differences(is: &BTreeMap<PathBuf, String>, was: &BTreeMap<PathBuf, String>) -> Vec<String> {
    let all = is.keys().chain(was.keys().filter(|path| !is.contains_key(*path)));
    let differ = all.filter(|path| is.get(*path) != was.get(*path));
    differ.map(|path| format!("{}: {:?}, not {:?}", path.display(), is.get(path), was.get(path))).collect()
}
