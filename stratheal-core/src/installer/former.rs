//! Folders that were environments, and lack the `pyvenv.cfg` that made them some.
//!
//! Whoever makes an environment anew deletes all that lies in its place, so that a doubt is a no.

use std::fs;
use std::path::{Path, PathBuf};

use super::verify::packages_of;

/// What lies in an environment, and seldom anywhere else without company.
const OWN: &[&str] = &[
    "bin",
    "lib",
    "lib64",
    "include",
    "share",
    "etc",
    "man",
    "Scripts",
    "Lib",
    "Include",
    ".gitignore",
    ".lock",
    ".stratheal",
    "CACHEDIR.TAG",
];

/// The most entries that are looked at.
const MOST_ENTRIES: usize = 10_000;

/// Whether a folder without a `pyvenv.cfg` clearly was an environment. `is_noted` says that this program has installed something there.
pub(in crate::installer) fn was_environment(root: &Path, is_noted: bool) -> bool {
    if root.join("pyvenv.cfg").exists() || root.join("conda-meta").exists() || is_installation(root) {
        return false;
    }
    let has_packages = !packages_of(root).is_empty();
    match (has_packages, has_interpreter(root), is_noted) {
        (true, true, true) => true,
        (true, true, false) | (true, false, true) | (false, true, true) => has_nothing_else(root),
        _ => false,
    }
}

/// The real folder that a path to it, or to an interpreter in it, means.
pub(in crate::installer) fn folder_of(path: &Path) -> Option<PathBuf> {
    let path = std::path::absolute(path).ok()?;
    let folder = if path.is_dir() { Some(path.as_path()) } else { path.parent().and_then(Path::parent) };
    folder?.canonicalize().ok()
}

/// Whether Python itself lies there: an installation looks much like an environment, and is none.
fn is_installation(root: &Path) -> bool {
    let below = |folder: PathBuf| fs::read_dir(folder).into_iter().flatten().flatten().take(MOST_ENTRIES);
    root.join("Lib/os.py").exists() || below(root.join("lib")).any(|entry| entry.path().join("os.py").exists())
}

/// Whether there is a `python`, and be it a link to nowhere.
fn has_interpreter(root: &Path) -> bool {
    ["bin", "Scripts"].iter().any(|folder| {
        let entries = fs::read_dir(root.join(folder)).into_iter().flatten().flatten().take(MOST_ENTRIES);
        entries.map(|entry| entry.file_name()).any(|name| name.to_string_lossy().starts_with("python"))
    })
}

fn has_nothing_else(root: &Path) -> bool {
    let Ok(entries) = fs::read_dir(root) else { return false };
    // What cannot be listed may be anything.
    entries.into_iter().all(|entry| entry.is_ok_and(|entry| OWN.iter().any(|own| entry.file_name() == *own)))
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    #[test]
    fn what_clearly_was_one() {
        let folder = tempfile::tempdir().unwrap();
        let made = |name: &str, entries: &[&str]| {
            let root = folder.path().join(name);
            fs::create_dir(&root).unwrap();
            for entry in entries {
                let path = root.join(entry);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, "").unwrap();
            }
            root
        };
        let (packages, program) = ("lib/python3.12/site-packages/x.py", "bin/python3");
        for (number, (entries, alone, noted)) in [
            (&[packages, program, ".gitignore"][..], true, true),
            (&[packages, program, "mine"], false, true),
            (&[program], false, true),
            (&[packages], false, true),
            (&[program, "mine"], false, false),
            (&["mine"], false, false),
            (&[], false, false),
            // An installation, an environment of conda, and one that has what it needs.
            (&[packages, program, "lib/python3.12/os.py"], false, false),
            (&[packages, program, "conda-meta/history"], false, false),
            (&[packages, program, "pyvenv.cfg"], false, false),
        ]
        .into_iter()
        .enumerate()
        {
            let root = made(&number.to_string(), entries);
            assert_eq!((was_environment(&root, false), was_environment(&root, true)), (alone, noted), "{entries:?}");
        }
        assert!(!was_environment(&folder.path().join("absent"), true));
    }
}
