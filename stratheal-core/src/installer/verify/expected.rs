//! Which files there should be: the rows of all RECORDs, by path.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use super::Project;
use crate::installer::installed::resolve;
use crate::objects::{ContentId, RecordHash, RecordRow};

/// What one project says about a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::installer) struct Claim {
    /// The number of the project.
    pub(in crate::installer) project: usize,
    /// Its content; `None` where RECORD gives no SHA-256.
    pub(in crate::installer) content: Option<ContentId>,
    pub(in crate::installer) size: Option<u64>,
}

/// A file that should be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::installer) struct Expected {
    /// Relative to the root, plain components, `/` between them.
    pub(in crate::installer) path: Arc<str>,
    pub(in crate::installer) claim: Claim,
    /// What other projects say about it.
    pub(in crate::installer) more: Vec<Claim>,
}

impl Expected {
    pub(in crate::installer) fn claims(&self) -> impl Iterator<Item = &Claim> {
        std::iter::once(&self.claim).chain(&self.more)
    }
}

/// A row that leads out of the environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outside {
    pub(super) project: usize,
    pub(super) row: RecordRow,
}

/// Everything that should be there.
#[derive(Debug, Default)]
pub(super) struct ExpectedFiles {
    pub(super) files: Vec<Expected>,
    pub(super) by_path: HashMap<Arc<str>, u32>,
    pub(super) outside: Vec<Outside>,
}

impl ExpectedFiles {
    /// Collects the rows of all projects that have a usable RECORD. Bytecode is left out: Python writes it anew as it likes.
    pub(super) fn of(projects: &[Project], root: &Path) -> Self {
        let count = projects.iter().filter_map(|project| project.rows.as_ref().ok()).map(Vec::len).sum();
        let mut all =
            Self { files: Vec::with_capacity(count), by_path: HashMap::with_capacity(count), outside: Vec::new() };
        for (number, project) in projects.iter().enumerate() {
            let (Ok(rows), Some(packages)) = (&project.rows, project.packages().to_str()) else { continue };
            for row in rows.iter().filter(|row| !is_bytecode(row)) {
                all.add(number, row, packages, root);
            }
        }
        all
    }

    fn add(&mut self, project: usize, row: &RecordRow, packages: &str, root: &Path) {
        let Some(path) = place(&row.path, packages, root) else {
            return self.outside.push(Outside { project, row: row.clone() });
        };
        let content = match &row.hash {
            RecordHash::Sha256(id) => Some(*id),
            RecordHash::Absent | RecordHash::Other(_) => None,
        };
        let claim = Claim { project, content, size: row.size };
        if let Some(known) = self.by_path.get(path.as_str()) {
            let known = &mut self.files[*known as usize];
            if known.claims().all(|other| other.project != project) {
                known.more.push(claim);
            }
            return;
        }
        let path: Arc<str> = path.into();
        self.by_path.insert(Arc::clone(&path), self.files.len() as u32);
        self.files.push(Expected { path, claim, more: Vec::new() });
    }
}

/// Whether a row is about bytecode that Python keeps. `virtualenv` lists, without hashes, what may come to be: `a.cpython-312.pyc` beside
/// its module, and folders `__pycache__`. A `.pyc` with a hash elsewhere is a module without a source, which Python never writes.
fn is_bytecode(row: &RecordRow) -> bool {
    let is_hashless = matches!(row.hash, RecordHash::Absent);
    let is_compiled = Path::new(&row.path).extension().is_some_and(|extension| extension == "pyc");
    row.path.split('/').any(|part| part == "__pycache__") || (is_hashless && is_compiled)
}

/// A row's path, relative to the root; `None` when it leads elsewhere. Almost all rows are plain, and there are ten thousands.
fn place(row: &str, packages: &str, root: &Path) -> Option<String> {
    let is_plain = !row.starts_with(['/', '.'])
        && !row.ends_with('/')
        && !row.contains("/.")
        && !row.contains("//")
        && !cfg!(windows);
    if is_plain {
        let mut path = String::with_capacity(packages.len() + 1 + row.len());
        path.push_str(packages);
        path.push('/');
        path.push_str(row);
        return Some(path);
    }
    let found = resolve(row, Path::new(packages), root)?;
    let parts: Option<Vec<&str>> = found.iter().map(|part| part.to_str()).collect();
    parts.map(|parts| parts.join("/"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rows_have_places() {
        for (row, expected) in [
            ("a/b.py", Some("lib/p/a/b.py")),
            ("./a.py", Some("lib/p/a.py")),
            ("../../bin/run", Some("bin/run")),
            ("a/../b.py", Some("lib/p/b.py")),
            ("a/.hidden", Some("lib/p/a/.hidden")),
            ("../../../out", None),
            ("/etc/passwd", None),
            ("/env/share/x", Some("share/x")),
        ] {
            assert_eq!(place(row, "lib/p", Path::new("/env")).as_deref(), expected, "{row}");
        }
    }

    #[test]
    fn rows_of_bytecode() {
        let is = |row: &str| is_bytecode(&crate::objects::parse_record(row).unwrap()[0]);
        let hash = "sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0";
        for row in ["a/__pycache__/b.cpython-312.pyc", "__pycache__/b.pyc", "a/__pycache__"] {
            assert!(is(&format!("{row},,")) && is(&format!("{row},{hash}")), "{row}");
        }
        assert!(is("a/b.cpython-312.pyc,,") && !is(&format!("a/only.pyc,{hash}")));
        assert!(!is("a/b.py,,") && !is("a/my__pycache__/b.py,,"));
    }

    proptest! {
        #[test]
        fn the_short_way_is_the_long_one(row in "(\\.\\./|\\./|/|a|b|\\.|/env/){1,8}") {
            let long = resolve(&row, Path::new("lib/p"), Path::new("/env"));
            let short = place(&row, "lib/p", Path::new("/env"));
            prop_assert_eq!(short.as_ref().map(Path::new), long.as_deref());
        }
    }
}
