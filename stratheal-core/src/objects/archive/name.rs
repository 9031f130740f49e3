//! Names of entries: which of them may become paths.

use std::collections::{HashMap, HashSet};

use super::ArchiveError;

/// Limits of common file systems, and of the work that checking names may be.
const LONGEST_COMPONENT: usize = 255;
const LONGEST_PATH: usize = 1_024;
const DEEPEST: usize = 32;

/// Takes a name as a relative path of plain components, `/` between them, or says why not. A `/` at its end is not part of it.
pub(super) fn check(raw: &[u8]) -> Result<&str, ArchiveError> {
    let refused = |reason| ArchiveError::Name { entry: shown(raw), reason };
    let name = std::str::from_utf8(raw).map_err(|_| refused("it is not UTF-8"))?;
    check_path(name.strip_suffix('/').unwrap_or(name)).map_err(refused)
}

/// Why a text is no harmless relative path.
pub(in crate::objects) fn check_path(path: &str) -> Result<&str, &'static str> {
    let mut components = path.split('/');
    let drive = path.as_bytes().get(1) == Some(&b':') && path.as_bytes()[0].is_ascii_alphabetic();
    if path.is_empty() {
        Err("it is empty")
    } else if path.starts_with('/') || drive {
        Err("it is absolute")
    } else if path.contains('\0') {
        Err("it contains a NUL")
    } else if path.contains('\\') {
        Err("it contains a backslash, which is a separator on some systems")
    } else if path.chars().any(char::is_control) {
        Err("it contains a control character")
    } else if path.len() > LONGEST_PATH || path.split('/').count() > DEEPEST {
        Err("it is too long or too deep")
    } else if components.clone().any(|component| component == "..") {
        Err("it leads out of the archive")
    } else if components.clone().any(|component| component.is_empty() || component == ".") {
        Err("it has an empty component")
    } else if components.any(|component| component.len() > LONGEST_COMPONENT) {
        Err("one of its components is too long")
    } else {
        Ok(path)
    }
}

/// Whether all these files can stand beside each other on every system, those that ignore case included.
pub(super) fn check_together<'a>(
    files: impl Iterator<Item = &'a str> + Clone,
    folders: impl Iterator<Item = &'a str>,
) -> Result<(), ArchiveError> {
    let collision = |first: &str, second: &str| ArchiveError::Collision { first: first.into(), second: second.into() };
    let mut seen: HashMap<String, &str> = HashMap::new();
    for file in files.clone() {
        if let Some(before) = seen.insert(file.to_lowercase(), file) {
            return Err(collision(before, file));
        }
    }
    let mut checked = HashSet::new();
    for path in files.filter_map(parent).chain(folders) {
        // Folders repeat from file to file; each is checked once.
        let mut folder = Some(path);
        while let Some(path) = folder.filter(|path| checked.insert(*path)) {
            if let Some(file) = seen.get(&path.to_lowercase()) {
                return Err(collision(file, path));
            }
            folder = parent(path);
        }
    }
    Ok(())
}

fn parent(path: &str) -> Option<&str> {
    path.rsplit_once('/').map(|(folder, _)| folder)
}

/// A name as it may be shown.
pub(super) fn shown(raw: &[u8]) -> String {
    String::from_utf8_lossy(raw).chars().take(120).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names() {
        for (name, good) in [
            ("a/b.py", true),
            ("a/", true),
            ("é/ü", true),
            ("a/..b/c", true),
            ("a b/c", true),
            ("", false),
            ("/", false),
            ("/etc/passwd", false),
            ("../a", false),
            ("a/../../b", false),
            ("a/..", false),
            ("./a", false),
            ("a//b", false),
            ("a//", false),
            ("a\\b", false),
            ("C:/a", false),
            ("c:a", false),
            ("a\0b", false),
            ("a\nb", false),
            ("a\u{9b}b", false),
        ] {
            assert_eq!(check(name.as_bytes()).is_ok(), good, "{name:?}");
        }
        assert!(check(b"\xff").is_err());
        assert!(check("a/".repeat(DEEPEST + 1).as_bytes()).is_err());
        assert!(check("a".repeat(LONGEST_COMPONENT + 1).as_bytes()).is_err());
    }

    #[test]
    fn names_beside_each_other() {
        for (files, folders, good) in [
            (&["a", "b/c", "b/d"][..], &["b", "e"][..], true),
            (&["A/x", "a/y"], &[], true),
            (&["a", "A"], &[], false),
            (&["É", "é"], &[], false),
            (&["a", "a/b"], &[], false),
            (&["a/b/c", "A"], &[], false),
            (&["a"], &["a"], false),
        ] {
            assert_eq!(check_together(files.iter().copied(), folders.iter().copied()).is_ok(), good, "{files:?}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(raw: Vec<u8>, name in "[a./\\\\:]{0,9}") {
            let _ = check(&raw);
            if let Ok(path) = check(name.as_bytes()) {
                let plain = |component| matches!(component, std::path::Component::Normal(_));
                prop_assert!(std::path::Path::new(path).components().all(plain));
            }
        }
    }
}
