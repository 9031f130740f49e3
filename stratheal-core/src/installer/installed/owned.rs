//! Which files of an environment belong to an installed project.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use crate::objects::RecordRow;

/// The files that a project owns, relative to the root of the environment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::installer) struct Owned {
    pub(in crate::installer) files: BTreeSet<PathBuf>,
    /// Rows that lead out of the environment, as they are written.
    pub(in crate::installer) outside: Vec<String>,
}

impl Owned {
    /// Resolves the rows of a RECORD. `packages` is the folder that holds the `.dist-info`, relative to the root. Pure: rows are
    /// text, and links in the environment are looked at by whoever uses the paths.
    pub(in crate::installer) fn of(rows: &[RecordRow], packages: &Path, root: &Path) -> Self {
        let mut owned = Self::default();
        for row in rows {
            match resolve(&row.path, packages, root) {
                Some(path) => drop(owned.files.insert(path)),
                None => owned.outside.push(row.path.clone()),
            }
        }
        owned
    }
}

/// A row's path, relative to the root; `None` when it leads elsewhere.
pub(in crate::installer) fn resolve(written: &str, packages: &Path, root: &Path) -> Option<PathBuf> {
    let written = Path::new(written);
    if let Ok(inside) = written.strip_prefix(root) {
        return inside.components().all(|part| matches!(part, Component::Normal(_))).then(|| inside.to_owned());
    }
    let mut parts: Vec<&std::ffi::OsStr> = packages.iter().collect();
    for component in written.components() {
        match component {
            Component::Normal(name) => parts.push(name),
            Component::CurDir => {}
            Component::ParentDir => drop(parts.pop()?),
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    (!parts.is_empty()).then(|| parts.iter().collect())
}

/// The bytecode that Python keeps for a module: the folder, and the beginning of the names there. `None` for what is no module.
pub(in crate::installer) fn bytecode_of(module: &Path) -> Option<(PathBuf, String)> {
    if module.extension()? != "py" {
        return None;
    }
    let stem = module.file_stem()?.to_str()?;
    Some((module.parent()?.join("__pycache__"), format!("{stem}.")))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::objects::parse_record;

    #[test]
    fn rows_become_paths() {
        let rows =
            parse_record("a/b.py,,\n./c.py,,\n../../../bin/run,,\n/env/share/x,,\n../../../../out,,\n/etc/passwd,,\n")
                .unwrap();
        let owned = Owned::of(&rows, Path::new("lib/python3.12/site-packages"), Path::new("/env"));
        let files: Vec<_> = owned.files.iter().map(|path| path.to_str().unwrap()).collect();
        assert_eq!(
            files,
            ["bin/run", "lib/python3.12/site-packages/a/b.py", "lib/python3.12/site-packages/c.py", "share/x"]
        );
        assert_eq!(owned.outside, ["../../../../out", "/etc/passwd"]);
    }

    #[test]
    fn bytecode() {
        assert_eq!(bytecode_of(Path::new("a/b.py")), Some(("a/__pycache__".into(), "b.".to_owned())));
        assert_eq!(bytecode_of(Path::new("a/b.so")), None);
    }

    proptest! {
        #[test]
        fn never_leads_out(written in "(\\.\\./|\\./|/|a|/env/){0,8}") {
            if let Some(path) = resolve(&written, Path::new("lib/p"), Path::new("/env")) {
                prop_assert!(path.components().all(|part| matches!(part, Component::Normal(_))));
            }
        }
    }
}
