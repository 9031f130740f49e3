//! Projects that this program has installed, and whose metadata is gone.
//!
//! Whoever uninstalls a project removes its files as well. Where some of them are left, or all of the folder of packages is gone, nobody has
//! uninstalled it.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use pep440_rs::Version;

use super::{Finding, Problem, Project, Standing};
use crate::index::ProjectName;
use crate::installer::origin::{Origin, Origins};

/// A project whose metadata is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::installer) struct Vanished {
    pub(in crate::installer) name: ProjectName,
    pub(in crate::installer) version: Version,
    /// Its `.dist-info`, relative to the root.
    pub(in crate::installer) folder: PathBuf,
    /// Whether something else has uninstalled it.
    pub(in crate::installer) is_uninstalled: bool,
}

/// The projects that are noted and not among those that are there. `packages` is where packages are now, relative to the root, if
/// anybody knows; `is_claimed` says whether a file belongs to a project that is there.
pub(in crate::installer) fn vanished(
    root: &Path,
    packages: Option<&Path>,
    there: &HashSet<&ProjectName>,
    origins: &Origins,
    is_claimed: impl Fn(&str) -> bool,
) -> Vec<Vanished> {
    let noted = origins.all().filter(|(name, _)| !there.contains(name));
    let has_packages = packages.is_some_and(|folder| root.join(folder).is_dir());
    let remains = |path: &String| !is_claimed(path) && fs::symlink_metadata(root.join(path)).is_ok();
    let each = noted.filter_map(|(name, origin)| {
        let folder = folder(name, origin, packages)?;
        let is_uninstalled = has_packages && !traces(name, origin, packages).iter().any(remains);
        Some(Vanished { name: name.clone(), version: origin.version()?, folder, is_uninstalled })
    });
    let mut found: Vec<_> = each.collect();
    // Whoever uninstalls one after the other leaves nothing of any of them.
    let is_swept = there.is_empty() && found.iter().any(|one| !one.is_uninstalled);
    for one in &mut found {
        one.is_uninstalled &= !is_swept;
    }
    found
}

/// Where its metadata was: as it was noted, else as wheels are named.
fn folder(name: &ProjectName, origin: &Origin, packages: Option<&Path>) -> Option<PathBuf> {
    if let Some(noted) = &origin.metadata {
        return Some(noted.clone());
    }
    let mut parts = origin.file.split('-');
    let (project, version) = (parts.next()?, parts.next()?);
    let is_it = project.parse::<ProjectName>().is_ok_and(|project| project == *name);
    packages.filter(|_| is_it).map(|packages| packages.join(format!("{project}-{version}.dist-info")))
}

/// Files that would be there if nobody had uninstalled it. Notes of older versions have none: then its module, by its name.
fn traces(name: &ProjectName, origin: &Origin, packages: Option<&Path>) -> Vec<String> {
    let Some(packages) = packages.filter(|_| origin.metadata.is_none()) else { return origin.files.clone() };
    let module = name.as_str().replace('-', "_");
    let names = [format!("{module}/__init__.py"), format!("{module}.py")];
    names.iter().filter_map(|name| packages.join(name).to_str().map(str::to_owned)).collect()
}

impl Vanished {
    /// The finding about it.
    pub(super) fn finding(&self) -> Finding {
        let problem = if self.is_uninstalled {
            Problem::Uninstalled { version: self.version.to_string() }
        } else {
            Problem::MetadataGone
        };
        Finding::about(Some(&self.name), Some(self.folder.clone()), problem)
    }

    /// A project of which nothing is known but where it came from, so that all of it is put back.
    pub(super) fn project(self) -> Project {
        let gone = || "it is gone".to_owned();
        Project {
            name: Some(self.name),
            version: Some(self.version),
            folder: self.folder,
            distribution: None,
            metadata: Err(gone()),
            rows: Err(gone()),
            record: None,
            standing: Standing::Alone,
            is_linked: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::installer::switch::Register;
    use crate::objects::ContentId;

    #[test]
    fn what_was_uninstalled_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("env");
        let packages = Path::new("lib/python3.12/site-packages");
        let register = Register::open(folder.path(), &root).unwrap();
        let id = ContentId::of(b"x").to_string();
        let noted = |name: &str, more: &str| {
            format!(
                "\"{name}\":{{\"version\":\"1\",\"wheel\":\"{id}\",\"file\":\"{name}-1-py3-none-any.whl\",\"requested\":true,\
                 \"record\":\"{id}\"{more}}}"
            )
        };
        let more = ",\"metadata\":\"lib/python3.12/site-packages/b-1.dist-info\",\"files\":[\"bin/b\"]";
        let text = format!("{{\"version\":1,\"projects\":{{{},{}}}}}", noted("a", ""), noted("b", more));
        fs::write(register.origins(), text).unwrap();
        let origins = Origins::read(&register);
        let other = "c".parse().unwrap();
        let told = |packages: Option<&Path>, there: &[&ProjectName], claimed: &str| {
            let there = there.iter().copied().collect();
            let found = vanished(&root, packages, &there, &origins, |path| path == claimed);
            found.iter().map(|one| (one.folder.display().to_string(), one.is_uninstalled)).collect::<Vec<_>>()
        };
        let both = |a, b| {
            ["a", "b"]
                .map(|name| packages.join(format!("{name}-1.dist-info")).display().to_string())
                .into_iter()
                .zip([a, b])
                .collect::<Vec<_>>()
        };
        assert_eq!(told(Some(packages), &[&other], ""), both(false, false), "the folder is gone");
        assert_eq!(told(None, &[], ""), both(false, false)[1..], "where a was nobody knows");
        fs::create_dir_all(root.join(packages)).unwrap();
        assert_eq!(told(Some(packages), &[&other], ""), both(true, true));
        assert_eq!(told(Some(packages), &[], ""), both(true, true), "all of them were uninstalled");
        fs::create_dir(root.join("bin")).unwrap();
        fs::write(root.join("bin/b"), "").unwrap();
        assert_eq!(told(Some(packages), &[&other], ""), both(true, false));
        assert_eq!(told(Some(packages), &[&other], "bin/b"), both(true, true), "it is somebody else's");
        assert_eq!(told(Some(packages), &[], ""), both(false, false), "the folder was emptied");
        fs::write(root.join(packages).join("a.py"), "").unwrap();
        assert_eq!(told(Some(packages), &[&other], ""), both(false, false), "a by its module");
    }
}
